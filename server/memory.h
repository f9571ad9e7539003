// How much memory a request will take at least, judged before it is accepted.
// Pure functions.
#ifndef REPSCORE_SERVER_MEMORY_H_
#define REPSCORE_SERVER_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "core/base/dtype.h"
#include "core/data/dataset.h"
#include "core/optimize/plan.h"
#include "server/convert.h"

namespace repscore::server {

/// ResourceExhausted HOST_MEMORY, with both numbers, when the statistics and
/// rows that these measures read do not fit into `limit` bytes.
absl::Status CheckScoreMemory(const Dataset& dataset,
                              const ArraySpec& candidate,
                              const Measures& measures,
                              int64_t limit);

/// As CheckScoreMemory, for the state of an optimisation.
absl::Status CheckRunMemory(const Dataset& dataset,
                            const OptimizationPlan& plan,
                            int64_t limit);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_MEMORY_H_
