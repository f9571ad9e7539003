#include "server/runs/run_end.h"

#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "core/base/digest.h"
#include "server/convert.h"
#include "server/convert_runs.h"
#include "server/error.h"
#include "server/status.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

v1::RunEvent ResultEvent(const std::optional<OptimizationResult>& reached) {
  v1::RunEvent event;
  v1::RunResult* wire = event.mutable_result();
  if (!reached.has_value()) {
    return event;
  }
  const MemberResult* result = &reached->best();
  for (const ScoreResult& score : result->scores) {
    *wire->add_scores() = ToProto(score);
  }
  for (const GoalVerdict& verdict : result->verdicts) {
    *wire->add_verdicts() = ToProto(verdict);
  }
  *wire->mutable_candidate() = ToProto(result->candidate.spec);
  wire->set_candidate_digest(
      Sha256Hex(absl::MakeConstSpan(result->candidate.data)));
  return event;
}

void Summarise(const RunEnd& end, v1::Run& run) {
  run.set_state(end.state);
  run.set_stop_reason(end.stop_reason);
  if (!end.error.ok()) {
    *run.mutable_error() = ToRpcStatus(end.error);
  }
  if (end.result.has_value()) {
    run.set_step(end.result->best().steps);
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
                 const RunEnd& end) {
  absl::Status stored;
  if (end.result.has_value()) {
    stored = NoThrow([&] {
      return catalog.PutRunArtifact(
          run.run_id(), absl::MakeConstSpan(end.result->best().candidate.data));
    });
  }
  if (!stored.ok()) {
    StoreRunEnd(catalog,
                recorder,
                run,
                {.state = v1::RUN_STATE_FAILED,
                 .error = WithReason(std::move(stored), "RESULT_NOT_STORED")});
    return;
  }
  std::vector<v1::RunEvent> events;
  events.push_back(ResultEvent(end.result));
  run.Publish(std::move(events),
              [&](v1::Run& summary) { Summarise(end, summary); });
  recorder.RecordNow("").IgnoreError();
  spdlog::info("{} {} steps={} stop={} {}",
               RunName(run.run_id()),
               v1::RunState_Name(end.state),
               run.Snapshot().step(),
               v1::StopReason_Name(end.stop_reason),
               end.error.ok() ? "" : end.error.ToString());
}

}  // namespace repscore::server
