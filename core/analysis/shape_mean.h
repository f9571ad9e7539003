// The Frechet mean of several representations under the size-and-shape
// Procrustes distance.
#ifndef REPSCORE_CORE_ANALYSIS_SHAPE_MEAN_H_
#define REPSCORE_CORE_ANALYSIS_SHAPE_MEAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/pairwise.h"

namespace repscore {

struct ShapeMean {
  /// [n x p], p the largest feature count of the systems, column-centred, in
  /// the axes of the first system that has so many.
  HostArray mean;
  /// Procrustes distance of every (centred) system from the mean.
  std::vector<double> distances;
  /// Mean squared distance.
  double variance = 0.0;
  int64_t iterations = 0;
  bool converged = false;
};

/// Generalised Procrustes analysis: systems (centred; scaled to unit norm when
/// `unit_norm`, and padded with zero columns) are rotated onto their mean until
/// the variance falls by less than `tolerance` of itself (Gower 1975; a local
/// minimum, started from the widest system). `keep_going` (may be empty) is
/// called before every iteration; not OK stops. Errors as ComparePairwise.
absl::StatusOr<ShapeMean> FrechetMean(
    Backend& backend,
    absl::Span<const System> systems,
    bool unit_norm,
    double tolerance,
    int64_t max_iterations,
    const std::function<absl::Status()>& keep_going);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_SHAPE_MEAN_H_
