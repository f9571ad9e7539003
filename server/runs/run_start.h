// The first event of a run: what it will tell, before or once its lane knows.
// Pure functions but for PublishStarted, which is as thread-safe as LiveRun.
#ifndef REPSCORE_SERVER_RUNS_RUN_START_H_
#define REPSCORE_SERVER_RUNS_RUN_START_H_

#include <string>

#include "core/data/dataset.h"
#include "core/optimize/plan.h"
#include "repscore/v1/runs.pb.h"
#include "server/convert_runs.h"
#include "server/runs/live_run.h"

namespace repscore::server {

/// `started` tells of the reference's components or labels, which are computed
/// on the lane: it comes when the lane has begun.
bool NeedsLaneToStart(const OptimizationPlan& plan);

/// All that the plan tells.
v1::RunStarted MakeStarted(const RunPlan& plan,
                           const Dataset& dataset,
                           const std::string& backend);

/// Requires that the run has no events yet.
void PublishStarted(LiveRun& run, v1::RunStarted started);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_START_H_
