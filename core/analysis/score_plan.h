// How a score will be computed, decided from its sizes before any row is there.
// Pure functions; thread-safe.
#ifndef REPSCORE_CORE_ANALYSIS_SCORE_PLAN_H_
#define REPSCORE_CORE_ANALYSIS_SCORE_PLAN_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/types/span.h"
#include "core/analysis/context.h"
#include "core/measures/measure.h"

namespace repscore {

/// Rows that ScoreStream takes at a time.
int64_t BlockRows(int64_t rows, int64_t features);

/// ScoreStream keeps the rows of candidates with at most this many elements,
/// for angles close to zero.
inline constexpr int64_t kKeptElements = int64_t{8} << 20;

/// What ScoreStream will do.
struct ScorePlan {
  ProblemSize size;
  StatisticsNeeds needs;
  /// Statistics are made of resident rows, not of streamed moments.
  bool from_rows = false;
  bool keeps_rows = false;
  /// Folds whose moments are held, over all rules; 0 without fold moments.
  int64_t folds = 0;
  /// Sets of moments while rows arrive: one per combination of folds.
  int64_t cells = 1;
  /// Sets of moments at their most: cells, folds and the total.
  int64_t moment_sets = 1;
  /// Rows move into the order of their folds.
  bool reorders = false;
};

/// Space and the compression of the reference are decided here, whatever
/// `size` says.
ScorePlan PlanScore(const ProblemSize& size,
                    absl::Span<const std::shared_ptr<const Measure>> measures,
                    const ContextRequest& context);

/// Whether the measure's claim of its cost has this term.
bool CostMentions(const MeasureInfo& info, std::string_view term);

/// Side of the square matrix that a measure factors; 0 for none.
int64_t FactorSide(const MeasureInfo& info, const ProblemSize& size);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_SCORE_PLAN_H_
