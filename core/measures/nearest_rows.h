// The k nearest other rows of every row of one side, block by block.
#ifndef REPSCORE_CORE_MEASURES_NEAREST_ROWS_H_
#define REPSCORE_CORE_MEASURES_NEAREST_ROWS_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/measures/host.h"
#include "core/statistics/statistics.h"

namespace repscore {

enum class NeighbourMetric {
  kEuclidean,  ///< |x_i - x_j|
  kCosine,     ///< 1 - cosine of x_i and x_j
  kInner,      ///< largest x_i . x_j
};

/// Values of the parameter `metric`, in the order of NeighbourMetric.
inline constexpr std::array<std::string_view, 3> kNeighbourMetrics = {
    "euclidean", "cosine", "inner"};

struct Neighbours {
  /// Rows as columns [p x n] whose products and distances are compared:
  /// of unit length for cosines.
  Eigen::MatrixXd points;
  /// Nearest first; of equally near rows (to rounding) the smaller index.
  std::vector<std::vector<int64_t>> lists;
};

/// 1 <= k < n. `raw`: rows with their column means. InvalidArgument for a row
/// without a direction under kCosine.
absl::StatusOr<Neighbours> NearestRows(const Statistics& statistics,
                                       Side side,
                                       NeighbourMetric metric,
                                       bool raw,
                                       int64_t k);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_NEAREST_ROWS_H_
