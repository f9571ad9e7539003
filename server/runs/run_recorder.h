// Stores what a run has reached, one transaction at a time, on the disk
// executor, so that the lane goes on meanwhile. Thread-safe.
#ifndef REPSCORE_SERVER_RUNS_RUN_RECORDER_H_
#define REPSCORE_SERVER_RUNS_RUN_RECORDER_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "server/catalog/catalog.h"
#include "server/executor.h"
#include "server/runs/live_run.h"

namespace repscore::server {

class RunRecorder : public std::enable_shared_from_this<RunRecorder> {
 public:
  RunRecorder(Catalog& catalog, Executor& disk, std::shared_ptr<LiveRun> run)
      : catalog_(catalog), disk_(disk), run_(std::move(run)) {}

  /// A transaction is in progress.
  bool busy() const;

  /// Waits for the transaction in progress. Not on the disk executor.
  void AwaitIdle();

  /// Stores summary, events and (unless empty) the checkpoint, which belongs to
  /// the last event published before this call. Waits for the transaction in
  /// progress: not on the disk executor. A failure is logged; the next
  /// transaction includes its events.
  void Record(std::string checkpoint);

  /// As Record, on the caller's thread; requires that none is in progress.
  absl::Status RecordNow(const std::string& checkpoint);

 private:
  absl::Status Store(const LiveRun::Unrecorded& unrecorded,
                     const std::string& checkpoint);

  Catalog& catalog_;
  Executor& disk_;
  const std::shared_ptr<LiveRun> run_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  bool is_busy_ = false;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_RECORDER_H_
