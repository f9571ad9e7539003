// Shape distance between stochastic representations (Duong et al. 2023): the
// rows of a fold are repeats of one condition, with mean mu_i and covariance
// S_i (nu_i and G_i of the reference),
//
//   d^2 = min over orthogonal T of sum over conditions i of
//         alpha |mu_i - T nu_i|^2 + (2 - alpha) Bures^2(S_i, T G_i T')
//
// With repeats Z_i, W_i about their means over sqrt(repeats - 1), S_i = Z_i'Z_i
// and Bures^2 = min over orthogonal R_i of |Z_i - R_i W_i T'|^2. One least
// squares problem of all rows
//   [sqrt(alpha) mu; sqrt(2 - alpha) Z] ~ [sqrt(alpha) nu; sqrt(2 - alpha) R W]
//   T'
// is solved for R and T in turn from several starts (a local optimum of all of
// them is possible); the weights inside it are those of d^2.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/backend/create.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/angle.h"
#include "core/measures/families.h"
#include "core/measures/host.h"

namespace repscore {
namespace {

constexpr int kMostIterations = 2000;
// Directions that are reversed for further starts.
constexpr Eigen::Index kReversed = 3;
// Growth of the sum of singular values by which starts are compared, and after
// which the best one has arrived.
constexpr double kCompared = 1e-7;
constexpr double kConverged = 1e-14;
// Below this share of the squared norms their difference has lost digits, and
// the rows are compared instead.
constexpr double kCancelled = 1e-4;
// Turned repeats have lost more than rounding of their norm.
constexpr double kLost = 1e-13;

/// First row and number of the repeats of one condition in stacked rows.
struct Block {
  Eigen::Index first = 0;
  Eigen::Index count = 0;
};

struct Polar {
  Eigen::MatrixXd factor;
  double norm = 0.0;
};

Polar PolarOf(Backend& backend, const Eigen::MatrixXd& a) {
  const Matrix q = backend.Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  const double norm =
      backend.Polar(ToBackend(backend, a), PolarMethod::kSvd, q).nuclear;
  return {.factor = ToHost(backend, q), .norm = norm};
}

class Stochastic final : public Measure {
 public:
  Stochastic(const MeasureInfo& info,
             double alpha,
             FoldRule folds,
             std::string id)
      : Measure(std::move(id)),
        info_(info),
        alpha_(alpha),
        folds_(std::move(folds)) {}

  const MeasureInfo& info() const override { return info_; }
  const FoldRule* fold_rule() const override { return &folds_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    // Thousands of factors of small matrices, one after the other: a device
    // would take longer over each than the host over several.
    REPSCORE_ASSIGN_OR_RETURN(
        const std::unique_ptr<Backend> host,
        CreateBackend("cpu", statistics.backend->threads()));
    Backend& backend = *host;
    const Folds& folds = statistics.folds.at(folds_.ToString()).folds;
    std::vector<std::vector<Eigen::Index>> conditions(
        static_cast<size_t>(folds.count));
    for (size_t i = 0; i < folds.fold_of_row.size(); ++i) {
      if (folds.fold_of_row[i] >= 0) {
        conditions[static_cast<size_t>(folds.fold_of_row[i])].push_back(
            static_cast<Eigen::Index>(i));
      }
    }
    const Eigen::MatrixXd x =
        Stack(RowsOf(statistics, Side::kCandidate), conditions);
    const Eigen::MatrixXd y =
        Stack(RowsOf(statistics, Side::kReference), conditions);
    const auto count = static_cast<Eigen::Index>(conditions.size());
    std::vector<Block> blocks;
    Eigen::Index first = count;
    for (const auto& rows : conditions) {
      blocks.push_back({first, static_cast<Eigen::Index>(rows.size())});
      first += blocks.back().count;
    }
    Fit best;
    for (const Eigen::MatrixXd& start : Starts(backend, x, y, count)) {
      Fit fit = Improve(backend, x, y, blocks, start, kCompared);
      if (fit.norm > best.norm) {
        best = std::move(fit);
      }
    }
    best = Improve(backend, x, y, blocks, best.rotation, kConverged);
    Evaluation result;
    result.value = Distance(backend, x, y, best);
    if (!best.converged) {
      result.warnings.push_back(
          {.reason = "NOT_CONVERGED",
           .message = StrCat("the alignment still improves after ",
                             kMostIterations,
                             " iterations")});
    }
    return result;
  }

 private:
  struct Fit {
    Eigen::MatrixXd rotation;  ///< T
    Eigen::MatrixXd turned;    ///< y with its repeats turned by R
    double norm = -1.0;        ///< |x'turned|_*
    bool converged = false;
  };

  /// Rows with at most as many columns as rows.
  static Eigen::MatrixXd RowsOf(const Statistics& statistics, Side side) {
    Backend& backend = *statistics.backend;
    return ToHost(backend,
                  backend.CompressColumns(Widened(
                      backend,
                      side == Side::kCandidate ? statistics.candidate_rows
                                               : statistics.reference_rows)));
  }

  /// Weighted means of the conditions, then weighted repeats about them.
  Eigen::MatrixXd Stack(
      const Eigen::MatrixXd& rows,
      const std::vector<std::vector<Eigen::Index>>& conditions) const {
    const auto count = static_cast<Eigen::Index>(conditions.size());
    Eigen::MatrixXd stacked(count + rows.rows(), rows.cols());
    Eigen::Index next = count;
    for (Eigen::Index i = 0; i < count; ++i) {
      const auto& repeats = conditions[static_cast<size_t>(i)];
      const Eigen::MatrixXd block = rows(repeats, Eigen::all);
      const Eigen::RowVectorXd mean = block.colwise().mean();
      const double freedom =
          std::max(1.0, static_cast<double>(repeats.size()) - 1.0);
      stacked.row(i) = std::sqrt(alpha_) * mean;
      stacked.middleRows(next, block.rows()) =
          std::sqrt((2.0 - alpha_) / freedom) * (block.rowwise() - mean);
      next += block.rows();
    }
    stacked.conservativeResize(next, Eigen::NoChange);
    return stacked;
  }

  /// Rotations to start from, which turn with the rows: the best for all rows
  /// as they are paired and for the means alone, and these with one of their
  /// least certain directions reversed.
  static std::vector<Eigen::MatrixXd> Starts(Backend& backend,
                                             const Eigen::MatrixXd& x,
                                             const Eigen::MatrixXd& y,
                                             Eigen::Index conditions) {
    std::vector<Eigen::MatrixXd> starts;
    for (const Eigen::Index rows : {x.rows(), conditions}) {
      const Eigen::MatrixXd cross =
          x.topRows(rows).transpose() * y.topRows(rows);
      const int64_t k = std::min(cross.rows(), cross.cols());
      const Matrix u = backend.Allocate(cross.rows(), k, ScalarType::kFloat64);
      const Matrix vt = backend.Allocate(k, cross.cols(), ScalarType::kFloat64);
      const std::vector<double> values =
          backend.Svd(ToBackend(backend, cross), u, vt);
      Eigen::Index rank = 0;
      while (rank < k &&
             values[static_cast<size_t>(rank)] > kLost * values.front()) {
        ++rank;
      }
      const Eigen::MatrixXd left = ToHost(backend, u).leftCols(rank);
      const Eigen::MatrixXd right = ToHost(backend, vt).topRows(rank);
      starts.emplace_back(left * right);
      for (Eigen::Index j = rank; j > 0 && j > rank - kReversed; --j) {
        starts.emplace_back(left * right -
                            2.0 * left.col(j - 1) * right.row(j - 1));
      }
    }
    return starts;
  }

  static Fit Improve(Backend& backend,
                     const Eigen::MatrixXd& x,
                     const Eigen::MatrixXd& y,
                     const std::vector<Block>& blocks,
                     const Eigen::MatrixXd& start,
                     double smallest_growth) {
    Fit fit;
    fit.rotation = start;
    fit.turned = y;
    for (int i = 0; i < kMostIterations && !fit.converged; ++i) {
      const Eigen::MatrixXd moved = x * fit.rotation;
      for (const Block& block : blocks) {
        // |Z T - R W|: R is the polar factor of Z T W'.
        const auto w = y.middleRows(block.first, block.count);
        const Polar r =
            PolarOf(backend,
                    moved.middleRows(block.first, block.count) * w.transpose());
        fit.turned.middleRows(block.first, block.count) = r.factor * w;
      }
      Polar next = PolarOf(backend, x.transpose() * fit.turned);
      fit.converged = next.norm - fit.norm <= smallest_growth * next.norm;
      fit.norm = std::max(fit.norm, next.norm);
      fit.rotation = std::move(next.factor);
    }
    return fit;
  }

  static double Distance(Backend& backend,
                         const Eigen::MatrixXd& x,
                         const Eigen::MatrixXd& y,
                         const Fit& fit) {
    const double norms = x.squaredNorm() + y.squaredNorm();
    double squared = std::max(0.0, norms - 2.0 * fit.norm);
    if (squared < kCancelled * norms) {
      Statistics stacked;
      stacked.backend = &backend;
      stacked.candidate_rows = ToBackend(backend, x);
      stacked.reference_rows = ToBackend(backend, fit.turned);
      if (const auto rows = AlignRows(stacked, 1.0, 1.0)) {
        const double lost = y.squaredNorm() - fit.turned.squaredNorm();
        squared = backend.Dot(rows->difference, rows->difference) +
                  (lost > kLost * norms ? lost : 0.0);
      }
    }
    return std::sqrt(squared);
  }

  const MeasureInfo& info_;
  const double alpha_;
  const FoldRule folds_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeStochastic(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const double alpha,
                            parameters.Number("alpha", 0.0, 2.0));
  REPSCORE_ASSIGN_OR_RETURN(FoldRule folds, parameters.Folds("folds"));
  if (!folds.is_partition() || folds.in_sample()) {
    return absl::InvalidArgumentError(
        StrCat("folds=",
               folds.ToString(),
               ": every fold holds the repeats of one condition; they must be "
               "disjoint"));
  }
  return std::make_shared<Stochastic>(
      info, alpha, std::move(folds), parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> StochasticFamily() {
  return {
      {{.id = "shape.stochastic",
        .aliases = {},
        .summary = "distance of condition means and covariances after the "
                   "best rotation; every fold holds the repeats of a condition",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numeric_limits<double>::infinity(),
        .symmetric = true,
        // At the global optimum, which a search from several starts may miss.
        .metric = false,
        .differentiable = false,
        .invariances = {"orthogonal", "permutation", "translation"},
        .parameters =
            {{.name = "alpha",
              .default_value = "1",
              .description = "from 0 (covariances only) to 2 (means only); 1 "
                             "is the 2-Wasserstein distance of Gaussians"},
             {.name = "folds",
              .default_value = "rows_contiguous(5)",
              .description = "whose rows are repeats of one condition"}},
        .minimum_rows = 2,
        .source = "Duong et al. 2023, Representational dissimilarity metric "
                  "spaces for stochastic neural networks",
        .examples = {"shape.stochastic(alpha=0.3)"},
        .cost = "per iteration n p q and an SVD of p x q; eight starts"},
       MakeStochastic}};
}

}  // namespace repscore
