// How much memory a request will take at least, judged before it is accepted.
// Pure functions.
#ifndef REPSCORE_SERVER_MEMORY_H_
#define REPSCORE_SERVER_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "core/analysis/context.h"
#include "core/analysis/estimate.h"
#include "core/base/dtype.h"
#include "core/data/dataset.h"
#include "core/optimize/plan.h"
#include "server/convert.h"

namespace repscore::server {

/// ResourceExhausted HOST_MEMORY, with both numbers and the largest parts, when
/// the estimate for these measures does not fit into `limit` bytes.
absl::Status CheckScoreMemory(const Dataset& dataset,
                              const ArraySpec& candidate,
                              const Measures& measures,
                              const ContextRequest& context,
                              int64_t limit);

/// What EstimateScore says of these sizes; seconds need the rate of a backend.
ScoreEstimate EstimateOf(const Dataset& dataset,
                         const ArraySpec& candidate,
                         const Measures& measures,
                         const ContextRequest& context,
                         double gemm_rate);

/// As CheckScoreMemory, for the state of an optimisation.
absl::Status CheckRunMemory(const Dataset& dataset,
                            const OptimizationPlan& plan,
                            int64_t limit);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_MEMORY_H_
