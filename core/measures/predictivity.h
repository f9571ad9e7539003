// Predictivity of one side by the other: a regression, splits and a score.
// Values only.
#ifndef REPSCORE_CORE_MEASURES_PREDICTIVITY_H_
#define REPSCORE_CORE_MEASURES_PREDICTIVITY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/measures/measure.h"
#include "core/measures/predict_regressors.h"
#include "core/measures/predict_score.h"
#include "core/measures/prediction_options.h"
#include "core/measures/specification.h"

namespace repscore {

enum class Regressor { kRidge, kPls, kOneToOne };

/// How a penalty is chosen from several.
struct LambdaChoice {
  /// In the order of the list; the first of equal ones wins.
  std::vector<double> lambdas = {0.0};
  LambdaScale scale = LambdaScale::kRaw;
  /// Blocks of the training rows, in their order; 0: leave-one-out.
  int64_t inner_folds = 0;
  bool per_target = false;

  bool fixed() const { return lambdas.size() == 1; }
  /// What is added to the Gram matrix of `rows` training rows.
  double At(size_t i, int64_t rows) const {
    return scale == LambdaScale::kRaw ? lambdas[i]
                                      : lambdas[i] * static_cast<double>(rows);
  }
};

struct PredictivityOptions {
  Regressor regressor = Regressor::kRidge;
  LambdaChoice lambda;
  PlsOptions pls;
  FoldRule folds;
  PredictionScoring score;
};

/// `info` is the registered description; the result claims what these options
/// allow.
std::shared_ptr<const Measure> MakePredictivity(const MeasureInfo& info,
                                                PredictivityOptions options,
                                                std::string id);

/// Reads `lambda`: one penalty or several, ascending.
absl::StatusOr<std::vector<double>> ReadLambdas(Parameters& parameters);

/// Reads `selection`: blocks of inner_folds(k), 0 for loo, and 0 for fixed,
/// which alone goes with nothing to choose (`fixed`).
absl::StatusOr<int64_t> ReadSelection(Parameters& parameters, bool fixed);

/// Reads `lambda`, `lambda_scale`, `per_target` and `selection`.
absl::StatusOr<LambdaChoice> ReadLambda(Parameters& parameters);

/// The parameters that ReadLambda reads; `lambda` is the default.
std::vector<ParameterInfo> LambdaParameters(std::string_view lambda);

/// Reads `denominator` and `pooling`.
absl::Status ReadScoring(Parameters& parameters, PredictionScoring& options);

/// InvalidArgument where the folds cannot be had with a chosen penalty.
absl::Status CheckSelection(const PredictivityOptions& options);

/// Values of `aggregation` for R2, in this order: variance_weighted, uniform,
/// median.
absl::StatusOr<TargetAggregation> ReadR2Aggregation(Parameters& parameters);

/// Cost of a prediction by other than PLS.
inline constexpr std::string_view kPredictionCost =
    "n p (p + q) + k (h p (p + q) + p^3) for k splits that hold out h rows";

inline constexpr std::string_view kFoldsHelp =
    "rows_contiguous(k), rows_shuffled(k,seed), conditions_contiguous(k), "
    "conditions_shuffled(k,seed), stratified(k,label,seed), "
    "split(train,repeats,seed,stratify), loo, explicit, or none for in-sample";
inline constexpr std::string_view kPoolingHelp =
    "over folds: mean_of_folds, median_of_folds, or pooled: one score of all "
    "out-of-fold predictions";
inline constexpr std::string_view kDenominatorHelp =
    "validation targets vary about: train_mean (the paper's code) or "
    "validation_mean (scikit-learn); pooled folds about their common mean";
inline constexpr std::string_view kR2AggregationHelp =
    "over targets: variance_weighted (one ratio of sums of squares), uniform "
    "(mean of their R2) or median; the latter two have no gradient";
inline constexpr std::string_view kDirectionHelp =
    "who predicts whom: candidate_to_reference, reference_to_candidate or "
    "symmetric_mean";

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_PREDICTIVITY_H_
