// Canonical correlations of leading principal components (SVCCA, Raghu et al.
// 2017) and weighted ones (PWCCA, Morcos et al. 2018).
//
//   svcca   sum of the correlations rho of the leading k_x and k_y left
//   singular
//           vectors over min, geometric mean or max of k_x and k_y
//   pwcca   sum of w_i rho_i / sum of w_i, w_i = sum over columns j of
//           |<h_i, x_j>|, h_i the canonical variates of the candidate
#include <algorithm>
#include <cmath>
#include <memory>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/frame.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Correlations that differ by less have no directions of their own.
constexpr double kTied = 1e-7;
// Shares of variance are compared to rounding.
constexpr double kShareRounding = 1e-13;

StatisticsNeeds RowsAndMeans() {
  StatisticsNeeds needs;
  needs.candidate_rows = true;
  needs.reference_rows = true;
  needs.means = true;
  return needs;
}

struct CrossSvd {
  Matrix left;
  Matrix right;
  std::vector<double> rho;
};

CrossSvd Correlate(Backend& backend, const Matrix& x, const Matrix& y) {
  const Matrix cross = Multiply(backend, Op::kTranspose, x, Op::kNone, y);
  const int64_t k = std::min(cross.rows(), cross.cols());
  CrossSvd svd;
  svd.left = backend.Allocate(cross.rows(), k, kDouble);
  svd.right = backend.Allocate(k, cross.cols(), kDouble);
  svd.rho = backend.Svd(cross, svd.left, svd.right);
  for (double& value : svd.rho) {
    value = std::min(value, 1.0);
  }
  return svd;
}

/// How many components are kept: a number or the fewest with a share of the
/// variance.
struct Truncation {
  int64_t components = 0;
  double share = 0.99;
};

enum class Normaliser { kMin, kGeometricMean, kMax };

class Svcca final : public Measure {
 public:
  Svcca(const MeasureInfo& info,
        Truncation truncation,
        Normaliser normaliser,
        bool squared,
        std::string id)
      : Measure(std::move(id)),
        info_(info),
        truncation_(truncation),
        normaliser_(normaliser),
        squared_(squared) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    return RowsAndMeans();
  }

  absl::Status CheckSize(const ProblemSize& size) const override {
    REPSCORE_RETURN_IF_ERROR(Measure::CheckSize(size));
    const int64_t most = std::min(
        {size.candidate_features, size.reference_features, size.rows - 1});
    if (truncation_.components > most) {
      return absl::InvalidArgumentError(
          StrCat("svcca has components=",
                 truncation_.components,
                 ", but ",
                 size.rows,
                 " rows of ",
                 size.candidate_features,
                 " candidate and ",
                 size.reference_features,
                 " reference features have at most ",
                 most));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    REPSCORE_ASSIGN_OR_RETURN(const Matrix x,
                              Leading(statistics, Side::kCandidate));
    REPSCORE_ASSIGN_OR_RETURN(const Matrix y,
                              Leading(statistics, Side::kReference));
    const CrossSvd svd = Correlate(backend, x, y);
    double sum = 0.0;
    for (const double rho : svd.rho) {
      sum += squared_ ? rho * rho : rho;
    }
    const auto k_x = static_cast<double>(x.cols());
    const auto k_y = static_cast<double>(y.cols());
    const double pairs = normaliser_ == Normaliser::kMin ? std::min(k_x, k_y)
                         : normaliser_ == Normaliser::kMax
                             ? std::max(k_x, k_y)
                             : std::sqrt(k_x * k_y);
    Evaluation result;
    result.value = std::clamp(sum / pairs, 0.0, 1.0);
    const int64_t directions = statistics.size.rows - 1;
    if (x.cols() + y.cols() > directions) {
      result.warnings.push_back(
          {.reason = "SATURATED",
           .message = StrCat("with ",
                             x.cols(),
                             " and ",
                             y.cols(),
                             " components of ",
                             statistics.size.rows,
                             " rows at least ",
                             x.cols() + y.cols() - directions,
                             " correlations are 1 for any data")});
    }
    return result;
  }

 private:
  absl::StatusOr<Matrix> Leading(const Statistics& statistics,
                                 Side side) const {
    const Frame frame = CentredFrame(statistics, side);
    int64_t kept = truncation_.components;
    if (kept > frame.rank()) {
      return absl::InvalidArgumentError(
          StrCat("svcca has components=",
                 kept,
                 ", but the ",
                 side == Side::kCandidate ? "candidate" : "reference",
                 " has rank ",
                 frame.rank()));
    }
    if (kept == 0) {
      const double total = frame.values.squaredNorm();
      double sum = 0.0;
      do {
        sum += frame.values(kept) * frame.values(kept);
        ++kept;
      } while (kept < frame.rank() &&
               sum < total * (truncation_.share - kShareRounding));
    }
    return frame.left.Columns(0, kept);
  }

  const MeasureInfo& info_;
  const Truncation truncation_;
  const Normaliser normaliser_;
  const bool squared_;
};

class Pwcca final : public Measure {
 public:
  Pwcca(const MeasureInfo& info, std::string id)
      : Measure(std::move(id)), info_(info) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    return RowsAndMeans();
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    const Frame x = CentredFrame(statistics, Side::kCandidate);
    const Frame y = CentredFrame(statistics, Side::kReference);
    const CrossSvd svd = Correlate(backend, x.left, y.left);
    // h'X = U' diag(s) O'
    const Eigen::MatrixXd projections = ToHost(backend, svd.left).transpose() *
                                        x.values.asDiagonal() *
                                        ToHost(backend, x.right);
    const Eigen::VectorXd weights = projections.cwiseAbs().rowwise().sum();
    const Eigen::Map<const Eigen::VectorXd> rho(svd.rho.data(), weights.size());
    Evaluation result;
    result.value = std::clamp(weights.dot(rho) / weights.sum(), 0.0, 1.0);
    int64_t tied = 0;
    for (Eigen::Index i = 1; i < rho.size(); ++i) {
      tied += rho(i - 1) - rho(i) < kTied ? 1 : 0;
    }
    if (tied > 0) {
      result.warnings.push_back(
          {.reason = "ILL_DEFINED",
           .message = StrCat(tied + 1,
                             " of ",
                             rho.size(),
                             " canonical correlations are tied: their weights "
                             "in pwcca depend on an arbitrary choice of "
                             "directions")});
    }
    return result;
  }

 private:
  const MeasureInfo& info_;
};

/// "10" or "variance(0.99)".
absl::StatusOr<Truncation> ReadTruncation(Parameters& parameters) {
  constexpr std::string_view kPrefix = "variance(";
  const std::string text = parameters.Text("components");
  Truncation truncation;
  if (text.find(kPrefix) != 0 || text.back() != ')') {
    REPSCORE_ASSIGN_OR_RETURN(
        truncation.components,
        parameters.Integer("components", 1, int64_t{1} << 40));
    return truncation;
  }
  parameters.Replace(
      "components",
      text.substr(kPrefix.size(), text.size() - kPrefix.size() - 1));
  REPSCORE_ASSIGN_OR_RETURN(truncation.share,
                            parameters.Number("components", 0.0, 1.0));
  parameters.Replace("components",
                     StrCat(kPrefix, ShortestNumber(truncation.share), ")"));
  return truncation;
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeSvcca(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const Truncation truncation,
                            ReadTruncation(parameters));
  REPSCORE_ASSIGN_OR_RETURN(
      const int normaliser,
      parameters.Choice("normaliser", {"min", "geometric_mean", "max"}));
  REPSCORE_ASSIGN_OR_RETURN(const int statistic,
                            parameters.Choice("statistic", {"rho", "rho2"}));
  return std::make_shared<Svcca>(info,
                                 truncation,
                                 static_cast<Normaliser>(normaliser),
                                 statistic == 1,
                                 parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakePwcca(
    const MeasureInfo& info, Parameters& parameters) {
  return std::make_shared<Pwcca>(info, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> SvccaFamily() {
  const MeasureInfo svcca = {
      .id = "svcca",
      .aliases = {},
      .summary = "mean canonical correlation of leading principal components",
      .orientation = Orientation::kScore,
      .lowest = 0.0,
      .highest = 1.0,
      .symmetric = true,
      .metric = false,
      .differentiable = false,
      .invariances = {"orthogonal", "permutation", "scale", "translation"},
      .parameters = {{.name = "components",
                      .default_value = "variance(0.99)",
                      .description =
                          "kept on each side: a number, or variance(f) for "
                          "the fewest with the share f of the variance"},
                     {.name = "normaliser",
                      .default_value = "min",
                      .description =
                          "what the sum is divided by when the sides keep "
                          "different numbers: min (google/svcca), "
                          "geometric_mean (netrep) or max"},
                     {.name = "statistic",
                      .default_value = "rho",
                      .description = "rho or rho2 (squared correlations)"}},
      .minimum_rows = 2,
      .source = "Raghu et al. 2017, SVCCA",
      .examples =
          {"svcca(components=variance(0.9),normaliser=geometric_mean)",
           "svcca(components=variance(0.9),normaliser=max,statistic=rho2)",
           "svcca(components=1)"},
      .cost = "n p min(n, p) for a thin SVD of each side",
      .known_as = {"google/svcca: mean correlation of truncated rows",
                   "sim_metric: svcca"}};
  MeasureInfo pwcca = svcca;
  pwcca.id = "pwcca";
  pwcca.summary =
      "canonical correlations weighted by how much of the "
      "candidate their variates carry";
  pwcca.symmetric = false;
  pwcca.invariances = {"permutation", "scale", "translation"};
  pwcca.parameters = {};
  pwcca.source = "Morcos et al. 2018, Insights on representational similarity";
  pwcca.examples = {};
  pwcca.known_as = {};
  pwcca.reference_invariances = {
      "orthogonal", "permutation", "scale", "translation", "invertible"};
  return {{svcca, MakeSvcca}, {pwcca, MakePwcca}};
}

}  // namespace repscore
