// Choices that all measures of predictivity share.
#ifndef REPSCORE_CORE_MEASURES_PREDICTION_OPTIONS_H_
#define REPSCORE_CORE_MEASURES_PREDICTION_OPTIONS_H_

namespace repscore {

/// About which mean the targets of a validation fold vary.
enum class Denominator { kTrainMean, kValidationMean };

/// Whether a penalty is given as it is or per training row.
enum class LambdaScale { kRaw, kPerSample };

/// How folds make one score.
enum class Pooling { kMeanOfFolds, kPooled, kMedianOfFolds };

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_PREDICTION_OPTIONS_H_
