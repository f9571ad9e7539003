// All optimisation runs of the server: made, looked up, cancelled, resumed.
//
// Thread-safe. What is marked so touches the disk and belongs on the disk
// executor.
#ifndef REPSCORE_SERVER_RUNS_RUN_MANAGER_H_
#define REPSCORE_SERVER_RUNS_RUN_MANAGER_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "repscore/v1/runs.pb.h"
#include "repscore/v1/scoring.pb.h"
#include "server/convert_runs.h"
#include "server/parts.h"
#include "server/runs/live_run.h"

namespace repscore::server {

class RunManager {
 public:
  explicit RunManager(Parts& parts) : parts_(parts) {}

  /// Validates, stores and queues a run; its first event is `started`.
  /// InvalidArgument names the field, ResourceExhausted is QUEUE_FULL or
  /// HOST_MEMORY. Disk.
  absl::StatusOr<std::shared_ptr<LiveRun>> Create(
      const v1::OptimizeRequest& request);
  absl::StatusOr<std::shared_ptr<LiveRun>> Create(
      const v1::JointOptimizeRequest& request);

  /// As Create, for a run that stands for a calibration: where one with this
  /// key on a dataset of the same content has neither failed nor been
  /// cancelled, it is that run. Disk.
  absl::StatusOr<v1::Run> CreateCalibration(const v1::OptimizeRequest& request,
                                            const std::string& key);

  /// The run, or null when this process does not work on it.
  std::shared_ptr<LiveRun> Find(const std::string& run_id) const;

  /// NotFound RUN_NOT_FOUND. Disk.
  absl::StatusOr<v1::Run> Get(const std::string& run_id) const;

  /// A candidate or snapshot, stored or about to be.
  struct RunArray {
    v1::TensorSpec spec;
    std::shared_ptr<const RunArrayRecord> record;
  };
  /// NotFound RUN_NOT_FOUND or ARRAY_NOT_FOUND; InvalidArgument names `name`.
  /// Disk.
  absl::StatusOr<RunArray> ReadArray(const std::string& name) const;

  /// Newest first. Disk.
  absl::StatusOr<Page<v1::Run>> List(const PageRequest& page) const;

  /// Queues the runs that a former process left unfinished. A run that cannot
  /// go on becomes FAILED. Disk.
  absl::Status ResumeUnfinished();

  /// Runs store a checkpoint at the end of their slice and leave.
  void Suspend() { suspending_ = true; }
  bool suspending() const { return suspending_; }

  /// Called, off the lanes, whenever a run has left. Set before the first run.
  void SetLeaveListener(std::function<void()> listener) {
    leave_listener_ = std::move(listener);
  }

  /// Waits until this process works on no run; false when `deadline` came
  /// first.
  bool AwaitIdle(std::chrono::steady_clock::time_point deadline);

 private:
  template <typename Request>
  absl::StatusOr<std::shared_ptr<LiveRun>> CreateFrom(
      Request request, const std::string& calibration_key = "");

  /// Datasets of a plan; fills in a start that is a dataset.
  absl::StatusOr<std::shared_ptr<const Dataset>> LoadInputs(RunPlan& run) const;
  absl::StatusOr<std::shared_ptr<LiveRun>> Store(
      const RunPlan& plan,
      const Dataset& dataset,
      std::string request,
      const std::string& calibration_key);
  absl::Status Submit(const std::shared_ptr<LiveRun>& run,
                      std::shared_ptr<const Dataset> dataset,
                      RunPlan plan,
                      std::string checkpoint);
  absl::Status ResumeRun(const RunRecord& record,
                         const std::shared_ptr<LiveRun>& run);
  void Fail(const std::shared_ptr<LiveRun>& run, const absl::Status& error);
  /// Of an array that an older server stored.
  absl::StatusOr<v1::TensorSpec> CandidateSpec(const std::string& run_id,
                                               const v1::Run& run) const;
  std::string AnyDevice() const;
  void Add(const std::shared_ptr<LiveRun>& run);
  void Remove(const std::string& run_id);

  Parts& parts_;
  std::atomic<bool> suspending_ = false;
  std::function<void()> leave_listener_;
  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  std::map<std::string, std::shared_ptr<LiveRun>> live_;
};

/// The id in runs/{run}. InvalidArgument names `name`.
absl::StatusOr<std::string> ParseRunName(const std::string& name);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_MANAGER_H_
