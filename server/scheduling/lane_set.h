// The lanes of a scheduler and the memory they share: which are left, what may
// start where. Its methods are called with the scheduler's mutex held.
#ifndef REPSCORE_SERVER_SCHEDULING_LANE_SET_H_
#define REPSCORE_SERVER_SCHEDULING_LANE_SET_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "server/scheduling/job_queue.h"
#include "server/scheduling/placement.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

class LaneSet {
 public:
  /// What is known of a lane once its backend is there.
  struct Device {
    std::string name;
    DeviceMemory memory;
  };

  LaneSet() = default;
  LaneSet(const SchedulerOptions& options, const std::vector<Device>& devices);

  const std::vector<LaneState>& states() const { return states_; }
  int size() const { return static_cast<int>(states_.size()); }
  const LaneState& operator[](int lane) const {
    return states_[static_cast<size_t>(lane)];
  }
  bool IsLost(int lane) const { return !(*this)[lane].lost.ok(); }

  /// The lane's device has failed. Entries that other lanes may run go there,
  /// the others stay with this lane.
  void Lose(int lane, const absl::Status& status, JobQueue& queue);

  /// Whether `entry` may have its next slice on `lane` now: reserves its memory
  /// before the first one. `elder`: the entry that has waited too long for
  /// memory and comes before all others, or null. What was let go to make room
  /// goes to `let_go`.
  bool MayRun(JobQueue::Entry& entry,
              int lane,
              const JobQueue::Entry* elder,
              MemoryBudget::Items& let_go) const;

 private:
  std::vector<LaneState> states_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_LANE_SET_H_
