// Who runs when: a bounded queue in front of lanes. No gRPC in here.
//
// A lane is a thread that owns one Backend. A job runs in slices on one lane;
// after each slice it says whether it wants another, and goes to the back of
// its class, so that long optimisations never starve scores.
#ifndef REPSCORE_SERVER_SCHEDULING_SCHEDULER_H_
#define REPSCORE_SERVER_SCHEDULING_SCHEDULER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backend/backend.h"

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

  /// Called on a lane instead of RunSlice when the scheduler stops. The last
  /// call to the job.
  virtual void Abandon(const absl::Status& reason) = 0;
};

struct SchedulerOptions {
  int lanes = 1;
  int threads_per_lane = 1;
  /// Jobs waiting or running per class; one more is refused.
  int max_interactive = 256;
  int max_batch = 64;
  /// "cpu", "cuda:0" or "auto".
  std::string device = "auto";
  /// A batch slice runs after this many interactive ones in a row on a lane,
  /// or when the next batch job has waited so long.
  int interactive_burst = 8;
  std::chrono::milliseconds max_batch_wait{2000};
  /// Makes the backend of a lane, on the lane's thread. Default: CreateBackend
  /// with `device` and `threads_per_lane`.
  std::function<absl::StatusOr<std::unique_ptr<Backend>>(int lane)>
      backend_factory;
};

class Scheduler {
 public:
  /// Starts the lanes; the first error of a lane's backend is returned.
  /// InvalidArgument for numbers below 1.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Start(
      const SchedulerOptions& options);

  virtual ~Scheduler() = default;

  /// ResourceExhausted when the class is full (both counts in the text),
  /// Unavailable after Stop began, InvalidArgument for a null job or one that
  /// asks for a lane there is not. A refused job is not called. Jobs may
  /// submit jobs.
  virtual absl::Status Submit(JobClass job_class, std::shared_ptr<Job> job) = 0;

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
