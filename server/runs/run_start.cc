#include "server/runs/run_start.h"

#include <utility>
#include <vector>

#include "server/convert.h"
#include "server/scheduling/lane_plan.h"

namespace repscore::server {

bool NeedsLaneToStart(const OptimizationPlan& plan) {
  return plan.principal_components > 0 || plan.decoding.has_value();
}

namespace {

/// What a device makes of what was asked for.
v1::Precision PrecisionOn(const std::string& backend, v1::Precision asked) {
  const bool rounds = asked == v1::PRECISION_MIXED_TF32 ||
                      asked == v1::PRECISION_MIXED_BFLOAT16;
  return rounds && backend == kHostDevice ? v1::PRECISION_MIXED : asked;
}

}  // namespace

v1::RunStarted MakeStarted(const RunPlan& plan,
                           const Dataset& dataset,
                           const std::string& backend) {
  v1::RunStarted started;
  *started.mutable_provenance() =
      MakeProvenance(dataset.name,
                     dataset.digest,
                     backend,
                     PrecisionOn(backend, plan.precision));
  *started.mutable_tracked() = {plan.tracked.begin(), plan.tracked.end()};
  *started.mutable_members() = {plan.members.begin(), plan.members.end()};
  return started;
}

void PublishStarted(LiveRun& run, v1::RunStarted started) {
  std::vector<v1::RunEvent> events(1);
  *events[0].mutable_started() = std::move(started);
  run.Publish(std::move(events), [](v1::Run&) {});
}

}  // namespace repscore::server
