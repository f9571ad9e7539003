// Shape distance over permutations of units (Williams et al. 2021): the best
// one-to-one pairing pi of candidate and reference columns,
//
//   v = sum of M(i, pi(i)) / (|X| |Y|),   M = X'Y
//
// For p != q some columns of the wider side stay unpaired. By the envelope
// theorem d v is that of the best pairing held fixed.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/angle.h"
#include "core/measures/assignment.h"
#include "core/measures/families.h"
#include "core/measures/host.h"

namespace repscore {
namespace {

using Pairs = std::vector<std::pair<int64_t, int64_t>>;

enum class Form { kAngle, kCosine, kEuclidean };

// Below this share of the squared norms their difference has lost digits, and
// the rows are compared instead.
constexpr double kCancelled = 1e-4;
// A distance below this share of the norms has no direction.
constexpr double kAtOptimum = 1e-6;

class Permutation final : public Measure {
 public:
  Permutation(MeasureInfo info, Form form, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), form_(form) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.cross = true;
    needs.full_reference = true;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    const Eigen::MatrixXd m = ToHost(backend, statistics.cross);
    const Pairs pairs = SolveAssignment(-m);
    double sum = 0.0;
    for (const auto& [i, j] : pairs) {
      sum += m(i, j);
    }
    const double x_squared = statistics.candidate_norm_squared;
    const double y_squared = statistics.reference_norm_squared;
    const bool euclidean = form_ == Form::kEuclidean;
    const double a = euclidean ? 1.0 : 1.0 / std::sqrt(x_squared);
    const double b = euclidean ? 1.0 : 1.0 / std::sqrt(y_squared);
    const double v = std::clamp(a * b * sum, -1.0, 1.0);
    const double norms = euclidean ? x_squared + y_squared : 2.0;
    double squared = std::max(0.0, norms - 2.0 * a * b * sum);
    if (form_ != Form::kCosine && squared < kCancelled * norms) {
      squared = SquaredFromRows(statistics, pairs, a, b).value_or(squared);
    }
    Evaluation result;
    WarnOfUnpaired(m.rows(), m.cols(), result);
    // d value / d(ab * sum)
    double slope = 1.0;
    if (form_ == Form::kCosine) {
      result.value = v;
    } else if (form_ == Form::kEuclidean) {
      result.value = std::sqrt(squared);
      slope = -1.0 / result.value;
    } else {
      result.value =
          NearOne(v) ? 2.0 * std::asin(std::min(1.0, std::sqrt(squared) / 2))
                     : std::acos(v);
      slope = -1.0 / std::sqrt((1.0 - v) * (1.0 + v));
    }
    const bool opposite = form_ == Form::kAngle && 1.0 + v < kAtOptimum;
    result.at_optimum = form_ != Form::kCosine &&
                        (squared < kAtOptimum * kAtOptimum * norms || opposite);
    if (result.at_optimum || !(request.candidate || request.reference)) {
      return result;
    }
    Eigen::MatrixXd paired = Eigen::MatrixXd::Zero(m.rows(), m.cols());
    for (const auto& [i, j] : pairs) {
      paired(i, j) = slope * a * b;
    }
    result.adjoint.cross = ToBackend(backend, paired);
    // dv / d|X|^2 = -v / (2 |X|^2); d(d^2) / d|X|^2 = 1
    const double share = euclidean ? 0.5 : 0.5 * v;
    if (request.candidate) {
      result.adjoint.candidate_norm_squared = -slope * share * a * a;
    }
    if (request.reference) {
      result.adjoint.reference_norm_squared = -slope * share * b * b;
    }
    return result;
  }

 private:
  /// Sum of |a x_i - b y_pi(i)|^2 and of what is unpaired.
  static std::optional<double> SquaredFromRows(const Statistics& statistics,
                                               const Pairs& pairs,
                                               double a,
                                               double b) {
    if (statistics.candidate_rows.empty() ||
        statistics.reference_rows.empty()) {
      return std::nullopt;
    }
    Eigen::MatrixXd x = a * CentredRows(statistics, Side::kCandidate);
    Eigen::MatrixXd y = b * CentredRows(statistics, Side::kReference);
    double squared = 0.0;
    for (const auto& [i, j] : pairs) {
      squared += (x.col(i) - y.col(j)).squaredNorm();
      x.col(i).setZero();
      y.col(j).setZero();
    }
    return squared + x.squaredNorm() + y.squaredNorm();
  }

  static void WarnOfUnpaired(int64_t p, int64_t q, Evaluation& result) {
    if (p != q) {
      result.warnings.push_back(
          {.reason = "UNPAIRED_COLUMNS",
           .message = StrCat(std::max(p, q) - std::min(p, q),
                             " columns of the ",
                             p > q ? "candidate" : "reference",
                             " stay unpaired: candidate and reference have ",
                             p,
                             " and ",
                             q,
                             " features")});
    }
  }

  const MeasureInfo info_;
  const Form form_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakePermutation(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(
      const int choice,
      parameters.Choice("form", {"angle", "cosine", "euclidean"}));
  const Form form = static_cast<Form>(choice);
  MeasureInfo own = info;
  if (form == Form::kCosine) {
    own.orientation = Orientation::kScore;
    own.lowest = -1.0;
    own.highest = 1.0;
    own.metric = false;
  } else if (form == Form::kEuclidean) {
    own.highest = std::numeric_limits<double>::infinity();
    own.invariances = {"permutation", "translation"};
  }
  return std::make_shared<Permutation>(
      std::move(own), form, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> PermutationFamily() {
  return {
      {{.id = "shape.permutation",
        .aliases = {"shape_permutation"},
        .summary = "angle after the best one-to-one pairing of units, in "
                   "radians (a metric between equal numbers of units)",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        // Single columns may be anticorrelated.
        .highest = std::numbers::pi,
        .symmetric = true,
        .metric = true,
        .differentiable = true,
        .invariances = {"permutation", "scale", "translation"},
        .parameters = {{.name = "form",
                        .default_value = "angle",
                        .description = "angle acos(v), cosine v or euclidean "
                                       "(rows as they are, not scaled)"}},
        .minimum_rows = 2,
        .source = "Williams et al. 2021, Generalized shape metrics on neural "
                  "representations",
        .examples = {"shape.permutation(form=cosine)",
                     "shape.permutation(form=euclidean)"},
        .cost = "n p q and min(p, q)^2 max(p, q) for the pairing, on the CPU",
        .known_as = {"netrep: PermutationMetric"}},
       MakePermutation}};
}

}  // namespace repscore
