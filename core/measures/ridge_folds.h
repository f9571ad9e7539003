// Folds of ridge predictivity: how their errors make one score.
#ifndef REPSCORE_CORE_MEASURES_RIDGE_FOLDS_H_
#define REPSCORE_CORE_MEASURES_RIDGE_FOLDS_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/measures/ridge_regression.h"

namespace repscore {

/// What a fold contributes to the score: v = sum_f of it.
struct FoldScore {
  double sse = 0.0;
  double sst = 0.0;
  /// d v / d sse and d v / d sst.
  double sse_weight = 0.0;
  double sst_weight = 0.0;
};

/// The score from every fold's errors; fills the weights. `pooled_sst` is the
/// total of all validated rows about their mean, `scale` the reference's
/// squared norm. InvalidArgument when a denominator is zero.
absl::StatusOr<double> PoolScores(Pooling pooling,
                                  double pooled_sst,
                                  double scale,
                                  std::vector<FoldScore>& folds);

/// Standard error over folds of their R2; empty for pooled and single folds.
std::optional<double> ErrorOfFolds(Pooling pooling,
                                   const std::vector<FoldScore>& folds);

struct FoldGeometry {
  double train_rows;  ///< n_t
  double kappa;
};

inline FoldGeometry GeometryOf(int64_t rows, int64_t fold_rows) {
  const double train = static_cast<double>(rows - fold_rows);
  const double held = static_cast<double>(fold_rows);
  return {.train_rows = train, .kappa = 2.0 / train + held / (train * train)};
}

/// How many folds are fitted at once in feature space, whose moments are
/// [p x p] and [p x q]: small folds pay for going together, large ones would
/// pay with memory.
inline int64_t FoldsAtOnce(int64_t p, int64_t q) {
  constexpr int64_t kElementsAtOnce = int64_t{4} << 20;
  return std::max<int64_t>(1, kElementsAtOnce / (p * (p + q)));
}

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_RIDGE_FOLDS_H_
