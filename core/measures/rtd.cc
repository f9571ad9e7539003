// Representation topology divergence (Barannikov et al. 2022): loops in one
// side's cloud of rows, grown with distance, that the other side's shortcuts
// close earlier or later. With r1, r2 [m x m] the distances between m rows of
// the two sides, each over its own 0.9 quantile, and
//
//           ( 0   r1         )
//       D = ( r1  min(r1, r2))     [2m x 2m],
//
// the sum of the lengths of all bars of H1 of the Vietoris-Rips filtration of
// D. It is averaged over both orders of the sides and over random rows, as the
// published code does.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/host.h"
#include "core/measures/rips_loops.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;

constexpr double kQuantile = 0.9;
// Distances below this share of the mean one are 0, as in the published code.
constexpr double kSmallestDistance = 1e-6;
// Beyond, one filtration has more than two million edges.
constexpr int64_t kMostRows = 1000;
constexpr int64_t kMostTrials = 10000;
constexpr int64_t kLargestSeed = int64_t{1} << 53;
constexpr uint64_t kRowStream = 0x727464;

enum class Direction { kBoth, kFromCandidate, kFromReference };

constexpr std::array<std::string_view, 3> kDirections = {
    "both", "candidate_to_reference", "reference_to_candidate"};

/// Linear between order statistics, of all entries with the diagonal.
double QuantileOf(const MatrixXd& distances) {
  std::vector<double> sorted(distances.data(),
                             distances.data() + distances.size());
  std::sort(sorted.begin(), sorted.end());
  const double at = kQuantile * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] +
         (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// Distances between `rows` of one side over their quantile.
absl::StatusOr<MatrixXd> Distances(const MatrixXd& side,
                                   const std::vector<int64_t>& rows,
                                   std::string_view name) {
  const auto m = static_cast<Eigen::Index>(rows.size());
  // Rows as columns.
  MatrixXd points(side.cols(), m);
  for (Eigen::Index i = 0; i < m; ++i) {
    points.col(i) = side.row(rows[static_cast<size_t>(i)]).transpose();
  }
  MatrixXd distances = MatrixXd::Zero(m, m);
  for (Eigen::Index i = 0; i < m; ++i) {
    for (Eigen::Index j = 0; j < i; ++j) {
      distances(i, j) = (points.col(i) - points.col(j)).norm();
      distances(j, i) = distances(i, j);
    }
  }
  const double quantile = QuantileOf(distances);
  if (!(quantile > 0.0)) {
    return absl::InvalidArgumentError(
        StrCat(name,
               ": nine in ten of its distances are 0, so that they have no "
               "scale: its rows repeat too often"));
  }
  return distances / quantile;
}

/// What `first` has and `second` closes.
double CrossLoops(const MatrixXd& first, const MatrixXd& second) {
  const Eigen::Index m = first.rows();
  MatrixXd doubled = MatrixXd::Zero(2 * m, 2 * m);
  doubled.bottomLeftCorner(m, m) = first;
  doubled.bottomRightCorner(m, m) = first.cwiseMin(second);
  const double smallest = kSmallestDistance * first.mean();
  doubled = (doubled.array() < smallest).select(0.0, doubled);
  return SumOfLoops(doubled);
}

class TopologyDivergence final : public Measure {
 public:
  struct Options {
    Direction direction = Direction::kBoth;
    int64_t rows = 0;
    uint64_t seed = 0;
    int64_t trials = 1;
  };

  TopologyDivergence(MeasureInfo info, Options options, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), options_(options) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    const MatrixXd candidate = CentredRows(statistics, Side::kCandidate);
    const MatrixXd reference = CentredRows(statistics, Side::kReference);
    const int64_t n = candidate.rows();
    // All rows are the same in every trial.
    const int64_t trials = options_.rows < n ? options_.trials : 1;
    std::vector<double> values(static_cast<size_t>(trials));
    std::vector<absl::Status> failures(static_cast<size_t>(trials));
    const int threads = statistics.backend->threads();
    for (int64_t first = 0; first < trials; first += threads) {
      if (statistics.keep_going) {
        REPSCORE_RETURN_IF_ERROR(statistics.keep_going());
      }
      const int64_t end = std::min<int64_t>(first + threads, trials);
      ForEach(end - first, threads, [&](int64_t i) {
        const int64_t trial = first + i;
        const auto value = Trial(candidate, reference, Rows(n, trial));
        const auto at = static_cast<size_t>(trial);
        values[at] = value.value_or(0.0);
        failures[at] = value.status();
      });
      for (const absl::Status& failure : failures) {
        REPSCORE_RETURN_IF_ERROR(failure);
      }
    }
    return Summarise(values);
  }

 private:
  std::vector<int64_t> Rows(int64_t n, int64_t trial) const {
    std::vector<int64_t> rows(static_cast<size_t>(n));
    if (options_.rows >= n) {
      std::iota(rows.begin(), rows.end(), 0);
      return rows;
    }
    rows = Philox(options_.seed, kRowStream + static_cast<uint64_t>(trial))
               .Permutation(n);
    rows.resize(static_cast<size_t>(options_.rows));
    return rows;
  }

  absl::StatusOr<double> Trial(const MatrixXd& candidate,
                               const MatrixXd& reference,
                               const std::vector<int64_t>& rows) const {
    REPSCORE_ASSIGN_OR_RETURN(const MatrixXd x,
                              Distances(candidate, rows, "candidate"));
    REPSCORE_ASSIGN_OR_RETURN(const MatrixXd y,
                              Distances(reference, rows, "reference"));
    switch (options_.direction) {
      case Direction::kFromCandidate:
        return CrossLoops(x, y);
      case Direction::kFromReference:
        return CrossLoops(y, x);
      case Direction::kBoth:
        break;
    }
    return (CrossLoops(x, y) + CrossLoops(y, x)) / 2.0;
  }

  static Evaluation Summarise(const std::vector<double>& values) {
    const Eigen::Map<const Eigen::ArrayXd> draws(
        values.data(), static_cast<Eigen::Index>(values.size()));
    Evaluation result;
    result.value = draws.mean();
    if (values.size() > 1) {
      result.error = std::sqrt((draws - result.value).square().mean() /
                               static_cast<double>(values.size()));
    }
    return result;
  }

  const MeasureInfo info_;
  const Options options_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeTopologyDivergence(
    const MeasureInfo& registered, Parameters& parameters) {
  TopologyDivergence::Options options;
  REPSCORE_ASSIGN_OR_RETURN(const int direction,
                            parameters.Choice("direction", kDirections));
  REPSCORE_ASSIGN_OR_RETURN(options.rows,
                            parameters.Integer("rows", 3, kMostRows));
  REPSCORE_ASSIGN_OR_RETURN(const int64_t seed,
                            parameters.Integer("seed", 0, kLargestSeed));
  REPSCORE_ASSIGN_OR_RETURN(options.trials,
                            parameters.Integer("trials", 1, kMostTrials));
  options.direction = static_cast<Direction>(direction);
  options.seed = static_cast<uint64_t>(seed);
  MeasureInfo info = registered;
  info.symmetric = options.direction == Direction::kBoth;
  if (!info.symmetric) {
    info.reference_invariances = registered.invariances;
  }
  return std::make_shared<TopologyDivergence>(
      std::move(info), options, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> TopologyFamily() {
  return {
      {{.id = "rtd",
        .aliases = {"representation_topology_divergence"},
        .summary = "representation topology divergence: how long loops of one "
                   "side's distances live that the other side's close; over "
                   "random rows, with the standard error",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numeric_limits<double>::infinity(),
        .symmetric = true,
        .differentiable = false,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters = {{.name = "direction",
                        .default_value = "both",
                        .description =
                            "both: mean of the two; "
                            "candidate_to_reference: loops of the candidate "
                            "that the reference closes, or its converse "
                            "reference_to_candidate"},
                       {.name = "rows",
                        .default_value = "500",
                        .description =
                            "random rows of a trial, the same of both sides; "
                            "all where there are no more, and then one trial"},
                       {.name = "seed",
                        .default_value = "0",
                        .description = "of the choice of rows"},
                       {.name = "trials",
                        .default_value = "10",
                        .description = "choices of rows that are averaged"}},
        .minimum_rows = 3,
        .source = "Barannikov et al. 2022, Representation topology divergence: "
                  "a method for comparing neural network representations",
        .examples = {"rtd(direction=candidate_to_reference)",
                     "rtd(rows=8,trials=3)"},
        .cost = "trials rows^3, at least trials rows^2 (p + q)",
        .known_as = {"IlyaTrofimov/RTD: rtd, with other random rows"}},
       MakeTopologyDivergence}};
}

}  // namespace repscore
