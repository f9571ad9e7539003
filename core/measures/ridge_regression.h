// Parts of ridge predictivity that its two files share.
#ifndef REPSCORE_CORE_MEASURES_RIDGE_REGRESSION_H_
#define REPSCORE_CORE_MEASURES_RIDGE_REGRESSION_H_

#include "absl/status/statusor.h"
#include "core/measures/measure.h"
#include "core/measures/prediction_options.h"
#include "core/statistics/folds.h"
#include "core/statistics/statistics.h"

namespace repscore {

struct RidgeOptions {
  double lambda = 100.0;
  LambdaScale lambda_scale = LambdaScale::kRaw;
  Denominator denominator = Denominator::kTrainMean;
  Pooling pooling = Pooling::kMeanOfFolds;
  FoldRule folds;

  /// The lambda that is added to the Gram matrix of `rows` training rows.
  double LambdaFor(int64_t rows) const {
    return lambda_scale == LambdaScale::kRaw
               ? lambda
               : lambda * static_cast<double>(rows);
  }
};

/// k-fold R2 from the moments of every fold; training moments are total minus
/// fold. `folded` are the folds of options.folds.
absl::StatusOr<Evaluation> RidgeFoldsInFeatureSpace(
    const RidgeOptions& options,
    const Statistics& statistics,
    AdjointRequest request);

/// k-fold R2 from one inverse of K + lambda I; lambda > 0 and the same for all
/// folds.
absl::StatusOr<Evaluation> RidgeFoldsInSampleSpace(const RidgeOptions& options,
                                                   const Statistics& statistics,
                                                   AdjointRequest request);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_RIDGE_REGRESSION_H_
