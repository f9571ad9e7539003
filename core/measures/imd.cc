// Intrinsic multi-scale distance (Tsitsulin et al. 2020): how differently heat
// spreads on the graphs of nearest neighbours of the two sides. With L the
// normalised Laplacian of a side's graph [n x n] and h(t) = tr exp(-t L) / n,
//
//   d = max over t of exp(-2 (t + 1/t)) |h_x(t) - h_y(t)|
//
// The published code estimates the trace by random probes; here it is the sum
// over all eigenvalues, without seed or variance.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/measures/families.h"
#include "core/measures/nearest_rows.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Times from 10^-1 to 10^1, evenly in their logarithm, as the published code.
constexpr int kTimes = 256;
constexpr double kFirstExponent = -1.0;
constexpr double kLastExponent = 1.0;
constexpr int64_t kMostNeighbours = 1000000;
// exp(-4) at t = 1, times a difference of at most 1.
constexpr double kHighest = 0.018315638888734182;

double TimeAt(int i) {
  return std::pow(10.0,
                  kFirstExponent + (kLastExponent - kFirstExponent) * i /
                                       static_cast<double>(kTimes - 1));
}

/// Eigenvalues of I - D^-1/2 A D^-1/2, where rows are connected when either is
/// one of the nearest of the other.
VectorXd LaplacianSpectrum(Backend& backend, const Neighbours& neighbours) {
  const auto n = static_cast<Eigen::Index>(neighbours.lists.size());
  MatrixXd laplacian = MatrixXd::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (const int64_t j : neighbours.lists[static_cast<size_t>(i)]) {
      laplacian(i, j) = -1.0;
      laplacian(j, i) = -1.0;
    }
  }
  const VectorXd scale =
      (-laplacian.rowwise().sum()).cwiseSqrt().cwiseInverse();
  laplacian = scale.asDiagonal() * laplacian * scale.asDiagonal();
  laplacian.diagonal().setOnes();
  const std::vector<double> values =
      backend.SymmetricEigenvalues(ToBackend(backend, laplacian));
  return Eigen::Map<const VectorXd>(values.data(), n);
}

class IntrinsicDistance final : public Measure {
 public:
  IntrinsicDistance(MeasureInfo info, int64_t neighbours, std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        neighbours_(neighbours) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // The rows on the host, those of a side on their way, and its Laplacian
    // with its decomposition.
    const int64_t columns = size.candidate_features + size.reference_features;
    return 5 * size.rows * columns / 3 + 2 * size.rows * size.rows;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    const auto nearest = [&](Side side) {
      return NearestRows(
          statistics, side, NeighbourMetric::kEuclidean, false, neighbours_);
    };
    REPSCORE_ASSIGN_OR_RETURN(const Neighbours candidate,
                              nearest(Side::kCandidate));
    REPSCORE_ASSIGN_OR_RETURN(const Neighbours reference,
                              nearest(Side::kReference));
    const VectorXd x = LaplacianSpectrum(backend, candidate);
    const VectorXd y = LaplacianSpectrum(backend, reference);
    Evaluation result;
    for (int i = 0; i < kTimes; ++i) {
      const double t = TimeAt(i);
      const double difference =
          (-t * x.array()).exp().mean() - (-t * y.array()).exp().mean();
      result.value = std::max(
          result.value, std::exp(-2.0 * (t + 1.0 / t)) * std::abs(difference));
    }
    return result;
  }

 private:
  const MeasureInfo info_;
  const int64_t neighbours_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeIntrinsicDistance(
    const MeasureInfo& registered, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t neighbours,
                            parameters.Integer("k", 1, kMostNeighbours));
  MeasureInfo info = registered;
  info.minimum_rows = neighbours + 1;
  return std::make_shared<IntrinsicDistance>(
      std::move(info), neighbours, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> IntrinsicDistanceFamily() {
  return {
      {{.id = "imd",
        .aliases = {"msid"},
        .summary = "intrinsic multi-scale distance: how differently heat "
                   "spreads on the graphs of nearest rows; it does not see "
                   "which row is which",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = kHighest,
        .symmetric = true,
        // Different rows may have equal spectra; at the times that are tried
        // the triangle inequality holds.
        .metric = true,
        .differentiable = false,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        // All of its values are small.
        .weak_dependences = {"invertible"},
        .parameters = {{.name = "k",
                        .default_value = "5",
                        .description = "nearest rows that a row is connected "
                                       "to, in either direction"}},
        .minimum_rows = 6,
        .source = "Tsitsulin et al. 2020, The shape of data: intrinsic "
                  "distance for data distributions",
        .examples = {"imd(k=3)"},
        .cost = "n^2 (p + q) + n^3",
        .known_as = {"xgfs/imd: msid_score, normalize=empty, without its "
                     "random estimate of the trace"}},
       MakeIntrinsicDistance}};
}

}  // namespace repscore
