// What a request will take of a lane, judged before it is accepted.
// Pure functions.
#ifndef REPSCORE_SERVER_MEMORY_H_
#define REPSCORE_SERVER_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/analysis/context.h"
#include "core/analysis/estimate.h"
#include "core/analysis/pairwise.h"
#include "core/base/dtype.h"
#include "core/data/dataset.h"
#include "core/optimize/plan.h"
#include "server/convert.h"
#include "server/scheduling/placement.h"

namespace repscore::server {

/// Messages of a stream that wait until a lane takes them: reading stops once
/// this many bytes do.
inline constexpr size_t kMaxQueuedBytes = size_t{8} << 20;

/// Of a candidate that comes in one request of so many bytes; 0: in a stream.
/// Rows that are put into order by their ids all wait, twice.
CallMemory CallMemoryOf(const ArraySpec& candidate,
                        size_t request_bytes,
                        bool by_row_ids);

/// Of a score against a registered dataset, whose reference is kept: what
/// EstimateScore says, described by its largest parts.
JobNeeds ScoreNeeds(const Dataset& dataset,
                    const ArraySpec& candidate,
                    const Measures& measures,
                    const ContextRequest& context,
                    const CallMemory& call);

/// What EstimateScore says of these sizes; seconds need the rate of a backend.
ScoreEstimate EstimateOf(const Dataset& dataset,
                         const ArraySpec& candidate,
                         const Measures& measures,
                         const ContextRequest& context,
                         const CallMemory& call,
                         double gemm_rate);

/// Of the state of an optimisation.
JobNeeds RunNeeds(const Dataset& dataset, const OptimizationPlan& plan);

/// Of scoring variations of a dataset against itself, one at a time, whose
/// making takes `copies` of its rows.
JobNeeds ExperimentNeeds(const Dataset& dataset,
                         const Measures& measures,
                         double copies);

/// Of decoding labels from rows of so many features, beside the dataset's.
JobNeeds DecodingNeeds(const Dataset& dataset, int64_t features);

/// Of comparisons among systems, beside a margin for one pair.
JobNeeds SystemsNeeds(const std::vector<System>& systems);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_MEMORY_H_
