// Several measures of several systems made one ranking (Ahlert et al. 2024).
#ifndef REPSCORE_CORE_ANALYSIS_AGGREGATION_H_
#define REPSCORE_CORE_ANALYSIS_AGGREGATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace repscore {

/// What a missing score (NaN) means.
enum class MissingScores {
  kCompleteCases,  ///< systems with a missing score are left out
  kIgnore,         ///< mean over the scores there are
  kZero,           ///< counts as 0 (Brain-Score); scores only
};

struct Aggregation {
  /// Per system; NaN where it was left out.
  std::vector<double> arithmetic_mean;
  /// Mean of z-scores over systems (population sd; 0 for a constant measure).
  std::vector<double> z_score_mean;
  /// Mean rank, 1 is best, ties share their average.
  std::vector<double> mean_rank;
  /// Row-major [measures x measures]: Kendall tau-b and Spearman rho between
  /// measures over the systems that have both; NaN with fewer than two, or
  /// when a measure is the same for all of them.
  std::vector<double> kendall;
  std::vector<double> spearman;
  int64_t systems_left_out = 0;
};

/// `scores` row-major [systems x measures]; NaN: missing. `higher_is_better`
/// per measure: distances are negated first. InvalidArgument naming the field
/// for sizes that do not fit, infinite scores, or kZero with a missing
/// distance (0 would be the best there is).
absl::StatusOr<Aggregation> AggregateScores(
    absl::Span<const double> scores,
    int64_t systems,
    int64_t measures,
    const std::vector<bool>& higher_is_better,
    MissingScores missing);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_AGGREGATION_H_
