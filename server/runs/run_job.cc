#include "server/runs/run_job.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "server/convert_decoding.h"
#include "server/convert_runs.h"
#include "server/error.h"
#include "server/lane_errors.h"
#include "server/runs/run_arrays.h"
#include "server/runs/run_start.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSlice{50};
/// Events in memory beyond this are stored before the run goes on.
constexpr size_t kMaxUnrecordedBytes = size_t{4} << 20;
/// Checkpoints take at most one in this many parts of the time.
constexpr int kCheckpointShare = 20;

v1::StopReason ReasonOfCancel(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDeadlineExceeded
             ? v1::STOP_REASON_DEADLINE
             : v1::STOP_REASON_CANCELLED;
}

}  // namespace

RunJob::RunJob(Parts& parts, Task task)
    : parts_(parts),
      task_(std::move(task)),
      recorder_(std::make_shared<RunRecorder>(
          parts.catalog, parts.disk, task_.run)) {}

Job::Next RunJob::RunSlice(LaneContext& lane) {
  if (*task_.suspending) {
    Suspend();
    return Next::kDone;
  }
  const absl::Status status = NoThrow([&] { return Slice(lane); });
  if (!status.ok()) {
    if (!lane.CheckHealth().ok()) {
      LoseLane(status);
    } else if (IsOutOfMemory(status) && !task_.had_no_memory) {
      optimization_.reset();
      lane.memory.DropIdle();
      StartAgain(true);
    } else {
      Conclude(
          {.state = v1::RUN_STATE_FAILED, .error = LaneStatus(lane, status)});
    }
  }
  return is_over_ ? Next::kDone : Next::kAgain;
}

bool RunJob::IsCancelled() const {
  return *task_.suspending || !task_.run->cancel().Check().ok();
}

void RunJob::Abandon(const absl::Status& /*reason*/) {
  Suspend();
}

void RunJob::LoseLane(const absl::Status& reason) {
  spdlog::warn("{} leaves {}: {}",
               RunName(task_.run->run_id()),
               task_.needs.device,
               reason.ToString());
  StartAgain(task_.had_no_memory);
}

absl::Status RunJob::Slice(LaneContext& lane) {
  LiveRun& run = *task_.run;
  if (optimization_ == nullptr) {
    const absl::Status cancelled = run.cancel().Check();
    if (cancelled.ok()) {
      return Begin(lane);
    }
    Conclude({.state = v1::RUN_STATE_CANCELLED,
              .stop_reason = ReasonOfCancel(cancelled)});
    return absl::OkStatus();
  }
  const auto slice_end = Clock::now() + kSlice;
  do {
    const absl::Status cancelled = run.cancel().Check();
    if (!cancelled.ok()) {
      return End(v1::RUN_STATE_CANCELLED, ReasonOfCancel(cancelled));
    }
    REPSCORE_RETURN_IF_ERROR(optimization_->Step());
    PublishTrace();
    if (optimization_->stop_reason() != StopReason::kNone) {
      return End(v1::RUN_STATE_SUCCEEDED,
                 ToProto(optimization_->stop_reason()));
    }
  } while (Clock::now() < slice_end);
  return CheckpointIfDue();
}

absl::Status RunJob::Begin(LaneContext& lane) {
  REPSCORE_ASSIGN_OR_RETURN(auto reference,
                            parts_.references.Get(lane, task_.dataset));
  snapshot_scores_ = task_.plan.snapshot_scores;
  if (task_.checkpoint.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(
        optimization_,
        Optimization::Create(std::move(reference), std::move(task_.plan)));
  } else {
    REPSCORE_ASSIGN_OR_RETURN(
        optimization_,
        Optimization::Resume(
            std::move(reference), std::move(task_.plan), task_.checkpoint));
  }
  task_.dataset.reset();
  task_.checkpoint.clear();
  PublishStart(lane);
  task_.run->Update([](v1::Run& run) { run.set_state(v1::RUN_STATE_RUNNING); });
  recorder_->Record("");
  // A run that ends sooner starts again from its seed where it must.
  next_checkpoint_ = Clock::now() + CheckpointInterval();
  return absl::OkStatus();
}

void RunJob::PublishStart(LaneContext& lane) {
  if (!task_.started.has_value()) {
    return;
  }
  v1::RunStarted started = *std::exchange(task_.started, std::nullopt);
  started.mutable_provenance()->set_backend(lane.backend.name());
  for (const DecodedLabel& label : optimization_->labels()) {
    *started.add_labels() = ToProto(label);
  }
  const std::vector<double>& shares = optimization_->variance_shares();
  *started.mutable_variance_shares() = {shares.begin(), shares.end()};
  PublishStarted(*task_.run, std::move(started));
}

void RunJob::PublishTrace() {
  const std::vector<TracePoint> trace = optimization_->TakeTrace();
  std::vector<Snapshot> snapshots = optimization_->TakeSnapshots();
  std::vector<v1::RunEvent> events(trace.size() + snapshots.size());
  for (size_t i = 0; i < trace.size(); ++i) {
    *events[i].mutable_point() = ToProto(trace[i]);
  }
  std::vector<LiveRun::Array> arrays;
  for (size_t i = 0; i < snapshots.size(); ++i) {
    v1::Snapshot* wire = events[trace.size() + i].mutable_snapshot();
    *wire = ToProto(snapshots[i]);
    const auto at = std::find(snapshot_scores_.begin(),
                              snapshot_scores_.end(),
                              snapshots[i].threshold);
    auto array = std::make_shared<RunArrayRecord>();
    array->name =
        SnapshotArray(snapshots[i].member, at - snapshot_scores_.begin());
    array->spec = wire->candidate().SerializeAsString();
    array->bytes = std::move(snapshots[i].candidate.data);
    wire->set_name(RunArrayName(task_.run->run_id(), array->name));
    arrays.push_back(std::move(array));
  }
  const auto best = std::max_element(
      trace.begin(), trace.end(), [](const auto& a, const auto& b) {
        return a.objective < b.objective;
      });
  const int64_t step = optimization_->steps();
  const int64_t active = optimization_->active_members();
  task_.run->Publish(std::move(events), std::move(arrays), [&](v1::Run& run) {
    run.set_step(step);
    run.set_active_members(static_cast<int32_t>(active));
    if (best != trace.end()) {
      *run.mutable_scores() = {best->scores.begin(), best->scores.end()};
    }
  });
}

absl::Status RunJob::CheckpointIfDue() {
  const bool is_full = task_.run->unrecorded_bytes() > kMaxUnrecordedBytes;
  const auto start = Clock::now();
  if (!is_full && (start < next_checkpoint_ || recorder_->busy())) {
    return absl::OkStatus();
  }
  REPSCORE_ASSIGN_OR_RETURN(std::string checkpoint,
                            optimization_->Checkpoint());
  recorder_->Record(std::move(checkpoint));
  const auto end = Clock::now();
  next_checkpoint_ =
      end + std::max<Clock::duration>(CheckpointInterval(),
                                      kCheckpointShare * (end - start));
  return absl::OkStatus();
}

Clock::duration RunJob::CheckpointInterval() const {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(parts_.config.checkpoint_seconds));
}

absl::Status RunJob::End(v1::RunState state, v1::StopReason reason) {
  REPSCORE_ASSIGN_OR_RETURN(OptimizationResult result, optimization_->Finish());
  Conclude(
      {.state = state, .stop_reason = reason, .result = std::move(result)});
  return absl::OkStatus();
}

void RunJob::Conclude(RunEnd end) {
  is_over_ = true;
  optimization_.reset();
  recorder_->AwaitIdle();
  if (task_.started.has_value()) {
    PublishStarted(*task_.run, *std::exchange(task_.started, std::nullopt));
  }
  // A task can be copied, candidates should not be.
  auto shared = std::make_shared<RunEnd>(std::move(end));
  parts_.disk.Post([self = shared_from_this(), shared] {
    StoreRunEnd(self->parts_.catalog,
                *self->recorder_,
                *self->task_.run,
                std::move(*shared));
    self->task_.run->Close();
    self->task_.left();
  });
}

void RunJob::StartAgain(bool had_no_memory) {
  is_over_ = true;
  optimization_.reset();
  recorder_->AwaitIdle();
  parts_.disk.Post([self = shared_from_this(), had_no_memory] {
    self->task_.again(had_no_memory);
  });
}

void RunJob::Suspend() {
  is_over_ = true;
  std::string checkpoint;
  if (optimization_ != nullptr) {
    auto taken = NoThrow([&] { return optimization_->Checkpoint(); });
    if (!taken.ok()) {
      spdlog::error("cannot take a checkpoint of {}: {}",
                    RunName(task_.run->run_id()),
                    taken.status().ToString());
    } else {
      checkpoint = *std::move(taken);
    }
    optimization_.reset();
  }
  recorder_->AwaitIdle();
  parts_.disk.Post(
      [self = shared_from_this(), checkpoint = std::move(checkpoint)] {
        if (!checkpoint.empty()) {
          self->recorder_->RecordNow(checkpoint).IgnoreError();
        }
        self->task_.run->Close();
        self->task_.left();
      });
}

}  // namespace repscore::server
