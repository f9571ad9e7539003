// A run on its lane: slices of optimisation steps, checkpoints, the end. When
// its device fails or runs out of memory, another job takes the run up again.
//
// Used by one lane at a time; what the outside sees goes through LiveRun.
#ifndef REPSCORE_SERVER_RUNS_RUN_JOB_H_
#define REPSCORE_SERVER_RUNS_RUN_JOB_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/data/dataset.h"
#include "core/optimize/optimization.h"
#include "core/optimize/plan.h"
#include "server/parts.h"
#include "server/runs/live_run.h"
#include "server/runs/run_end.h"
#include "server/runs/run_recorder.h"

namespace repscore::server {

class RunJob final : public Job, public std::enable_shared_from_this<RunJob> {
 public:
  struct Task {
    std::shared_ptr<LiveRun> run;
    std::shared_ptr<const Dataset> dataset;
    OptimizationPlan plan;
    /// The first event, while it has not been published.
    std::optional<v1::RunStarted> started = {};
    /// Where to continue; empty: from the start.
    std::string checkpoint;
    JobNeeds needs;
    /// It ran out of memory before: the next time it fails.
    bool had_no_memory = false;
    /// Set when runs are to be stored and left for the next start.
    const std::atomic<bool>* suspending = nullptr;
    /// Called once, off the lane, when the run has left this process: ended
    /// or suspended, and stored.
    std::function<void()> left;
    /// Called in place of `left`: to be taken up again from the last
    /// checkpoint.
    std::function<void(bool had_no_memory)> again;
    /// Goes with the job, when its place in the queue is free.
    std::shared_ptr<void> room = {};
  };

  RunJob(Parts& parts, Task task);

  Next RunSlice(LaneContext& lane) override;
  JobNeeds needs() const override { return task_.needs; }
  bool IsCancelled() const override;
  void Abandon(const absl::Status& reason) override;
  void LoseLane(const absl::Status& reason) override;

 private:
  absl::Status Slice(LaneContext& lane);
  absl::Status Begin(LaneContext& lane);
  void PublishStart(LaneContext& lane);
  /// What the last step added: points and snapshots.
  void PublishTrace();
  absl::Status CheckpointIfDue();
  std::chrono::steady_clock::duration CheckpointInterval() const;

  /// Ends the run with what it has reached.
  absl::Status End(v1::RunState state, v1::StopReason reason);
  /// The last of the job: stores the end off the lane.
  void Conclude(RunEnd end);
  void Suspend();
  /// The last of the job on a lane that cannot go on with it.
  void StartAgain(bool had_no_memory);

  Parts& parts_;
  Task task_;
  const std::shared_ptr<RunRecorder> recorder_;
  std::unique_ptr<Optimization> optimization_;
  std::vector<double> snapshot_scores_;
  std::chrono::steady_clock::time_point next_checkpoint_;
  bool is_over_ = false;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_JOB_H_
