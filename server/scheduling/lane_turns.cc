// What a lane does from its start to its end.
#include <exception>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/error.h"
#include "server/scheduling/lane_plan.h"
#include "server/scheduling/lane_scheduler.h"

namespace repscore::server {
namespace {

/// Work that cannot be cut holds its lane so long before others have a turn,
/// which last as long together.
constexpr std::chrono::milliseconds kYieldAfter{50};
/// A lane looks again so often while jobs wait for memory: cancelled ones end.
constexpr std::chrono::milliseconds kBlockedPoll{50};

Job::Next Abandon(Job& job, const absl::Status& reason) {
  job.Abandon(reason);
  return Job::Next::kDone;
}

Job::Next RunSlice(Job& job, LaneContext& lane) {
  try {
    return job.RunSlice(lane);
  } catch (const std::bad_alloc&) {
    return Abandon(
        job, OutOfMemoryError(std::string(kHostDevice), "out of host memory"));
  } catch (const std::exception& error) {
    return Abandon(job,
                   absl::InternalError(absl::StrCat("job: ", error.what())));
  } catch (...) {
    return Abandon(job, absl::InternalError("job: unknown exception"));
  }
}

bool IsBlocked(const JobQueue::Entry& entry) {
  return entry.is_blocked;
}

bool IsAny(const JobQueue::Entry& /*entry*/) {
  return true;
}

}  // namespace

std::optional<JobQueue::Entry> LaneScheduler::PopLocked(
    int lane, bool short_only, MemoryBudget::Items& let_go) {
  const auto now = Clock::now();
  const JobQueue::Entry* const elder =
      queue_.Find([&](const JobQueue::Entry& entry) {
        return entry.is_blocked &&
               now - entry.since >= options_.max_memory_wait;
      });
  return queue_.Pop(lane, now, [&](JobQueue::Entry& entry) {
    return !(short_only && entry.needs.is_long) &&
           lanes_.MayRun(entry, lane, elder, let_go);
  });
}

std::optional<LaneScheduler::Turn> LaneScheduler::NextTurn(int lane) {
  // Freed without the lock.
  MemoryBudget::Items let_go;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!is_stopping_) {
    const bool is_lost = lanes_.size() > 0 && lanes_.IsLost(lane);
    auto entry = is_lost ? queue_.Pop(lane, Clock::now(), IsAny)
                         : PopLocked(lane, false, let_go);
    if (entry.has_value()) {
      return Turn{.entry = *std::move(entry),
                  .kind = is_lost ? Turn::Kind::kLost : Turn::Kind::kRun};
    }
    if (queue_.Find(IsBlocked) != nullptr) {
      changed_.wait_for(lock, kBlockedPoll);
    } else {
      changed_.wait(lock);
    }
  }
  return NextLastTurn(lane, lock, let_go);
}

std::optional<LaneScheduler::Turn> LaneScheduler::NextLastTurn(
    int lane, std::unique_lock<std::mutex>& lock, MemoryBudget::Items& let_go) {
  if (auto batch = queue_.PopClass(lane, JobClass::kBatch, IsAny)) {
    return Turn{.entry = *std::move(batch), .kind = Turn::Kind::kStopped};
  }
  const auto is_for_lane = [lane](const JobQueue::Entry& entry) {
    return entry.MayRunOn(lane);
  };
  while (queue_.Find(is_for_lane) != nullptr) {
    const bool may_run = Clock::now() < stop_deadline_ && !lanes_.IsLost(lane);
    auto entry = queue_.PopClass(
        lane, JobClass::kInteractive, [&](JobQueue::Entry& candidate) {
          return !may_run || lanes_.MayRun(candidate, lane, nullptr, let_go);
        });
    if (entry.has_value()) {
      return Turn{.entry = *std::move(entry),
                  .kind = may_run ? Turn::Kind::kRun : Turn::Kind::kStopped};
    }
    changed_.wait_for(lock, kBlockedPoll);
  }
  return std::nullopt;
}

void LaneScheduler::RunLane(int lane, Started started) {
  const BackendOr backend = MakeBackend(lane);
  if (!backend.ok() || *backend == nullptr) {
    started.set_value(backend.ok() ? absl::InternalError("no backend was made")
                                   : backend.status());
    return;
  }
  started.set_value(LaneSet::Device{.name = (*backend)->name(),
                                    .memory = (*backend)->memory()});
  while (std::optional<Turn> turn = NextTurn(lane)) {
    LaneContext context = ContextOf(lane, **backend);
    auto since = Clock::now();
    context.yield = [&] { Yield(context, since); };
    TakeTurn(*std::move(turn), context);
  }
  if (lanes_.size() > 0) {
    // What is kept goes on its lane, before the backend.
    lanes_[lane].memory->Drop(lane);
  }
}

LaneContext LaneScheduler::ContextOf(int lane, Backend& backend) {
  const LaneState& state = lanes_[lane];
  return {.index = lane,
          .backend = backend,
          .memory = *state.memory,
          .max_work_bytes = state.max_work_bytes,
          .check_health = [this, lane, &backend] {
            return CheckHealth(lane, backend);
          }};
}

void LaneScheduler::TakeTurn(Turn turn, LaneContext& context) {
  Job& job = *turn.entry.job;
  Job::Next next = Job::Next::kDone;
  switch (turn.kind) {
    case Turn::Kind::kRun:
      next = RunSlice(job, context);
      // Its errors end nothing but the job, which may not have looked.
      context.CheckHealth().IgnoreError();
      break;
    case Turn::Kind::kStopped:
      job.Abandon(DrainingError());
      break;
    case Turn::Kind::kLost:
      job.LoseLane(DeviceLostError(context.backend.name()));
      break;
  }
  Finish(std::move(turn.entry), next, context.index);
}

void LaneScheduler::Yield(const LaneContext& context,
                          Clock::time_point& since) {
  const auto start = Clock::now();
  if (start - since < kYieldAfter) {
    return;
  }
  // Jobs within a job do not yield.
  LaneContext nested = ContextOf(context.index, context.backend);
  while (Clock::now() - start < kYieldAfter) {
    MemoryBudget::Items let_go;
    std::optional<JobQueue::Entry> entry;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (is_stopping_ || lanes_.IsLost(context.index)) {
        return;
      }
      entry = PopLocked(context.index, true, let_go);
    }
    if (!entry.has_value()) {
      break;
    }
    let_go.clear();
    TakeTurn({.entry = *std::move(entry)}, nested);
  }
  since = Clock::now();
}

absl::Status LaneScheduler::CheckHealth(int lane, const Backend& backend) {
  absl::Status health = backend.Health();
  if (health.ok()) {
    return health;
  }
  MemoryBudget::Items let_go;
  std::vector<std::string> left;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lanes_.IsLost(lane)) {
      return health;
    }
    lanes_.Lose(lane, health, queue_);
    left = DevicesLeft(lanes_.states());
    let_go = lanes_[lane].memory->Drop(lane);
  }
  changed_.notify_all();
  if (options_.on_lane_lost) {
    options_.on_lane_lost(backend.name(), health, left);
  }
  return health;
}

void LaneScheduler::Finish(JobQueue::Entry entry, Job::Next next, int lane) {
  const bool is_done = next == Job::Next::kDone;
  if (is_done) {
    entry.memory.Release();
    entry.job.reset();
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_done) {
      --CountOf(entry.job_class);
      --jobs_of_device_[entry.needs.device];
    } else {
      entry.lanes = {lane};
      entry.is_bound = true;
      entry.since = Clock::now();
      queue_.Push(std::move(entry));
    }
  }
  if (is_done) {
    changed_.notify_all();
  }
}

}  // namespace repscore::server
