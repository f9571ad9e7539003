// Predictions of test rows made one number: R2 or Pearson's r, over targets and
// over splits.
#ifndef REPSCORE_CORE_MEASURES_PREDICT_SCORE_H_
#define REPSCORE_CORE_MEASURES_PREDICT_SCORE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/host_algebra.h"
#include "core/measures/prediction_options.h"

namespace repscore {

/// Over targets.
enum class TargetAggregation {
  kVarianceWeighted,  ///< 1 - sum SSE / sum SST
  kUniform,           ///< mean over targets of their R2
  kMedian,            ///< median over targets
  kFlat,  ///< one cosine of all entries, centred on the training means
  kMean,  ///< mean over targets of their r
};

struct PredictionScoring {
  bool pearson = false;
  TargetAggregation aggregation = TargetAggregation::kVarianceWeighted;
  Denominator denominator = Denominator::kTrainMean;
  Pooling pooling = Pooling::kMeanOfFolds;
  /// Added to the norms of both sides of r; a target that does not vary then
  /// has r = 0 and is not skipped.
  double epsilon = 0.0;
};

struct PredictionSummary {
  double value = 0.0;
  std::optional<double> error;
  /// Targets without a score, over all splits, of `targets` such.
  int64_t skipped = 0;
  /// Folds without a correlation.
  int64_t skipped_folds = 0;
  int64_t targets = 0;
};

class PredictionScore {
 public:
  /// Squared norms of a target of at most floors [q] are no variance.
  PredictionScore(const PredictionScoring& options, Eigen::VectorXd floors);

  /// The test rows of a split, both sides centred on the training means
  /// `centre` [1 x q].
  void Add(Eigen::MatrixXd actual,
           Eigen::MatrixXd predicted,
           Eigen::RowVectorXd centre);

  /// Splits without a correlation are left out, as Brain-Score does;
  /// InvalidArgument when all of them are, or when a split has no R2.
  absl::StatusOr<PredictionSummary> Finish();

  /// After Finish: r of every target [q], over splits as the value is; empty
  /// for a target without one. Nothing for R2 and flat correlations.
  std::vector<std::optional<double>> TakeUnits();

 private:
  struct Block {
    Eigen::MatrixXd actual;
    Eigen::MatrixXd predicted;
    Eigen::RowVectorXd centre;
  };

  std::optional<double> ScoreOf(const Block& block, bool about_own_mean);
  /// All splits' rows in common coordinates.
  Block Pooled() const;

  const PredictionScoring options_;
  const Eigen::VectorXd floors_;
  std::vector<Block> blocks_;
  /// By target, r of every block that has one.
  std::vector<std::vector<double>> unit_scores_;
  PredictionSummary summary_;
};

/// Middle value; the mean of the middle two of an even number.
double Median(std::vector<double> values);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_PREDICT_SCORE_H_
