#include "core/measures/ridge_folds.h"

#include <cmath>

#include "core/base/text.h"

namespace repscore {
namespace {

// Validation targets that vary less than this against their norm are constant.
constexpr double kSmallestVariation = 1e-24;

}  // namespace

absl::StatusOr<double> PoolScores(Pooling pooling,
                                  double pooled_sst,
                                  double scale,
                                  std::vector<FoldScore>& folds) {
  double value = 0.0;
  const double count = static_cast<double>(folds.size());
  if (pooling == Pooling::kPooled) {
    double sse = 0.0;
    for (const FoldScore& fold : folds) {
      sse += fold.sse;
    }
    if (!(pooled_sst > kSmallestVariation * scale)) {
      return absl::InvalidArgumentError(
          "reference: has no variance in the validated rows");
    }
    for (FoldScore& fold : folds) {
      fold.sse_weight = -1.0 / pooled_sst;
      fold.sst_weight = sse / (pooled_sst * pooled_sst);
    }
    return 1.0 - sse / pooled_sst;
  }
  for (size_t f = 0; f < folds.size(); ++f) {
    FoldScore& fold = folds[f];
    if (!(fold.sst > kSmallestVariation * scale)) {
      return absl::InvalidArgumentError(StrCat(
          "folds: the reference has no variance in validation fold ",
          f,
          ", so that its R2 is undefined; use pooling=pooled or fewer folds"));
    }
    value += (1.0 - fold.sse / fold.sst) / count;
    fold.sse_weight = -1.0 / (count * fold.sst);
    fold.sst_weight = fold.sse / (count * fold.sst * fold.sst);
  }
  return value;
}

std::optional<double> ErrorOfFolds(Pooling pooling,
                                   const std::vector<FoldScore>& folds) {
  if (pooling != Pooling::kMeanOfFolds || folds.size() < 2) {
    return std::nullopt;
  }
  const double count = static_cast<double>(folds.size());
  double mean = 0.0;
  for (const FoldScore& fold : folds) {
    mean += (1.0 - fold.sse / fold.sst) / count;
  }
  double squares = 0.0;
  for (const FoldScore& fold : folds) {
    const double difference = 1.0 - fold.sse / fold.sst - mean;
    squares += difference * difference;
  }
  return std::sqrt(squares) / count;
}

}  // namespace repscore
