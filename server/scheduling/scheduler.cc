#include "server/scheduling/scheduler.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/backend/create.h"
#include "server/error.h"
#include "server/scheduling/lane_scheduler.h"

namespace repscore::server {
namespace {

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

}  // namespace

LaneScheduler::BackendOr LaneScheduler::MakeBackend(int lane) const {
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
