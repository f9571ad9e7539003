#include "server/scheduling/scheduler.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <future>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/backend/create.h"
#include "server/scheduling/job_queue.h"

namespace repscore::server {
namespace {

using Clock = std::chrono::steady_clock;
using BackendOr = absl::StatusOr<std::unique_ptr<Backend>>;

absl::Status CheckOptions(const SchedulerOptions& options) {
  const std::pair<const char*, int> positive[] = {
      {"lanes", options.lanes},
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
  return absl::OkStatus();
}

absl::Status StoppedStatus() {
  return absl::UnavailableError("the server is shutting down");
}

Job::Next Abandon(Job& job, const absl::Status& reason) {
  job.Abandon(reason);
  return Job::Next::kDone;
}

Job::Next RunSlice(Job& job, LaneContext& lane) {
  try {
    return job.RunSlice(lane);
  } catch (const std::bad_alloc&) {
    return Abandon(job, absl::ResourceExhaustedError("out of host memory"));
  } catch (const std::exception& error) {
    return Abandon(job,
                   absl::InternalError(absl::StrCat("job: ", error.what())));
  } catch (...) {
    return Abandon(job, absl::InternalError("job: unknown exception"));
  }
}

class LaneScheduler final : public Scheduler {
 public:
  explicit LaneScheduler(const SchedulerOptions& options)
      : options_(options),
        queue_(
            options.lanes, options.interactive_burst, options.max_batch_wait) {}

  ~LaneScheduler() override { Stop(Clock::now()); }

  absl::Status StartLanes();

  absl::Status Submit(JobClass job_class, std::shared_ptr<Job> job) override;
  Counts counts() const override;
  std::vector<std::string> devices() const override { return devices_; }
  void Stop(Clock::time_point deadline) override;

 private:
  using Started = std::promise<absl::StatusOr<std::string>>;

  BackendOr MakeBackend(int lane) const;
  void RunLane(int lane, Started started);
  /// The next job with whether to abandon it; nothing when the lane may end.
  std::optional<std::pair<JobQueue::Entry, bool>> NextJob(int lane);
  void Finish(JobQueue::Entry entry, Job::Next next, int lane);
  int& CountOf(JobClass job_class) {
    return job_class == JobClass::kInteractive ? counts_.interactive
                                               : counts_.batch;
  }

  const SchedulerOptions options_;
  std::vector<std::string> devices_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  JobQueue queue_;
  Counts counts_;
  bool is_stopping_ = false;
  Clock::time_point stop_deadline_ = Clock::time_point::max();

  std::mutex join_mutex_;
  std::vector<std::thread> threads_;
};

BackendOr LaneScheduler::MakeBackend(int lane) const {
  try {
    return options_.backend_factory != nullptr
               ? options_.backend_factory(lane)
               : CreateBackend(options_.device, options_.threads_per_lane);
  } catch (const std::exception& error) {
    return absl::InternalError(
        absl::StrCat("cannot create a backend: ", error.what()));
  }
}

absl::Status LaneScheduler::StartLanes() {
  std::vector<std::future<absl::StatusOr<std::string>>> starts;
  absl::Status status;
  for (int lane = 0; lane < options_.lanes && status.ok(); ++lane) {
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
  for (std::future<absl::StatusOr<std::string>>& start : starts) {
    absl::StatusOr<std::string> device = start.get();
    if (device.ok()) {
      devices_.push_back(*std::move(device));
    } else {
      status.Update(device.status());
    }
  }
  return status;
}

absl::Status LaneScheduler::Submit(JobClass job_class,
                                   std::shared_ptr<Job> job) {
  if (job == nullptr) {
    return absl::InvalidArgumentError("no job");
  }
  const int lane = job->lane();
  if (lane < JobQueue::kAnyLane || lane >= options_.lanes) {
    return absl::InvalidArgumentError(
        absl::StrCat("lane ", lane, " of ", options_.lanes));
  }
  const bool is_interactive = job_class == JobClass::kInteractive;
  const int limit =
      is_interactive ? options_.max_interactive : options_.max_batch;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_stopping_) {
      return StoppedStatus();
    }
    int& count = CountOf(job_class);
    if (count >= limit) {
      return absl::ResourceExhaustedError(
          absl::StrCat(count,
                       is_interactive ? " interactive" : " batch",
                       " jobs are waiting or running, the limit is ",
                       limit));
    }
    ++count;
    queue_.Push(std::move(job), job_class, lane, Clock::now());
  }
  changed_.notify_all();
  return absl::OkStatus();
}

Scheduler::Counts LaneScheduler::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

std::optional<std::pair<JobQueue::Entry, bool>> LaneScheduler::NextJob(
    int lane) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return is_stopping_ || queue_.HasWork(lane); });
  if (!is_stopping_) {
    return std::make_pair(*queue_.Pop(lane, Clock::now()), false);
  }
  if (auto batch = queue_.PopClass(lane, JobClass::kBatch)) {
    return std::make_pair(*std::move(batch), true);
  }
  if (auto interactive = queue_.PopClass(lane, JobClass::kInteractive)) {
    return std::make_pair(*std::move(interactive),
                          Clock::now() >= stop_deadline_);
  }
  return std::nullopt;
}

void LaneScheduler::Finish(JobQueue::Entry entry, Job::Next next, int lane) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (next == Job::Next::kAgain) {
    queue_.Push(std::move(entry.job), entry.job_class, lane, Clock::now());
  } else {
    --CountOf(entry.job_class);
  }
}

void LaneScheduler::RunLane(int lane, Started started) {
  BackendOr backend = MakeBackend(lane);
  if (!backend.ok() || *backend == nullptr) {
    started.set_value(backend.ok() ? absl::InternalError("no backend was made")
                                   : backend.status());
    return;
  }
  started.set_value((*backend)->name());
  LaneContext context{lane, **backend};
  while (auto next_job = NextJob(lane)) {
    auto& [entry, is_abandoned] = *next_job;
    const Job::Next next = is_abandoned ? Abandon(*entry.job, StoppedStatus())
                                        : RunSlice(*entry.job, context);
    Finish(std::move(entry), next, lane);
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
