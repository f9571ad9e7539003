// What a lane's work ends with when the device is at fault: out of memory, or
// failed for good.
#ifndef REPSCORE_SERVER_LANE_ERRORS_H_
#define REPSCORE_SERVER_LANE_ERRORS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/error.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

/// Whether work ended since the lane's device, or the host, ran out of memory.
bool IsOutOfMemory(const absl::Status& status);

/// `status` of work on this lane as the client gets it: DEVICE_LOST when the
/// device has failed, DEVICE_MEMORY or HOST_MEMORY with the numbers when it ran
/// out, else as it is.
absl::Status LaneStatus(const LaneContext& lane, absl::Status status);

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename Value>
const absl::Status& StatusOf(const absl::StatusOr<Value>& result) {
  return result.status();
}

/// Runs `body`, which returns a Status or StatusOr and can be repeated, on its
/// lane. When memory runs out all that is kept without need is let go and the
/// body runs once more. The error is a LaneStatus.
template <typename Body>
auto RunOnLane(const LaneContext& lane, const Body& body) -> decltype(body()) {
  auto result = NoThrow(body);
  if (IsOutOfMemory(StatusOf(result))) {
    lane.memory.DropIdle();
    result = NoThrow(body);
  }
  if (!result.ok()) {
    return LaneStatus(lane, StatusOf(result));
  }
  return result;
}

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_LANE_ERRORS_H_
