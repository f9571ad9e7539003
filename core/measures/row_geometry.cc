// Where rows lie, without a pairing of units: bases of the column spaces, and
// absolute differences of one number per side. x_i are the rows as they came,
// m their mean.
//
//   eigenspace_overlap  |Ux' Uy|^2 / max(p, q), U bases of the column spaces
//   magnitude           |m|
//   concentricity       mean of cos(x_i, m)
//   uniformity          log mean over all i, j of exp(-t |x_i - x_j|^2)
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <tuple>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/host.h"

namespace repscore {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kLargestT = 1e300;
// Means of exp() below this are the diagonal's alone.
constexpr double kUnderflow = 1e-30;

std::string_view NameOf(Side side) {
  return side == Side::kCandidate ? "candidate" : "reference";
}

StatisticsNeeds RawRowNeeds() {
  StatisticsNeeds needs;
  needs.candidate_rows = true;
  needs.reference_rows = true;
  needs.full_reference = true;
  needs.means = true;
  return needs;
}

Eigen::VectorXd MeansOf(const Statistics& statistics, Side side) {
  return ToHost(*statistics.backend,
                side == Side::kCandidate ? statistics.candidate_means
                                         : statistics.reference_means);
}

/// 1 / |x_i|, 0 for rows that are 0 up to the rounding of adding the mean
/// back; those are told of.
Eigen::VectorXd InverseNorms(const Eigen::MatrixXd& rows,
                             const Eigen::VectorXd& means,
                             Side side,
                             std::vector<MeasureWarning>& warnings) {
  const double floor = 8.0 * kEpsilon * means.norm();
  Eigen::VectorXd inverse = rows.rowwise().norm();
  int64_t zeros = 0;
  for (double& norm : inverse) {
    const bool zero = norm <= floor;
    zeros += zero ? 1 : 0;
    norm = zero ? 0.0 : 1.0 / norm;
  }
  if (zeros > 0) {
    warnings.push_back({.reason = "ZERO_ROWS",
                        .message = StrCat(NameOf(side),
                                          ": ",
                                          zeros,
                                          " rows are 0 and have no direction; "
                                          "their cosines were taken as 0")});
  }
  return inverse;
}

class EigenspaceOverlap final : public Measure {
 public:
  EigenspaceOverlap(MeasureInfo info, bool centred, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), centred_(centred) {}

  const MeasureInfo& info() const override { return info_; }
  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    return RawRowNeeds();
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // The rows of both sides on the host, their bases and decompositions.
    return 3 * size.rows * (size.candidate_features + size.reference_features);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    Evaluation result;
    const Eigen::MatrixXd x = Basis(statistics, Side::kCandidate);
    const Eigen::MatrixXd y = Basis(statistics, Side::kReference);
    const ProblemSize& size = statistics.size;
    result.value = (x.transpose() * y).squaredNorm() /
                   static_cast<double>(std::max(size.candidate_features,
                                                size.reference_features));
    result.value = std::min(result.value, 1.0);
    for (const auto& [side, rank, features] :
         {std::tuple(Side::kCandidate, x.cols(), size.candidate_features),
          std::tuple(Side::kReference, y.cols(), size.reference_features)}) {
      if (rank < features) {
        result.warnings.push_back(
            {.reason = "RANK_DEFICIENT",
             .message = StrCat(NameOf(side),
                               ": its ",
                               features,
                               " columns have rank ",
                               rank,
                               ", so that even equal sides stay below 1")});
      }
    }
    return result;
  }

 private:
  /// Orthonormal basis of the column space [n x rank].
  Eigen::MatrixXd Basis(const Statistics& statistics, Side side) const {
    const Eigen::MatrixXd rows =
        centred_ ? CentredRows(statistics, side) : RawRows(statistics, side);
    Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(rows.rows(), rows.cols());
    qr.setThreshold(kEpsilon *
                    static_cast<double>(std::max(rows.rows(), rows.cols())));
    qr.compute(rows);
    return qr.householderQ() *
           Eigen::MatrixXd::Identity(rows.rows(), qr.rank());
  }

  const MeasureInfo info_;
  const bool centred_;
};

/// |f(candidate) - f(reference)|
class RowDifference : public Measure {
 public:
  RowDifference(MeasureInfo info, std::string id)
      : Measure(std::move(id)), info_(std::move(info)) {}

  const MeasureInfo& info() const override { return info_; }
  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    return RawRowNeeds();
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    Evaluation result;
    const absl::StatusOr<double> candidate =
        Describe(statistics, Side::kCandidate, result.warnings);
    if (!candidate.ok()) {
      return candidate.status();
    }
    const absl::StatusOr<double> reference =
        Describe(statistics, Side::kReference, result.warnings);
    if (!reference.ok()) {
      return reference.status();
    }
    result.value = std::abs(*candidate - *reference);
    return result;
  }

 protected:
  /// f of one side.
  virtual absl::StatusOr<double> Describe(
      const Statistics& statistics,
      Side side,
      std::vector<MeasureWarning>& warnings) const = 0;

 private:
  const MeasureInfo info_;
};

class Magnitude final : public RowDifference {
 public:
  using RowDifference::RowDifference;

 protected:
  absl::StatusOr<double> Describe(
      const Statistics& statistics,
      Side side,
      std::vector<MeasureWarning>& /*warnings*/) const override {
    return MeansOf(statistics, side).norm();
  }
};

class Concentricity final : public RowDifference {
 public:
  using RowDifference::RowDifference;

 protected:
  absl::StatusOr<double> Describe(
      const Statistics& statistics,
      Side side,
      std::vector<MeasureWarning>& warnings) const override {
    const Eigen::MatrixXd rows = RawRows(statistics, side);
    const Eigen::VectorXd means = MeansOf(statistics, side);
    const double length = means.norm();
    // A mean that is the rounding of its sum has no direction.
    if (!(length > kEpsilon * rows.rowwise().norm().maxCoeff())) {
      return absl::InvalidArgumentError(
          StrCat(NameOf(side),
                 ": the mean of its ",
                 rows.rows(),
                 " rows is 0, so that concentricity is undefined"));
    }
    const Eigen::VectorXd inverse = InverseNorms(rows, means, side, warnings);
    return (rows * (means / length)).dot(inverse) /
           static_cast<double>(rows.rows());
  }
};

class Uniformity final : public RowDifference {
 public:
  Uniformity(MeasureInfo info, double t, bool unit_norm, std::string id)
      : RowDifference(std::move(info), std::move(id)),
        t_(t),
        unit_norm_(unit_norm) {}

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // The rows of both sides, as they are and of unit norm.
    return 3 * size.rows * (size.candidate_features + size.reference_features);
  }

 protected:
  absl::StatusOr<double> Describe(
      const Statistics& statistics,
      Side side,
      std::vector<MeasureWarning>& warnings) const override {
    Eigen::MatrixXd rows =
        unit_norm_ ? RawRows(statistics, side) : CentredRows(statistics, side);
    if (unit_norm_) {
      const Eigen::VectorXd inverse =
          InverseNorms(rows, MeansOf(statistics, side), side, warnings);
      rows = inverse.asDiagonal() * rows;
    }
    const Eigen::MatrixXd inner = rows * rows.transpose();
    const int64_t n = rows.rows();
    // Over different rows; the diagonal adds n.
    double sum = 0.0;
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = j + 1; i < n; ++i) {
        const double distance = inner(i, i) + inner(j, j) - 2.0 * inner(i, j);
        sum += 2.0 * std::exp(-t_ * std::max(0.0, distance));
      }
    }
    const auto count = static_cast<double>(n);
    if (sum < kUnderflow * count * count) {
      warnings.push_back(
          {.reason = "KERNEL_UNDERFLOW",
           .message = StrCat(NameOf(side),
                             ": with t=",
                             t_,
                             " no two rows are near each other; the value is "
                             "log(1/n) for any such rows")});
    }
    return std::log((count + sum) / (count * count));
  }

 private:
  const double t_;
  const bool unit_norm_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeEigenspaceOverlap(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int centring,
                            parameters.Choice("centring", {"none", "column"}));
  MeasureInfo claims = info;
  if (centring == 1) {
    claims.invariances.emplace_back("translation");
  }
  return std::make_shared<EigenspaceOverlap>(
      std::move(claims), centring == 1, parameters.Canonical());
}

template <typename M>
absl::StatusOr<std::shared_ptr<const Measure>> MakeDifference(
    const MeasureInfo& info, Parameters& parameters) {
  return std::make_shared<M>(info, parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeUniformity(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int rows,
                            parameters.Choice("rows", {"unit_norm", "raw"}));
  REPSCORE_ASSIGN_OR_RETURN(
      const double t,
      parameters.Number("t", std::numeric_limits<double>::min(), kLargestT));
  MeasureInfo claims = info;
  claims.invariances = {
      "orthogonal", "permutation", rows == 0 ? "scale" : "translation"};
  return std::make_shared<Uniformity>(
      std::move(claims), t, rows == 0, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> RowGeometryFamily() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::string_view kReview =
      "Klabunde et al. 2023, Similarity of neural network models: a survey of "
      "functional and representational measures";
  const MeasureInfo overlap = {
      .id = "eigenspace_overlap",
      .aliases = {},
      .summary = "overlap of the column spaces, |Ux'Uy|^2 / max(p, q)",
      .orientation = Orientation::kScore,
      .lowest = 0.0,
      .highest = 1.0,
      .symmetric = true,
      .metric = false,
      .differentiable = false,
      .invariances = {"invertible", "orthogonal", "permutation", "scale"},
      .parameters = {{.name = "centring",
                      .default_value = "none",
                      .description = "of columns: none or column"}},
      .minimum_rows = 2,
      .source =
          "May et al. 2019, On the downstream performance of compressed "
          "word embeddings",
      .examples = {"eigenspace_overlap(centring=column)"},
      .cost = "n (p + q)^2",
      .known_as = {"resi: eigenspace_overlap_score"}};
  MeasureInfo magnitude = overlap;
  magnitude.id = "magnitude";
  magnitude.summary = "absolute difference of the lengths of the mean rows";
  magnitude.orientation = Orientation::kDistance;
  magnitude.highest = kInfinity;
  magnitude.invariances = {"orthogonal", "permutation"};
  magnitude.parameters = {};
  magnitude.source = kReview;
  magnitude.examples = {};
  magnitude.cost = "n (p + q)";
  magnitude.known_as = {"resi: magnitude_difference"};
  MeasureInfo concentricity = magnitude;
  concentricity.id = "concentricity";
  concentricity.summary =
      "absolute difference of the mean cosines between rows and their mean";
  concentricity.highest = 2.0;
  concentricity.invariances = {"orthogonal", "permutation", "scale"};
  concentricity.known_as = {"resi: concentricity_difference"};
  MeasureInfo uniformity = magnitude;
  uniformity.id = "uniformity";
  uniformity.summary =
      "absolute difference of log mean exp(-t |x - y|^2) over all pairs of "
      "rows";
  uniformity.invariances = {"orthogonal", "permutation", "scale"};
  uniformity.parameters = {
      {.name = "rows",
       .default_value = "unit_norm",
       .description = "unit_norm: directions of the rows, as the source; raw: "
                      "rows as they are, soon all log(1/n)"},
      {.name = "t", .default_value = "2", .description = "sharpness, above 0"}};
  uniformity.source =
      "Wang & Isola 2020, Understanding contrastive representation learning "
      "through alignment and uniformity on the hypersphere";
  uniformity.examples = {"uniformity(rows=raw,t=0.05)"};
  uniformity.cost = "n^2 (p + q)";
  uniformity.known_as = {"resi: uniformity_difference (rows=raw)"};
  return {{overlap, MakeEigenspaceOverlap},
          {magnitude, MakeDifference<Magnitude>},
          {concentricity, MakeDifference<Concentricity>},
          {uniformity, MakeUniformity}};
}

}  // namespace repscore
