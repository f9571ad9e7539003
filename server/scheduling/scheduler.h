// Who runs when: a bounded queue in front of lanes. No gRPC in here.
//
// A lane is a thread that owns one Backend. A job runs in slices on one lane;
// after each slice it says whether it wants another, and goes to the back of
// its class, so that long optimisations never starve scores. Before the first
// one its memory is reserved; while that cannot be had it waits. A lane whose
// device fails for good runs nothing more: what waits goes to other lanes.
#ifndef REPSCORE_SERVER_SCHEDULING_SCHEDULER_H_
#define REPSCORE_SERVER_SCHEDULING_SCHEDULER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "server/scheduling/memory_budget.h"
#include "server/scheduling/placement.h"

namespace repscore::server {

/// Asked-for end of a piece of work. Thread-safe; cheap to poll.
class CancelToken {
 public:
  /// The first reason stays. kOk is no reason.
  void Cancel(absl::StatusCode reason = absl::StatusCode::kCancelled);
  void SetDeadline(std::chrono::steady_clock::time_point deadline);

  /// Ok, the reason (Cancelled by default) or DeadlineExceeded.
  absl::Status Check() const;

 private:
  std::atomic<int> reason_{0};
  std::atomic<int64_t> deadline_nanos_{INT64_MAX};
};

/// What a lane offers to the job that runs on it.
struct LaneContext {
  int index = 0;
  Backend& backend;
  MemoryBudget& memory;
  /// Most that the work of one job may take here.
  int64_t max_work_bytes = 0;
  /// See Yield.
  std::function<void()> yield = {};
  /// See CheckHealth.
  std::function<absl::Status()> check_health = {};

  /// For work that cannot be cut into slices: lets waiting jobs have slices
  /// when this one has lasted, on the same thread. Call between operations.
  void Yield() const {
    if (yield) {
      yield();
    }
  }

  /// Whether the device can still be used. Once it cannot, the lane is out of
  /// service before this returns: whoever is told can submit again, and comes
  /// to another one.
  absl::Status CheckHealth() const {
    return check_health ? check_health() : backend.Health();
  }
};

enum class JobClass {
  kInteractive,  ///< Score: before everything else
  kBatch,        ///< Optimize, JointOptimize
};

class Job {
 public:
  virtual ~Job() = default;

  enum class Next { kDone, kAgain };

  /// One slice, at most about 50 ms for work that can be split. Called by one
  /// lane at a time, always the same lane. Must not throw; what it throws
  /// nevertheless ends this job alone, by Abandon.
  virtual Next RunSlice(LaneContext& lane) = 0;

  /// The lane that must run it: of a job that ended while it waited for input,
  /// is submitted again and holds state of that lane. -1 for any.
  virtual int lane() const { return -1; }

  /// Asked once, at Submit.
  virtual JobNeeds needs() const { return {}; }

  /// Takes over what was reserved for the first slice, to hold it beyond the
  /// last one. What it leaves is given back after the last slice. Must do no
  /// more, and not block.
  virtual void TakeMemory(MemoryBudget::Reservation& /*reservation*/) {}

  /// The next slice will end the job without computing: it runs without
  /// waiting for memory.
  virtual bool IsCancelled() const { return false; }

  /// Called on a lane instead of RunSlice when the scheduler stops. The last
  /// call to the job.
  virtual void Abandon(const absl::Status& reason) = 0;

  /// The same when the device of its lane has failed and it cannot wait for
  /// another lane, since it was submitted for this one or has state there.
  virtual void LoseLane(const absl::Status& reason) { Abandon(reason); }
};

struct SchedulerOptions {
  /// The device of every lane.
  std::vector<std::string> lanes = {"cpu"};
  int threads_per_lane = 1;
  /// Jobs waiting or running per class; one more is refused.
  int max_interactive = 256;
  int max_batch = 64;
  /// A batch slice runs after this many interactive ones in a row on a lane,
  /// or when the next batch job has waited so long.
  int interactive_burst = 8;
  std::chrono::milliseconds max_batch_wait{2000};
  /// For the jobs of all lanes of the host; 0: three quarters of its memory.
  int64_t host_memory_bytes = 0;
  /// For the jobs of every other device; 0: nine tenths of what is free when
  /// its lane starts.
  int64_t device_memory_bytes = 0;
  /// Most that the work of one job may take on the host.
  int64_t max_host_work_bytes = INT64_MAX;
  /// A job that waits for memory lets others overtake it for so long.
  std::chrono::milliseconds max_memory_wait{2000};
  /// Makes the backend of a lane, on the lane's thread. Default: CreateBackend
  /// with the lane's device and `threads_per_lane`.
  std::function<absl::StatusOr<std::unique_ptr<Backend>>(int lane)>
      backend_factory;
  /// Told on the lane's thread when its device has failed for good and the
  /// lane runs nothing more. `left`: the devices of the lanes that do.
  std::function<void(const std::string& device,
                     const absl::Status& status,
                     const std::vector<std::string>& left)>
      on_lane_lost;
};

/// Whether the limit of a class holds for a job.
enum class Entrance {
  kLimited,
  kAlways,  ///< it was let in before
};

class Scheduler {
 public:
  /// Starts the lanes; the first error of a lane's backend is returned.
  /// InvalidArgument for numbers below 1 and for no lanes.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Start(
      const SchedulerOptions& options);

  virtual ~Scheduler() = default;

  /// The errors of PlaceJob, ResourceExhausted QUEUE_FULL when the class is
  /// full (both counts in the text), Unavailable SERVER_DRAINING after Stop
  /// began, InvalidArgument for a null job or one that asks for a lane there is
  /// not. A refused job is not called. Jobs may submit jobs.
  virtual absl::Status Submit(JobClass job_class,
                              std::shared_ptr<Job> job,
                              Entrance entrance = Entrance::kLimited) = 0;

  /// The device that is best for a batch job with these needs now. Errors are
  /// those of PlaceJob.
  virtual absl::StatusOr<std::string> ChooseDevice(
      const JobNeeds& needs) const = 0;

  struct Counts {
    int interactive = 0;
    int batch = 0;
  };
  virtual Counts counts() const = 0;

  /// Names of the lanes' devices.
  virtual std::vector<std::string> devices() const = 0;

  /// Takes no new jobs, lets interactive jobs finish until `deadline`, ends
  /// batch jobs after their current slice, then abandons the rest and joins.
  /// Called again, an earlier deadline holds. Not from a job.
  virtual void Stop(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_SCHEDULER_H_
