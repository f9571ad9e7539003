#include "server/runs/run_end.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/convert.h"
#include "server/convert_runs.h"
#include "server/error.h"
#include "server/runs/run_arrays.h"
#include "server/status.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

v1::RunEvent ResultEvent(const std::string& run_id,
                         const std::optional<OptimizationResult>& result) {
  v1::RunEvent event;
  v1::RunResult* wire = event.mutable_result();
  if (!result.has_value()) {
    return event;
  }
  for (const MemberResult& member : result->members) {
    v1::MemberResult* item = wire->add_members();
    *item = ToProto(member);
    item->set_candidate_name(
        RunArrayName(run_id, CandidateArray(member.member)));
  }
  wire->set_best_member(static_cast<int32_t>(result->best_member));
  const v1::MemberResult& best = wire->members(wire->best_member());
  *wire->mutable_scores() = best.scores();
  *wire->mutable_verdicts() = best.verdicts();
  *wire->mutable_candidate() = best.candidate();
  wire->set_candidate_digest(best.candidate_digest());
  if (result->allowed_range.has_value()) {
    *wire->mutable_allowed_range() = ToProto(*result->allowed_range);
  }
  return event;
}

/// Takes the candidates out of the result.
std::vector<RunArrayRecord> TakeCandidates(OptimizationResult& result) {
  std::vector<RunArrayRecord> arrays;
  for (MemberResult& member : result.members) {
    RunArrayRecord& array = arrays.emplace_back();
    array.name = CandidateArray(member.member);
    array.spec = ToProto(member.candidate.spec).SerializeAsString();
    array.bytes = std::move(member.candidate.data);
  }
  return arrays;
}

void Summarise(const RunEnd& end, v1::Run& run) {
  run.set_state(end.state);
  run.set_stop_reason(end.stop_reason);
  run.set_active_members(0);
  if (!end.error.ok()) {
    *run.mutable_error() = ToRpcStatus(end.error);
  }
  if (end.result.has_value()) {
    int64_t steps = 0;
    for (const MemberResult& member : end.result->members) {
      steps = std::max(steps, member.steps);
    }
    run.set_step(steps);
    run.clear_scores();
    for (const ScoreResult& score : end.result->best().scores) {
      run.add_scores(score.value);
    }
  }
}

}  // namespace

void StoreRunEnd(Catalog& catalog,
                 RunRecorder& recorder,
                 LiveRun& run,
                 RunEnd end) {
  v1::RunEvent event = ResultEvent(run.run_id(), end.result);
  if (end.result.has_value()) {
    absl::Status stored = NoThrow([&] {
      return catalog.PutRunArrays(run.run_id(), TakeCandidates(*end.result));
    });
    if (!stored.ok()) {
      end = {.state = v1::RUN_STATE_FAILED,
             .error = WithReason(std::move(stored), "RESULT_NOT_STORED")};
      event = ResultEvent(run.run_id(), end.result);
    }
  }
  std::vector<v1::RunEvent> events;
  events.push_back(std::move(event));
  // Whoever sees the result finds it in the catalog.
  run.PublishUnseen(std::move(events),
                    [&](v1::Run& summary) { Summarise(end, summary); });
  recorder.RecordNow("").IgnoreError();
  run.Show();
  spdlog::info("{} {} steps={} stop={} {}",
               RunName(run.run_id()),
               v1::RunState_Name(end.state),
               run.Snapshot().step(),
               v1::StopReason_Name(end.stop_reason),
               end.error.ok() ? "" : end.error.ToString());
}

}  // namespace repscore::server
