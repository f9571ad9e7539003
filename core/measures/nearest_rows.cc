#include "core/measures/nearest_rows.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Distances closer than this against the norms are equal.
constexpr double kSameDistance = 32.0 * kEpsilon;
// A row shorter than this against what centring moved is rounding.
constexpr double kShortestRow = 16.0 * kEpsilon;
constexpr int64_t kBlockRows = 256;

/// Scales columns to unit length.
absl::Status Normalise(Side side, double moved, Eigen::MatrixXd& points) {
  for (Eigen::Index i = 0; i < points.cols(); ++i) {
    const double length = points.col(i).norm();
    if (!(length > kShortestRow * moved) || length == 0.0) {
      return absl::InvalidArgumentError(
          StrCat(side == Side::kCandidate ? "candidate" : "reference",
                 ": row ",
                 i,
                 " is 0 in its ",
                 points.rows(),
                 " units, so that it has no cosine with other rows; leave the "
                 "row out or use metric=euclidean"));
    }
    points.col(i) /= length;
  }
  return absl::OkStatus();
}

/// The k smallest of `distances` without `self`, in ascending order; entries
/// that differ by less than `noise` count as equal, the smaller index first.
std::vector<int64_t> Smallest(const Eigen::VectorXd& distances,
                              int64_t self,
                              int64_t k,
                              double noise,
                              std::vector<int64_t>& order) {
  order.resize(static_cast<size_t>(distances.size()));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + self);
  const auto nearer = [&distances](int64_t a, int64_t b) {
    return distances(a) < distances(b) ||
           (distances(a) == distances(b) && a < b);
  };
  std::nth_element(order.begin(), order.begin() + (k - 1), order.end(), nearer);
  const double last = distances(order[static_cast<size_t>(k - 1)]) + noise;
  // All that may belong to the k by the tie rule.
  const auto end =
      std::partition(order.begin() + k, order.end(), [&](int64_t i) {
        return distances(i) <= last;
      });
  std::sort(order.begin(), end, nearer);
  for (auto first = order.begin(); first != end;) {
    auto next = first + 1;
    while (next != end && distances(*next) - distances(*(next - 1)) <= noise) {
      ++next;
    }
    std::sort(first, next);
    first = next;
  }
  return {order.begin(), order.begin() + k};
}

}  // namespace

absl::StatusOr<Neighbours> NearestRows(const Statistics& statistics,
                                       Side side,
                                       NeighbourMetric metric,
                                       bool raw,
                                       int64_t k) {
  Neighbours neighbours;
  Eigen::MatrixXd& points = neighbours.points;
  points = (raw ? RawRows(statistics, side) : CentredRows(statistics, side))
               .transpose();
  if (metric == NeighbourMetric::kCosine) {
    const double moved = points.colwise().norm().maxCoeff();
    REPSCORE_RETURN_IF_ERROR(Normalise(side, moved, points));
  }
  const Eigen::VectorXd norms = points.colwise().squaredNorm();
  const double noise = kSameDistance * norms.maxCoeff();
  std::vector<int64_t> order;
  for (int64_t first = 0; first < points.cols(); first += kBlockRows) {
    const int64_t count = std::min(kBlockRows, points.cols() - first);
    const Eigen::MatrixXd products =
        points.transpose() * points.middleCols(first, count);
    for (int64_t i = 0; i < count; ++i) {
      // Inner products rank as they are, others as squared distances.
      Eigen::VectorXd distances = -2.0 * products.col(i);
      if (metric != NeighbourMetric::kInner) {
        distances += norms;
      }
      neighbours.lists.push_back(
          Smallest(distances, first + i, k, noise, order));
    }
  }
  return neighbours;
}

}  // namespace repscore
