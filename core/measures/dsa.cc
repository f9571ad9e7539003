// Dynamical similarity analysis (Ostrow et al. 2023): the rows of every
// condition are a trajectory in time. Each side is delay-embedded, h_t =
// [x_t, x_{t+s}, ..., x_{t+(d-1)s}], and reduced to the leading r left singular
// vectors V of all h_t, in which one step of time is linear:
//
//   V_{t+1} ~ A V_t          dynamic mode decomposition, A [r x r]
//
// The operators are compared after the best orthogonal change of basis C:
//   euclidean  |A - C B C'|
//   angular    the angle between A and C B C'
// or by their eigenvalues, which need no change of basis, matched one to one:
//   transport          mean of |a_i - b_m(i)|, the 1-Wasserstein distance
//   transport_squared  sum of |a_i - b_m(i)|^2, each for its own best m
// V does not see rotations, scale or (centred) shifts of the units.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/assignment.h"
#include "core/measures/families.h"
#include "core/measures/host.h"
#include "core/measures/operator_alignment.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXcd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Singular values below this share of the largest may be rounding of means.
constexpr double kSmallestSingular = 1e-8;
// Operators smaller than this are rounding: no part of a step is linear.
constexpr double kSmallestOperator = 1e-12;
constexpr int64_t kMostDelays = 10000;
constexpr int64_t kMostRank = 1000;
constexpr int64_t kMostRestarts = 1000;
constexpr int64_t kLargestSeed = std::numeric_limits<int64_t>::max();
constexpr double kLargestLambda = 1e300;

/// In the order of the parameter's values.
enum class DynamicsForm {
  kAngular,
  kEuclidean,
  kTransport,
  kTransportSquared,
};

struct DynamicsOptions {
  int64_t delays = 1;
  int64_t interval = 1;
  int64_t rank = 1;
  double lambda = 0.0;
  bool raw = false;
  DynamicsForm form = DynamicsForm::kAngular;
  AlignmentOptions alignment;
};

/// Rows of every condition in the order of time.
std::vector<std::vector<int64_t>> Trajectories(const Statistics& statistics,
                                               const Folds& folds) {
  std::vector<std::vector<int64_t>> trajectories;
  for (Split& split : folds.Splits()) {
    if (!statistics.original_rows.empty()) {
      std::sort(split.test.begin(),
                split.test.end(),
                [&statistics](int64_t a, int64_t b) {
                  return statistics.original_rows[static_cast<size_t>(a)] <
                         statistics.original_rows[static_cast<size_t>(b)];
                });
    }
    trajectories.push_back(std::move(split.test));
  }
  return trajectories;
}

/// The embedded states of all trajectories, one below the other.
struct Embedding {
  MatrixXd states;     ///< [trajectories * length x delays * units]
  int64_t length = 0;  ///< states of one trajectory
};

class Dynamics final : public Measure {
 public:
  Dynamics(MeasureInfo info, DynamicsOptions options, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), options_(options) {}

  const MeasureInfo& info() const override { return info_; }
  const FoldRule* fold_rule() const override { return &conditions_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    needs.means = options_.raw;
    needs.full_reference = options_.raw;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    const std::vector<std::vector<int64_t>> trajectories = Trajectories(
        statistics, statistics.folds.at(conditions_.ToString()).folds);
    REPSCORE_ASSIGN_OR_RETURN(
        const Embedding candidate,
        Embed(statistics, Side::kCandidate, trajectories));
    REPSCORE_ASSIGN_OR_RETURN(
        const Embedding reference,
        Embed(statistics, Side::kReference, trajectories));
    Backend& backend = *statistics.backend;
    MatrixXd v = Coordinates(backend, candidate);
    MatrixXd w = Coordinates(backend, reference);
    const Eigen::Index rank = std::min(v.cols(), w.cols());
    REPSCORE_ASSIGN_OR_RETURN(
        MatrixXd a,
        Operator(v.leftCols(rank), candidate.length, Side::kCandidate));
    REPSCORE_ASSIGN_OR_RETURN(
        MatrixXd b,
        Operator(w.leftCols(rank), reference.length, Side::kReference));
    REPSCORE_ASSIGN_OR_RETURN(Evaluation result,
                              aligns() ? Align(std::move(a), std::move(b))
                                       : TransportEigenvalues(a, b));
    if (rank < options_.rank) {
      result.warnings.push_back(
          {.reason = "RANK_REDUCED",
           .message = StrCat("rank=",
                             options_.rank,
                             " was reduced to ",
                             rank,
                             ", which is what the delay-embedded data have")});
    }
    return result;
  }

 private:
  bool aligns() const {
    return options_.form == DynamicsForm::kAngular ||
           options_.form == DynamicsForm::kEuclidean;
  }

  absl::StatusOr<Evaluation> Align(MatrixXd a, MatrixXd b) const {
    const bool angular = options_.form == DynamicsForm::kAngular;
    if (angular) {
      a /= a.norm();
      b /= b.norm();
    }
    const OperatorAlignment alignment =
        AlignOperators(a, b, options_.alignment);
    Evaluation result;
    result.value =
        angular ? 2.0 * std::asin(std::min(0.5 * alignment.distance, 1.0))
                : alignment.distance;
    if (!alignment.converged) {
      result.warnings.push_back(
          {.reason = "NOT_CONVERGED",
           .message = "the search for the best change of basis stopped before "
                      "it converged: the distance is an upper bound"});
    }
    return result;
  }

  absl::StatusOr<Evaluation> TransportEigenvalues(const MatrixXd& a,
                                                  const MatrixXd& b) const {
    REPSCORE_ASSIGN_OR_RETURN(const VectorXcd candidate, Eigenvalues(a));
    REPSCORE_ASSIGN_OR_RETURN(const VectorXcd reference, Eigenvalues(b));
    const bool squared = options_.form == DynamicsForm::kTransportSquared;
    MatrixXd cost(candidate.size(), reference.size());
    for (Eigen::Index j = 0; j < reference.size(); ++j) {
      cost.col(j) = (candidate.array() - reference(j)).abs();
    }
    if (squared) {
      cost = cost.cwiseAbs2();
    }
    Evaluation result;
    for (const auto& [i, j] : SolveAssignment(cost)) {
      result.value += cost(i, j);
    }
    if (!squared) {
      result.value /= static_cast<double>(candidate.size());
    }
    return result;
  }

  static absl::StatusOr<VectorXcd> Eigenvalues(const MatrixXd& a) {
    const Eigen::EigenSolver<MatrixXd> solver(a, /*computeEigenvectors=*/false);
    if (solver.info() != Eigen::Success) {
      return absl::InternalError(
          "the eigenvalues of the dynamics were not found");
    }
    return VectorXcd(solver.eigenvalues());
  }

  absl::StatusOr<Embedding> Embed(
      const Statistics& statistics,
      Side side,
      const std::vector<std::vector<int64_t>>& trajectories) const {
    const MatrixXd rows = options_.raw ? RawRows(statistics, side)
                                       : CentredRows(statistics, side);
    const auto times = static_cast<int64_t>(trajectories[0].size());
    const int64_t span = (options_.delays - 1) * options_.interval;
    Embedding embedding;
    embedding.length = times - span;
    if (embedding.length < 2) {
      return absl::InvalidArgumentError(StrCat("delays=",
                                               options_.delays,
                                               ",interval=",
                                               options_.interval,
                                               ": the time axis has ",
                                               times,
                                               " bins, but at least ",
                                               span + 2,
                                               " are needed"));
    }
    const auto count = static_cast<int64_t>(trajectories.size());
    embedding.states.resize(count * embedding.length,
                            options_.delays * rows.cols());
    for (int64_t c = 0; c < count; ++c) {
      const std::vector<int64_t>& rows_of =
          trajectories[static_cast<size_t>(c)];
      for (int64_t t = 0; t < embedding.length; ++t) {
        for (int64_t d = 0; d < options_.delays; ++d) {
          embedding.states.block(
              c * embedding.length + t, d * rows.cols(), 1, rows.cols()) =
              rows.row(rows_of[static_cast<size_t>(t + d * options_.interval)]);
        }
      }
    }
    return embedding;
  }

  /// The leading left singular vectors, at most `rank` and none of rounding;
  /// their largest entries are positive.
  MatrixXd Coordinates(Backend& backend, const Embedding& embedding) const {
    const Matrix states =
        backend.CompressColumns(ToBackend(backend, embedding.states));
    const int64_t k = std::min(states.rows(), states.cols());
    const Matrix u = backend.Allocate(states.rows(), k, ScalarType::kFloat64);
    const Matrix vt = backend.Allocate(k, states.cols(), ScalarType::kFloat64);
    const std::vector<double> values = backend.Svd(states, u, vt);
    int64_t rank = 1;
    while (rank < std::min(k, options_.rank) &&
           values[static_cast<size_t>(rank)] > kSmallestSingular * values[0]) {
      ++rank;
    }
    MatrixXd coordinates = ToHost(backend, u.Columns(0, rank));
    for (auto column : coordinates.colwise()) {
      Eigen::Index largest = 0;
      column.cwiseAbs().maxCoeff(&largest);
      if (column(largest) < 0.0) {
        column = -column;
      }
    }
    return coordinates;
  }

  /// Least squares of the states after the first by those before the last; of
  /// minimum norm where these are dependent.
  absl::StatusOr<MatrixXd> Operator(const MatrixXd& v,
                                    int64_t length,
                                    Side side) const {
    const int64_t count = v.rows() / length;
    MatrixXd now(count * (length - 1), v.cols());
    MatrixXd next(now.rows(), v.cols());
    for (int64_t c = 0; c < count; ++c) {
      now.middleRows(c * (length - 1), length - 1) =
          v.middleRows(c * length, length - 1);
      next.middleRows(c * (length - 1), length - 1) =
          v.middleRows(c * length + 1, length - 1);
    }
    MatrixXd transposed;
    if (options_.lambda > 0.0) {
      MatrixXd gram = now.transpose() * now;
      gram.diagonal().array() += options_.lambda;
      transposed = gram.llt().solve(now.transpose() * next);
    } else {
      transposed = now.completeOrthogonalDecomposition().solve(next);
    }
    if (!(transposed.norm() > kSmallestOperator)) {
      return absl::InvalidArgumentError(
          StrCat(side == Side::kCandidate ? "candidate" : "reference",
                 ": its states do not predict the next ones at all, so that "
                 "there are no dynamics to compare"));
    }
    return MatrixXd(transposed.transpose());
  }

  const MeasureInfo info_;
  const DynamicsOptions options_;
  const FoldRule conditions_ = FoldRule::Trajectories();
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeDynamics(
    const MeasureInfo& registered, Parameters& parameters) {
  DynamicsOptions options;
  REPSCORE_ASSIGN_OR_RETURN(options.delays,
                            parameters.Integer("delays", 1, kMostDelays));
  REPSCORE_ASSIGN_OR_RETURN(options.interval,
                            parameters.Integer("interval", 1, kMostDelays));
  REPSCORE_ASSIGN_OR_RETURN(options.rank,
                            parameters.Integer("rank", 1, kMostRank));
  REPSCORE_ASSIGN_OR_RETURN(options.lambda,
                            parameters.Number("lambda", 0.0, kLargestLambda));
  REPSCORE_ASSIGN_OR_RETURN(const int centring,
                            parameters.Choice("centring", {"column", "none"}));
  options.raw = centring == 1;
  REPSCORE_ASSIGN_OR_RETURN(
      const int form,
      parameters.Choice(
          "form", {"angular", "euclidean", "transport", "transport_squared"}));
  options.form = static_cast<DynamicsForm>(form);
  REPSCORE_ASSIGN_OR_RETURN(options.alignment.restarts,
                            parameters.Integer("restarts", 0, kMostRestarts));
  REPSCORE_ASSIGN_OR_RETURN(const int64_t seed,
                            parameters.Integer("seed", 0, kLargestSeed));
  options.alignment.seed = static_cast<uint64_t>(seed);
  MeasureInfo info = registered;
  if (options.form != DynamicsForm::kAngular) {
    info.highest = kInfinity;
  }
  if (options.raw) {
    info.invariances = {"orthogonal", "permutation", "scale"};
  }
  return std::make_shared<Dynamics>(
      std::move(info), options, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> DynamicsFamily() {
  return {
      {{.id = "dsa",
        .aliases = {},
        .summary = "dynamical similarity analysis: distance of the linear "
                   "dynamics of delay-embedded trajectories after the best "
                   "orthogonal change of basis; needs a time axis",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numbers::pi,
        .symmetric = true,
        // At the global optimum, which a search from several starts may miss.
        .metric = false,
        .differentiable = false,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters =
            {{.name = "centring",
              .default_value = "column",
              .description = "column: means over all rows are removed; none, "
                             "as the published code"},
             {.name = "delays",
              .default_value = "3",
              .description = "time bins in one embedded state"},
             {.name = "form",
              .default_value = "angular",
              .description =
                  "angular: the angle between the operators; euclidean: the "
                  "norm of their difference; transport: their eigenvalues "
                  "matched one to one, mean distance in the complex plane; "
                  "transport_squared: the same, sum of squared distances"},
             {.name = "interval",
              .default_value = "1",
              .description = "bins from one delay to the next"},
             {.name = "lambda",
              .default_value = "0",
              .description = "ridge penalty of the fit of one step, on "
                             "orthonormal coordinates"},
             {.name = "rank",
              .default_value = "10",
              .description = "singular vectors of the embedded states on both "
                             "sides; fewer where the data have fewer"},
             {.name = "restarts",
              .default_value = "32",
              .description =
                  "random starts of the search for the change of basis beside "
                  "the identity, a reflection and matched eigenvectors; none "
                  "for eigenvalues"},
             {.name = "seed",
              .default_value = "1",
              .description = "of the random starts"}},
        .minimum_rows = 3,
        .source = "Ostrow et al. 2023, Beyond geometry: comparing the temporal "
                  "structure of computation in neural circuits with dynamical "
                  "similarity analysis",
        .examples =
            {"dsa(form=euclidean,rank=5)",
             "dsa(form=transport,rank=5)",
             "dsa(centring=none,form=transport_squared,rank=4)",
             "dsa(centring=none,delays=2,interval=2,lambda=0.1,rank=5)"},
        .cost = "n d p min(n, d p) for d delays; restarts * iterations * "
                "rank^3",
        .known_as = {"DSA: DSA(score_method=angular or euclidean, "
                     "wasserstein_compare=None) with centring=none",
                     "DSA: DSA(score_method=wasserstein, "
                     "wasserstein_compare=eig) with centring=none, "
                     "form=transport_squared"},
        .needs_time = true},
       MakeDynamics}};
}

}  // namespace repscore
