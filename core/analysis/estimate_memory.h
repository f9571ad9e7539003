// What a score holds at its fullest moment. Pure; thread-safe.
#ifndef REPSCORE_CORE_ANALYSIS_ESTIMATE_MEMORY_H_
#define REPSCORE_CORE_ANALYSIS_ESTIMATE_MEMORY_H_

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "core/analysis/context.h"
#include "core/analysis/estimate.h"
#include "core/analysis/score_plan.h"
#include "core/measures/measure.h"

namespace repscore {

/// The matrices and buffers of whichever phase takes most: rows arrive, rows
/// are laid out by fold, measures are evaluated, draws are scored.
std::vector<MemoryItem> MostMemory(
    const ScorePlan& plan,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const ContextRequest& context,
    const CallMemory& call);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_ESTIMATE_MEMORY_H_
