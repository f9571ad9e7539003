#include "core/measures/predict_score.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/backend/host_algebra.h"
#include "core/base/text.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

// A prediction that varies less than this against its norm is constant.
constexpr double kSmallestVariation = 1e-28;

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

std::optional<double> Over(TargetAggregation aggregation,
                           const std::vector<double>& values) {
  if (values.empty()) {
    return std::nullopt;
  }
  return aggregation == TargetAggregation::kMedian ? Median(values)
                                                   : Mean(values);
}

/// Pearson's r of two columns; nothing where one of them does not vary.
std::optional<double> Correlation(const VectorXd& actual,
                                  const VectorXd& predicted,
                                  double floor,
                                  double epsilon) {
  const VectorXd a = actual.array() - actual.mean();
  const VectorXd b = predicted.array() - predicted.mean();
  const double aa = a.squaredNorm();
  const double bb = b.squaredNorm();
  const bool varies = aa > floor && bb > 0.0 &&
                      bb > kSmallestVariation * predicted.squaredNorm();
  if (epsilon > 0.0) {
    return varies ? a.dot(b) /
                        ((std::sqrt(aa) + epsilon) * (std::sqrt(bb) + epsilon))
                  : 0.0;
  }
  if (!varies) {
    return std::nullopt;
  }
  return std::clamp(a.dot(b) / std::sqrt(aa) / std::sqrt(bb), -1.0, 1.0);
}

}  // namespace

double Median(std::vector<double> values) {
  const size_t middle = values.size() / 2;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(middle);
  std::nth_element(values.begin(), at, values.end());
  if (values.size() % 2 == 1) {
    return *at;
  }
  return 0.5 * (*at + *std::max_element(values.begin(), at));
}

PredictionScore::PredictionScore(const PredictionScoring& options,
                                 VectorXd floors)
    : options_(options), floors_(std::move(floors)) {}

void PredictionScore::Add(MatrixXd actual,
                          MatrixXd predicted,
                          RowVectorXd centre) {
  blocks_.push_back({.actual = std::move(actual),
                     .predicted = std::move(predicted),
                     .centre = std::move(centre)});
}

std::optional<double> PredictionScore::ScoreOf(const Block& block,
                                               bool about_own_mean) {
  const int64_t q = block.actual.cols();
  if (options_.aggregation == TargetAggregation::kFlat) {
    const double aa = block.actual.squaredNorm();
    const double bb = block.predicted.squaredNorm();
    if (!(aa > floors_.sum()) || !(bb > 0.0)) {
      return std::nullopt;
    }
    const double ab = block.actual.cwiseProduct(block.predicted).sum();
    return std::clamp(ab / std::sqrt(aa) / std::sqrt(bb), -1.0, 1.0);
  }
  summary_.targets += q;
  std::vector<double> scores;
  if (options_.pearson) {
    unit_scores_.resize(static_cast<size_t>(q));
    for (int64_t j = 0; j < q; ++j) {
      if (const std::optional<double> r = Correlation(block.actual.col(j),
                                                      block.predicted.col(j),
                                                      floors_(j),
                                                      options_.epsilon)) {
        scores.push_back(*r);
        unit_scores_[static_cast<size_t>(j)].push_back(*r);
      }
    }
  } else {
    const RowVectorXd sse =
        (block.actual - block.predicted).colwise().squaredNorm();
    RowVectorXd sst = block.actual.colwise().squaredNorm();
    if (about_own_mean) {
      const RowVectorXd mean = block.actual.colwise().mean();
      sst = (block.actual.rowwise() - mean).colwise().squaredNorm();
    }
    if (options_.aggregation == TargetAggregation::kVarianceWeighted) {
      return sst.sum() > floors_.sum()
                 ? std::optional<double>(1.0 - sse.sum() / sst.sum())
                 : std::nullopt;
    }
    for (int64_t j = 0; j < q; ++j) {
      if (sst(j) > floors_(j)) {
        scores.push_back(1.0 - sse(j) / sst(j));
      }
    }
  }
  summary_.skipped += q - static_cast<int64_t>(scores.size());
  return Over(options_.aggregation, scores);
}

std::vector<std::optional<double>> PredictionScore::TakeUnits() {
  std::vector<std::optional<double>> units;
  for (std::vector<double>& scores : unit_scores_) {
    units.push_back(Over(options_.pooling == Pooling::kMedianOfFolds
                             ? TargetAggregation::kMedian
                             : TargetAggregation::kMean,
                         scores));
  }
  unit_scores_.clear();
  return units;
}

PredictionScore::Block PredictionScore::Pooled() const {
  int64_t rows = 0;
  for (const Block& block : blocks_) {
    rows += block.actual.rows();
  }
  Block all;
  all.actual.resize(rows, floors_.size());
  all.predicted.resize(rows, floors_.size());
  // One cosine of all entries keeps each split's own centre.
  const bool keep = options_.aggregation == TargetAggregation::kFlat;
  int64_t first = 0;
  for (const Block& block : blocks_) {
    const int64_t count = block.actual.rows();
    const RowVectorXd centre =
        keep ? RowVectorXd::Zero(block.centre.size()) : block.centre;
    all.actual.middleRows(first, count) = block.actual.rowwise() + centre;
    all.predicted.middleRows(first, count) = block.predicted.rowwise() + centre;
    first += count;
  }
  return all;
}

absl::StatusOr<PredictionSummary> PredictionScore::Finish() {
  if (options_.pooling == Pooling::kPooled) {
    const std::optional<double> value = ScoreOf(Pooled(), true);
    if (!value.has_value()) {
      return absl::InvalidArgumentError(
          options_.pearson
              ? "folds: no target and its prediction vary in the validated rows"
              : "reference: has no variance in the validated rows");
    }
    summary_.value = *value;
    return summary_;
  }
  std::vector<double> scores;
  for (size_t f = 0; f < blocks_.size(); ++f) {
    const std::optional<double> score = ScoreOf(
        blocks_[f], options_.denominator == Denominator::kValidationMean);
    if (!score.has_value() && options_.pearson) {
      ++summary_.skipped_folds;
      continue;
    }
    if (!score.has_value()) {
      return absl::InvalidArgumentError(StrCat(
          "folds: the reference has no variance in validation fold ",
          f,
          ", so that its R2 is undefined; use pooling=pooled or fewer folds"));
    }
    scores.push_back(*score);
  }
  if (scores.empty()) {
    return absl::InvalidArgumentError(StrCat(
        "folds: no target and its prediction vary over the validation rows of "
        "any of the ",
        blocks_.size(),
        " folds, so that no correlation is defined; use pooling=pooled or "
        "fewer folds"));
  }
  summary_.value = Mean(scores);
  if (options_.pooling == Pooling::kMedianOfFolds) {
    summary_.value = Median(scores);
  } else if (scores.size() > 1) {
    const double count = static_cast<double>(scores.size());
    double squares = 0.0;
    for (const double score : scores) {
      squares += (score - summary_.value) * (score - summary_.value);
    }
    summary_.error = std::sqrt(squares / count / count);
  }
  return summary_;
}

}  // namespace repscore
