// Reads the events of a run in order and hands them to a sink, one at a time.
//
// Recent events come from memory, older ones from the catalog, so that a slow
// reader misses nothing and holds nothing but one page of events. Thread-safe;
// no gRPC in here.
#ifndef REPSCORE_SERVER_RUNS_RUN_FOLLOWER_H_
#define REPSCORE_SERVER_RUNS_RUN_FOLLOWER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "repscore/v1/runs.pb.h"
#include "server/catalog/catalog.h"
#include "server/executor.h"
#include "server/runs/live_run.h"

namespace repscore::server {

class RunFollower final : public LiveRun::Listener,
                          public std::enable_shared_from_this<RunFollower> {
 public:
  /// Where events go. Neither call may block.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// The next Send or End comes after Sent().
    virtual void Send(v1::RunEvent event) = 0;
    /// The last call.
    virtual void End(const absl::Status& status) = 0;
  };

  struct Options {
    /// Events with a larger number are sent.
    int64_t after_sequence = 0;
    /// Send the candidate before the result.
    bool return_candidate = false;
    /// A run that failed ends the stream with its error.
    bool ends_with_error = false;
  };

  RunFollower(Catalog& catalog, Executor& disk, Sink& sink, Options options);

  /// Begins. `run` is null for a run that this process does not work on: its
  /// stored events are sent. Until then nothing is sent.
  void Follow(const std::string& run_id, const std::shared_ptr<LiveRun>& run);

  /// The event has been sent, or (not ok) the reader is gone.
  void Sent(bool ok);

  /// Ends the stream once the event on its way is sent.
  void Stop(const absl::Status& status);

  void Wake() override { Advance(); }

 private:
  enum class Step { kNothing, kSend, kRead, kLoadCandidate, kEnd };

  void Advance();
  Step NextStepLocked(v1::RunEvent& event);
  Step NextEventLocked(v1::RunEvent& event);
  Step ResultLocked(v1::RunEvent& event);
  void CandidateChunkLocked(v1::RunEvent& event);

  /// These run on the disk executor.
  void ReadPage();
  void LoadCandidate();

  Catalog& catalog_;
  Executor& disk_;
  Sink& sink_;
  const Options options_;

  std::mutex mutex_;
  std::string run_id_;
  std::shared_ptr<LiveRun> run_;
  int64_t sequence_;
  /// Something is on its way, or Follow() has not been called yet.
  bool is_busy_ = true;
  bool has_ended_ = false;
  std::optional<absl::Status> end_;
  /// Stored events read ahead; at most one page.
  std::deque<RunEventRecord> page_;
  /// The result, held back until the candidate is sent.
  std::optional<v1::RunEvent> result_;
  std::vector<std::byte> candidate_;
  size_t candidate_offset_ = 0;
  bool is_candidate_loaded_ = false;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_FOLLOWER_H_
