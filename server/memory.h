// What a request will take of a lane, judged before it is accepted.
// Pure functions.
#ifndef REPSCORE_SERVER_MEMORY_H_
#define REPSCORE_SERVER_MEMORY_H_

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

/// Of a score against a registered dataset, whose reference is kept: what
/// EstimateScore says, described by its largest parts.
JobNeeds ScoreNeeds(const Dataset& dataset,
                    const ArraySpec& candidate,
                    const Measures& measures,
                    const ContextRequest& context);

/// What EstimateScore says of these sizes; seconds need the rate of a backend.
ScoreEstimate EstimateOf(const Dataset& dataset,
                         const ArraySpec& candidate,
                         const Measures& measures,
                         const ContextRequest& context,
                         double gemm_rate);

/// Of the state of an optimisation.
JobNeeds RunNeeds(const Dataset& dataset, const OptimizationPlan& plan);

/// Of scoring variations of a dataset against itself, one at a time.
JobNeeds ExperimentNeeds(const Dataset& dataset, const Measures& measures);

/// Of comparisons among systems, beside a margin for one pair.
JobNeeds SystemsNeeds(const std::vector<System>& systems);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_MEMORY_H_
