#include "server/scheduling/scheduler.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/backend/create.h"
#include "server/error.h"
#include "server/scheduling/job_queue.h"
#include "server/scheduling/lane_set.h"

namespace repscore::server {
namespace {

using Clock = std::chrono::steady_clock;
using BackendOr = absl::StatusOr<std::unique_ptr<Backend>>;

/// Work that cannot be cut holds its lane so long before others have a turn,
/// which last as long together.
constexpr std::chrono::milliseconds kYieldAfter{50};
/// A lane looks again so often while jobs wait for memory: cancelled ones end.
constexpr std::chrono::milliseconds kBlockedPoll{50};
constexpr double kQueueRetrySeconds = 1.0;

absl::Status CheckOptions(const SchedulerOptions& options) {
  const std::pair<const char*, int> positive[] = {
      {"threads_per_lane", options.threads_per_lane},
      {"max_interactive", options.max_interactive},
      {"max_batch", options.max_batch},
      {"interactive_burst", options.interactive_burst}};
  for (const auto& [name, value] : positive) {
    if (value < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": must be at least 1, got ", value));
    }
  }
  return options.lanes.empty()
             ? absl::InvalidArgumentError("lanes: at least one is needed")
             : absl::OkStatus();
}

Job::Next Abandon(Job& job, const absl::Status& reason) {
  job.Abandon(reason);
  return Job::Next::kDone;
}

Job::Next RunSlice(Job& job, LaneContext& lane) {
  try {
    return job.RunSlice(lane);
  } catch (const std::bad_alloc&) {
    return Abandon(job,
                   OutOfMemoryError(std::string("cpu"), "out of host memory"));
  } catch (const std::exception& error) {
    return Abandon(job,
                   absl::InternalError(absl::StrCat("job: ", error.what())));
  } catch (...) {
    return Abandon(job, absl::InternalError("job: unknown exception"));
  }
}

/// What a lane does next.
struct Turn {
  enum class Kind { kRun, kStopped, kLost };
  JobQueue::Entry entry;
  Kind kind = Kind::kRun;
};

bool IsBlocked(const JobQueue::Entry& entry) {
  return entry.is_blocked;
}

bool IsAny(const JobQueue::Entry& /*entry*/) {
  return true;
}

class LaneScheduler final : public Scheduler {
 public:
  explicit LaneScheduler(const SchedulerOptions& options)
      : options_(options),
        queue_(static_cast<int>(options.lanes.size()),
               options.interactive_burst,
               options.max_batch_wait) {}

  ~LaneScheduler() override { Stop(Clock::now()); }

  absl::Status StartLanes();

  absl::Status Submit(JobClass job_class,
                      std::shared_ptr<Job> job,
                      Entrance entrance) override;
  absl::StatusOr<std::string> ChooseDevice(
      const JobNeeds& needs) const override;
  Counts counts() const override;
  std::vector<std::string> devices() const override { return devices_; }
  void Stop(Clock::time_point deadline) override;

 private:
  using Started = std::promise<absl::StatusOr<LaneSet::Device>>;

  BackendOr MakeBackend(int lane) const;
  void RunLane(int lane, Started started);
  LaneContext ContextOf(int lane, Backend& backend) const;
  /// Runs or abandons one job.
  void TakeTurn(Turn turn, LaneContext& context);
  /// Nothing when the lane may end.
  std::optional<Turn> NextTurn(int lane);
  /// The same once the scheduler stops.
  std::optional<Turn> NextLastTurn(int lane,
                                   std::unique_lock<std::mutex>& lock,
                                   MemoryBudget::Items& let_go);
  std::optional<JobQueue::Entry> PopLocked(int lane,
                                           bool short_only,
                                           MemoryBudget::Items& let_go);
  void Yield(const LaneContext& context, Clock::time_point& since);
  void Finish(JobQueue::Entry entry, Job::Next next, int lane);
  /// Takes the lane out when its device has failed.
  void CheckHealth(const LaneContext& context);
  int& CountOf(JobClass job_class) {
    return job_class == JobClass::kInteractive ? counts_.interactive
                                               : counts_.batch;
  }

  const SchedulerOptions options_;
  std::vector<std::string> devices_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  JobQueue queue_;
  LaneSet lanes_;
  Counts counts_;
  /// Waiting and running, by the device they asked for.
  std::map<std::string, int> jobs_of_device_;
  bool is_stopping_ = false;
  Clock::time_point stop_deadline_ = Clock::time_point::max();

  std::mutex join_mutex_;
  std::vector<std::thread> threads_;
};

BackendOr LaneScheduler::MakeBackend(int lane) const {
  try {
    return options_.backend_factory != nullptr
               ? options_.backend_factory(lane)
               : CreateBackend(options_.lanes[static_cast<size_t>(lane)],
                               options_.threads_per_lane);
  } catch (const std::exception& error) {
    return absl::InternalError(
        absl::StrCat("cannot create a backend: ", error.what()));
  }
}

absl::Status LaneScheduler::StartLanes() {
  std::vector<std::future<absl::StatusOr<LaneSet::Device>>> starts;
  absl::Status status;
  const int count = static_cast<int>(options_.lanes.size());
  for (int lane = 0; lane < count && status.ok(); ++lane) {
    Started started;
    starts.push_back(started.get_future());
    try {
      threads_.emplace_back(
          &LaneScheduler::RunLane, this, lane, std::move(started));
    } catch (const std::system_error& error) {
      starts.pop_back();
      status = absl::ResourceExhaustedError(
          absl::StrCat("cannot start lane ", lane, ": ", error.what()));
    }
  }
  std::vector<LaneSet::Device> devices;
  for (auto& start : starts) {
    absl::StatusOr<LaneSet::Device> device = start.get();
    if (device.ok()) {
      devices_.push_back(device->name);
      devices.push_back(*std::move(device));
    } else {
      status.Update(device.status());
    }
  }
  if (status.ok()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    lanes_ = LaneSet(options_, devices);
  }
  return status;
}

absl::Status LaneScheduler::Submit(JobClass job_class,
                                   std::shared_ptr<Job> job,
                                   Entrance entrance) {
  if (job == nullptr) {
    return absl::InvalidArgumentError("no job");
  }
  const int lane = job->lane();
  const bool is_bound = lane != -1;
  if (is_bound && (lane < 0 || lane >= lanes_.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("lane ", lane, " of ", lanes_.size()));
  }
  JobQueue::Entry entry{.job_class = job_class,
                        .since = Clock::now(),
                        .needs = job->needs(),
                        .is_bound = is_bound};
  entry.job = std::move(job);
  const bool is_interactive = job_class == JobClass::kInteractive;
  const int limit =
      is_interactive ? options_.max_interactive : options_.max_batch;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_stopping_) {
      return DrainingError();
    }
    int& count = CountOf(job_class);
    if (count >= limit && entrance == Entrance::kLimited) {
      return WithRetry(
          Error(absl::StatusCode::kResourceExhausted,
                "QUEUE_FULL",
                absl::StrCat(count,
                             is_interactive ? " interactive" : " batch",
                             " jobs are waiting or running, the limit is ",
                             limit)),
          kQueueRetrySeconds);
    }
    if (is_bound) {
      entry.lanes = {lane};
    } else {
      auto lanes = PlaceJob(entry.needs, lanes_.states());
      if (!lanes.ok()) {
        return lanes.status();
      }
      entry.lanes = *std::move(lanes);
    }
    ++count;
    ++jobs_of_device_[entry.needs.device];
    queue_.Push(std::move(entry));
  }
  changed_.notify_all();
  return absl::OkStatus();
}

absl::StatusOr<std::string> LaneScheduler::ChooseDevice(
    const JobNeeds& needs) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto lanes = PlaceJob(needs, lanes_.states());
  if (!lanes.ok()) {
    return lanes.status();
  }
  const auto load = [this](int lane) {
    const auto jobs = jobs_of_device_.find(lanes_[lane].device);
    return jobs == jobs_of_device_.end() ? 0 : jobs->second;
  };
  const int best =
      *std::min_element(lanes->begin(), lanes->end(), [&](int a, int b) {
        return load(a) < load(b);
      });
  return lanes_[best].device;
}

Scheduler::Counts LaneScheduler::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

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

std::optional<Turn> LaneScheduler::NextTurn(int lane) {
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

std::optional<Turn> LaneScheduler::NextLastTurn(
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

LaneContext LaneScheduler::ContextOf(int lane, Backend& backend) const {
  const LaneState& state = lanes_[lane];
  return {.index = lane,
          .backend = backend,
          .memory = *state.memory,
          .max_work_bytes = state.max_work_bytes};
}

void LaneScheduler::TakeTurn(Turn turn, LaneContext& context) {
  Job& job = *turn.entry.job;
  Job::Next next = Job::Next::kDone;
  switch (turn.kind) {
    case Turn::Kind::kRun:
      next = RunSlice(job, context);
      CheckHealth(context);
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

void LaneScheduler::CheckHealth(const LaneContext& context) {
  const absl::Status health = context.backend.Health();
  if (health.ok()) {
    return;
  }
  const int lane = context.index;
  MemoryBudget::Items let_go;
  std::vector<std::string> left;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lanes_.IsLost(lane)) {
      return;
    }
    lanes_.Lose(lane, health, queue_);
    left = DevicesLeft(lanes_.states());
    let_go = lanes_[lane].memory->Drop(lane);
  }
  changed_.notify_all();
  if (options_.on_lane_lost) {
    options_.on_lane_lost(context.backend.name(), health, left);
  }
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

void LaneScheduler::Stop(Clock::time_point deadline) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_stopping_ = true;
    stop_deadline_ = std::min(stop_deadline_, deadline);
  }
  changed_.notify_all();
  const std::lock_guard<std::mutex> lock(join_mutex_);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) {
      thread.join();
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Scheduler>> Scheduler::Start(
    const SchedulerOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) {
    return status;
  }
  auto scheduler = std::make_unique<LaneScheduler>(options);
  if (absl::Status status = scheduler->StartLanes(); !status.ok()) {
    return status;
  }
  return scheduler;
}

}  // namespace repscore::server
