#include "core/measures/rdm.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/rdm_folds.h"
#include "core/measures/specification.h"

namespace repscore {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Raw rows are centred rows plus means: shorter than this against both, they
// are rounding.
constexpr double kShortestRow = 16.0 * kEpsilon;
// Squared distances below this share of the squared norms are taken from the
// rows; they would be rounding of K_ii + K_jj - 2 K_ij.
constexpr double kClose = 1e-6;
constexpr double kCloseInFloat32 = 1e-2;
constexpr double kMostPrior = 1e9;

constexpr std::array<std::string_view, 7> kKinds = {"sq_euclidean",
                                                    "euclidean",
                                                    "correlation",
                                                    "cosine",
                                                    "mahalanobis",
                                                    "crossnobis",
                                                    "poisson"};

/// Numbers between the parentheses of "name(1,0.5)"; nothing when malformed.
absl::StatusOr<std::vector<double>> Arguments(std::string_view text,
                                              size_t open) {
  std::vector<double> numbers;
  if (open == std::string_view::npos) {
    return numbers;
  }
  const auto malformed = [text] {
    return absl::InvalidArgumentError(
        StrCat("rdm=", text, " should be name or name(number,...)"));
  };
  if (text.back() != ')') {
    return malformed();
  }
  std::string_view inner = text.substr(open + 1, text.size() - open - 2);
  while (!inner.empty()) {
    const size_t comma = std::min(inner.find(','), inner.size());
    const std::string_view piece = inner.substr(0, comma);
    double number = 0.0;
    const auto result =
        std::from_chars(piece.data(), piece.data() + piece.size(), number);
    if (result.ec != std::errc() || result.ptr != piece.data() + piece.size() ||
        !std::isfinite(number)) {
      return malformed();
    }
    numbers.push_back(number);
    inner.remove_prefix(std::min(comma + 1, inner.size()));
  }
  return numbers;
}

Rdm EuclideanRdm(const RdmRule& rule, const Statistics& statistics, Side side) {
  const bool candidate = side == Side::kCandidate;
  const Eigen::MatrixXd kernel =
      ToHost(*statistics.backend,
             candidate ? statistics.kernel : statistics.reference_kernel);
  const Eigen::MatrixXd rows = CentredRows(statistics, side).transpose();
  const double close = statistics.candidate_rows.type() == ScalarType::kFloat64
                           ? kClose
                           : kCloseInFloat32;
  Rdm rdm;
  rdm.distances = DistancesOf(kernel);
  for (Eigen::Index j = 0; j < kernel.cols(); ++j) {
    for (Eigen::Index i = 0; i < j; ++i) {
      double& squared = rdm.distances(i, j);
      if (squared <= close * (kernel(i, i) + kernel(j, j))) {
        squared = (rows.col(i) - rows.col(j)).squaredNorm();
      }
      rdm.distances(j, i) = squared;
    }
  }
  rdm.noise = 16.0 * kEpsilon * rdm.distances.maxCoeff();
  if (rule.kind == RdmKind::kEuclidean) {
    rdm.distances = rdm.distances.cwiseSqrt();
    rdm.noise = 16.0 * kEpsilon * rdm.distances.maxCoeff();
  }
  return rdm;
}

/// D = 1 - Z Z', Z the rows (without their own mean) of unit length.
absl::StatusOr<Rdm> AngularRdm(const RdmRule& rule,
                               const Statistics& statistics,
                               Side side) {
  const bool correlation = rule.kind == RdmKind::kCorrelation;
  Rdm rdm;
  rdm.rows = RawRows(statistics, side);
  const Eigen::VectorXd centred =
      CentredRows(statistics, side).rowwise().norm();
  const double mean =
      ToHost(*statistics.backend,
             side == Side::kCandidate ? statistics.candidate_means
                                      : statistics.reference_means)
          .norm();
  if (correlation) {
    const Eigen::VectorXd row_means = rdm.rows.rowwise().mean();
    rdm.rows.colwise() -= row_means;
  }
  rdm.lengths = rdm.rows.rowwise().norm();
  for (Eigen::Index i = 0; i < rdm.rows.rows(); ++i) {
    if (!(rdm.lengths(i) > kShortestRow * (centred(i) + mean))) {
      return absl::InvalidArgumentError(
          StrCat(NameOf(side),
                 ": row ",
                 i,
                 correlation ? " has no variance over its " : " is 0 in its ",
                 rdm.rows.cols(),
                 correlation ? " units, so that its correlation distances"
                             : " units, so that its cosine distances",
                 " are undefined; leave the row out or use rdm=euclidean"));
    }
  }
  rdm.rows.array().colwise() /= rdm.lengths.array();
  rdm.distances = Eigen::MatrixXd::Ones(rdm.rows.rows(), rdm.rows.rows()) -
                  rdm.rows * rdm.rows.transpose();
  rdm.distances.diagonal().setZero();
  rdm.noise = 32.0 * kEpsilon;
  return rdm;
}

absl::StatusOr<Rdm> PoissonRdm(const RdmRule& rule,
                               const Statistics& statistics,
                               Side side) {
  Rdm rdm;
  rdm.rows = RawRows(statistics, side);
  const double slack = kShortestRow * rdm.rows.cwiseAbs().maxCoeff();
  for (Eigen::Index i = 0; i < rdm.rows.rows(); ++i) {
    for (Eigen::Index j = 0; j < rdm.rows.cols(); ++j) {
      double& x = rdm.rows(i, j);
      if (x < -slack) {
        return absl::InvalidArgumentError(StrCat(NameOf(side),
                                                 ": row ",
                                                 i,
                                                 ", column ",
                                                 j,
                                                 " is ",
                                                 x,
                                                 ", but rdm=poisson takes "
                                                 "counts or rates of at least "
                                                 "0"));
      }
      x = (std::max(x, 0.0) + rule.prior_rate * rule.prior_weight) /
          (1.0 + rule.prior_weight);
    }
  }
  // (r_i - r_j) . (l_i - l_j) of a cross kernel r l'
  const Eigen::MatrixXd logs = rdm.rows.array().log().matrix();
  const Eigen::MatrixXd cross =
      rdm.rows * logs.transpose() / static_cast<double>(rdm.rows.cols());
  rdm.distances = DistancesOf(0.5 * (cross + cross.transpose()));
  rdm.distances = rdm.distances.cwiseMax(0.0);
  rdm.noise = 16.0 * kEpsilon * cross.cwiseAbs().maxCoeff();
  return rdm;
}

}  // namespace

absl::StatusOr<RdmRule> RdmRule::Parse(std::string_view text) {
  const size_t open = text.find('(');
  const auto* found =
      std::find(kKinds.begin(), kKinds.end(), text.substr(0, open));
  if (found == kKinds.end()) {
    std::string known;
    for (const std::string_view kind : kKinds) {
      known += StrCat(known.empty() ? "" : ", ", kind);
    }
    return absl::InvalidArgumentError(
        StrCat("rdm=", text, " is none of ", known));
  }
  RdmRule rule;
  rule.kind = static_cast<RdmKind>(found - kKinds.begin());
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<double> numbers,
                            Arguments(text, open));
  if (rule.uses_folds() && numbers.size() <= 1) {
    rule.whitens = rule.kind == RdmKind::kMahalanobis || !numbers.empty();
    rule.shrinkage = numbers.empty() ? 0.1 : numbers[0];
    if (rule.shrinkage < 0.0 || rule.shrinkage > 1.0) {
      return absl::InvalidArgumentError(
          StrCat("rdm=", text, ": the shrinkage is outside [0, 1]"));
    }
    return rule;
  }
  if (rule.kind == RdmKind::kPoisson &&
      (numbers.empty() || numbers.size() == 2)) {
    if (!numbers.empty()) {
      rule.prior_rate = numbers[0];
      rule.prior_weight = numbers[1];
    }
    if (!(rule.prior_rate > 0.0 && rule.prior_rate <= kMostPrior &&
          rule.prior_weight > 0.0 && rule.prior_weight <= kMostPrior)) {
      return absl::InvalidArgumentError(
          StrCat("rdm=", text, ": prior rate and weight must be above 0"));
    }
    return rule;
  }
  if (!numbers.empty()) {
    return absl::InvalidArgumentError(
        StrCat("rdm=",
               text,
               ": numbers go with mahalanobis(shrinkage), "
               "crossnobis(shrinkage) and poisson(rate,weight)"));
  }
  return rule;
}

std::string RdmRule::ToString() const {
  std::string text(kKinds.at(static_cast<size_t>(kind)));
  if (whitens) {
    return StrCat(text, "(", ShortestNumber(shrinkage), ")");
  }
  if (kind == RdmKind::kPoisson) {
    return StrCat(text,
                  "(",
                  ShortestNumber(prior_rate),
                  ",",
                  ShortestNumber(prior_weight),
                  ")");
  }
  return text;
}

void RdmRule::AddNeeds(StatisticsNeeds& needs) const {
  needs.candidate_rows = true;
  needs.reference_rows = true;
  if (uses_raw_rows()) {
    needs.means = true;
    needs.full_reference = true;
  } else if (uses_folds()) {
    // The shrinkage and the division by q see the number of columns.
    needs.full_reference = true;
  } else {
    needs.kernel = true;
    needs.reference_kernel = true;
  }
}

void RdmRule::Claim(MeasureInfo& info) const {
  switch (kind) {
    case RdmKind::kCorrelation:
      info.invariances = {"permutation", "scale"};
      info.minimum_features = 2;
      info.accepts_zero_rows = false;
      return;
    case RdmKind::kCosine:
      info.invariances = {"orthogonal", "permutation", "scale"};
      info.accepts_zero_rows = false;
      return;
    case RdmKind::kPoisson:
      info.invariances = {"permutation"};
      return;
    default:
      break;
  }
  info.invariances = {"orthogonal", "permutation", "scale", "translation"};
  if (whitens && shrinkage == 0.0) {
    info.invariances.push_back("invertible");
  }
  if (uses_folds()) {
    info.rows_multiple_of = folds.count();
  }
}

absl::StatusOr<Rdm> BuildRdm(const RdmRule& rule,
                             const Statistics& statistics,
                             Side side) {
  switch (rule.kind) {
    case RdmKind::kCorrelation:
    case RdmKind::kCosine:
      return AngularRdm(rule, statistics, side);
    case RdmKind::kPoisson:
      return PoissonRdm(rule, statistics, side);
    case RdmKind::kMahalanobis:
    case RdmKind::kCrossnobis:
      return BuildFoldRdm(rule, statistics, side);
    default:
      return EuclideanRdm(rule, statistics, side);
  }
}

void PullBackRdm(const RdmRule& rule,
                 const Statistics& statistics,
                 Side side,
                 const Rdm& rdm,
                 const Eigen::MatrixXd& weights,
                 Adjoint& adjoint) {
  Backend& backend = *statistics.backend;
  Matrix& kernel =
      side == Side::kCandidate ? adjoint.kernel : adjoint.reference_kernel;
  switch (rule.kind) {
    case RdmKind::kSquaredEuclidean:
      AddInto(backend, ToBackend(backend, Laplacian(weights)), kernel);
      return;
    case RdmKind::kEuclidean: {
      // dD = d(D^2) / (2 D)
      const Eigen::MatrixXd scaled =
          (rdm.distances.array() > 0.0)
              .select(0.5 * weights.array() / rdm.distances.array(), 0.0);
      AddInto(backend, ToBackend(backend, Laplacian(scaled)), kernel);
      return;
    }
    case RdmKind::kCorrelation:
    case RdmKind::kCosine: {
      // gz = -G Z; of the unit row: (gz - z <z, gz>) / |x|
      Eigen::MatrixXd derivative = -(weights * rdm.rows);
      const Eigen::ArrayXd along =
          derivative.cwiseProduct(rdm.rows).rowwise().sum().array();
      derivative.array() -= rdm.rows.array().colwise() * along;
      derivative.array().colwise() /= rdm.lengths.array();
      if (rule.kind == RdmKind::kCorrelation) {
        const Eigen::VectorXd means = derivative.rowwise().mean();
        derivative.colwise() -= means;
      }
      AddRawRows(backend, side, derivative, adjoint);
      return;
    }
    case RdmKind::kPoisson: {
      // lap(G, log r) + lap(G, r) / r
      const Eigen::MatrixXd laplacian = Laplacian(weights);
      const Eigen::MatrixXd logs = rdm.rows.array().log().matrix();
      const Eigen::MatrixXd derivative =
          (laplacian * logs +
           ((laplacian * rdm.rows).array() / rdm.rows.array()).matrix()) /
          ((1.0 + rule.prior_weight) * static_cast<double>(rdm.rows.cols()));
      AddRawRows(backend, side, derivative, adjoint);
      return;
    }
    case RdmKind::kMahalanobis:
    case RdmKind::kCrossnobis:
      PullBackFoldRdm(rule, statistics, side, rdm, weights, adjoint);
      return;
  }
}

}  // namespace repscore
