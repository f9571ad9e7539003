// A run that this process works on: what it has reached and its latest events.
//
// The lane publishes events, the recorder stores them, watchers read them.
// Kept in memory are the events and snapshots that are not stored yet and the
// last kRing events; older ones are in the catalog. Thread-safe.
#ifndef REPSCORE_SERVER_RUNS_LIVE_RUN_H_
#define REPSCORE_SERVER_RUNS_LIVE_RUN_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "repscore/v1/runs.pb.h"
#include "server/catalog/catalog.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

class LiveRun {
 public:
  static constexpr size_t kRing = 256;

  /// Told when there is something new. Called on the publisher's thread without
  /// locks held; must not block.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void Wake() = 0;
  };

  /// Events up to `record.last_sequence` are in the catalog.
  explicit LiveRun(RunRecord record);

  const std::string& run_id() const { return record_.run_id; }
  CancelToken& cancel() { return cancel_; }

  v1::Run Snapshot() const;

  // The writer's side.

  using Change = std::function<void(v1::Run&)>;

  /// Changes the summary; its update time is set.
  void Update(const Change& change);

  /// Changes the summary, numbers the events, appends them (all at once for
  /// readers) and wakes the listeners.
  void Publish(std::vector<v1::RunEvent> events, const Change& change);

  using Array = std::shared_ptr<const RunArrayRecord>;

  /// As Publish, with arrays that the events tell of.
  void Publish(std::vector<v1::RunEvent> events,
               std::vector<Array> arrays,
               const Change& change);

  /// As Publish, but nobody sees the change before Show(): it is to be stored
  /// first.
  void PublishUnseen(std::vector<v1::RunEvent> events, const Change& change);
  void Show();

  struct Unrecorded {
    RunRecord record;
    /// To be stored before the events.
    std::vector<Array> arrays;
    std::vector<RunEventRecord> events;
  };
  /// The record as it is to be stored now, with what is not stored yet.
  Unrecorded TakeUnrecorded() const;
  /// Events up to `sequence` and their arrays are stored.
  void MarkRecorded(int64_t sequence);
  size_t unrecorded_bytes() const;

  /// No more events will come in this process; watchers end when they have
  /// read all there are.
  void Close();

  // The readers' side.

  void AddListener(std::weak_ptr<Listener> listener);

  enum class Found {
    kEvent,    ///< in `payload`
    kNotYet,   ///< Wake() will be called
    kCatalog,  ///< stored and no longer in memory
    kClosed,   ///< there will be none
  };
  /// The event after `sequence`, serialised.
  Found Next(int64_t sequence, std::string& payload) const;

  /// An array that may not be stored yet; null where it is stored or unknown.
  Array FindArray(const std::string& name) const;

 private:
  void UpdateLocked(const Change& change);
  void AppendLocked(std::vector<v1::RunEvent> events);
  void TrimLocked();
  void WakeAll();

  mutable std::mutex mutex_;
  RunRecord record_;
  v1::Run summary_;
  /// The summary that is seen instead, until Show().
  std::optional<v1::Run> seen_;
  std::deque<RunEventRecord> events_;
  struct PendingArray {
    /// Of the event that it came with.
    int64_t sequence = 0;
    Array array;
  };
  std::vector<PendingArray> arrays_;
  int64_t recorded_sequence_ = 0;
  size_t unrecorded_bytes_ = 0;
  bool is_closed_ = false;
  std::vector<std::weak_ptr<Listener>> listeners_;
  CancelToken cancel_;
};

/// runs/{run}
std::string RunName(const std::string& run_id);

/// State of the wire and of the catalog.
RunState ToRunState(v1::RunState state);
bool IsTerminal(v1::RunState state);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_LIVE_RUN_H_
