// Geometry of a matrix of pairwise distances: points, clusters, neighbours.
// Host-side and small (at most a few thousand systems); pure functions.
#ifndef REPSCORE_CORE_ANALYSIS_EMBEDDING_H_
#define REPSCORE_CORE_ANALYSIS_EMBEDDING_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace repscore {

enum class MdsMethod {
  kClassical,  ///< Torgerson: eigenvectors of the double-centred squares
  kMetric,     ///< SMACOF on raw stress, started from classical
};

struct Embedding {
  /// Row-major [systems x dimensions]; axes by falling variance, signs fixed
  /// (largest entry of every axis positive).
  std::vector<double> points;
  int64_t dimensions = 0;
  /// Kruskal's stress-1 in [0, 1], after the best scaling of the distances.
  double stress = 0.0;
  /// max over pairs of d'/d times max of d/d', whatever the scale; 1 is
  /// isometric, infinity when a distance vanished or one came from nothing.
  double distortion = 1.0;
  /// Share of the positive eigenvalues of the double-centred squares that the
  /// kept axes hold, and the share of negative ones in all magnitudes (0 when
  /// the distances are Euclidean).
  double explained = 0.0;
  double non_euclidean = 0.0;
  int64_t iterations = 0;
};

/// `distances` row-major [k x k], symmetric, zero diagonal, not negative, all
/// finite (InvalidArgument naming "distances" otherwise); 1 <= dimensions < k.
absl::StatusOr<Embedding> EmbedDistances(absl::Span<const double> distances,
                                         int64_t dimensions,
                                         MdsMethod method);

struct Clustering {
  /// Indices of the medoids, ascending.
  std::vector<int64_t> medoids;
  /// Position in `medoids` of every system.
  std::vector<int64_t> assignment;
  /// Sum of distances to the medoids.
  double cost = 0.0;
  /// Mean silhouette width in [-1, 1]; 0 for one cluster.
  double silhouette = 0.0;
};

/// k-medoids by PAM (build and swap), deterministic.
absl::StatusOr<Clustering> ClusterMedoids(absl::Span<const double> distances,
                                          int64_t clusters);

/// The `count` nearest others of every system, row-major [k x count]; ties to
/// the smaller index.
absl::StatusOr<std::vector<int64_t>> NearestNeighbours(
    absl::Span<const double> distances, int64_t count);

/// The system with the smallest sum of squared distances (Frechet medoid).
absl::StatusOr<int64_t> FrechetMedoid(absl::Span<const double> distances);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_EMBEDDING_H_
