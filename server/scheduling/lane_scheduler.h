// The scheduler behind Scheduler::Start: one queue, one thread per lane.
// Thread-safe; jobs run without the mutex.
#ifndef REPSCORE_SERVER_SCHEDULING_LANE_SCHEDULER_H_
#define REPSCORE_SERVER_SCHEDULING_LANE_SCHEDULER_H_

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/scheduling/job_queue.h"
#include "server/scheduling/lane_set.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

class LaneScheduler final : public Scheduler {
 public:
  using Clock = std::chrono::steady_clock;

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
  using BackendOr = absl::StatusOr<std::unique_ptr<Backend>>;
  using Started = std::promise<absl::StatusOr<LaneSet::Device>>;

  /// What a lane does next.
  struct Turn {
    enum class Kind { kRun, kStopped, kLost };
    JobQueue::Entry entry;
    Kind kind = Kind::kRun;
  };

  BackendOr MakeBackend(int lane) const;
  void RunLane(int lane, Started started);
  LaneContext ContextOf(int lane, Backend& backend);
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
  /// Takes the lane out when its device has failed, which is the error.
  absl::Status CheckHealth(int lane, const Backend& backend);
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

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_LANE_SCHEDULER_H_
