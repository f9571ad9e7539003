#include "server/runs/run_start.h"

#include <utility>
#include <vector>

#include "server/convert.h"

namespace repscore::server {

bool NeedsLaneToStart(const OptimizationPlan& plan) {
  return plan.principal_components > 0 || plan.decoding.has_value();
}

v1::RunStarted MakeStarted(const RunPlan& plan,
                           const Dataset& dataset,
                           const std::string& backend) {
  v1::RunStarted started;
  *started.mutable_provenance() =
      MakeProvenance(dataset.name, dataset.digest, backend, plan.precision);
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
