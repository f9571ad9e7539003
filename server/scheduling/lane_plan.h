// Which lanes a server has: from what the operator asked for and the devices
// there are. Pure functions.
#ifndef REPSCORE_SERVER_SCHEDULING_LANE_PLAN_H_
#define REPSCORE_SERVER_SCHEDULING_LANE_PLAN_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/backend/create.h"

namespace repscore::server {

/// The name of the host as a device.
inline constexpr std::string_view kHostDevice = "cpu";
/// Asks for any device; as good as empty.
inline constexpr std::string_view kAnyDevice = "auto";

/// Where lanes get their devices from.
struct DeviceSource {
  /// The host first.
  std::vector<DeviceInfo> devices;
  std::function<absl::StatusOr<std::unique_ptr<Backend>>(
      const std::string& device, int threads)>
      create;
};

/// The devices of this machine.
DeviceSource MachineDevices();

/// The device of every lane. `wanted` is "auto" (one lane for every GPU and
/// `host_lanes` for the host) or a list such as "cuda:0,cpu", where the host
/// gets `host_lanes` and a GPU one. InvalidArgument, naming `device` and the
/// devices there are, for one that is not there or is named twice.
absl::StatusOr<std::vector<std::string>> PlanLanes(
    const std::string& wanted,
    int host_lanes,
    const std::vector<DeviceInfo>& devices);

/// "cpu, cuda:0"
std::string DeviceNames(const std::vector<DeviceInfo>& devices);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_LANE_PLAN_H_
