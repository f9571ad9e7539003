#include "server/scheduling/lane_plan.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/error.h"

namespace repscore::server {

DeviceSource MachineDevices() {
  return {.devices = ListDevices(),
          .create = [](const std::string& device, int threads) {
            return CreateBackend(device, threads);
          }};
}

absl::StatusOr<std::vector<std::string>> PlanLanes(
    const std::string& wanted,
    int host_lanes,
    const std::vector<DeviceInfo>& devices) {
  std::vector<std::string> names;
  if (wanted == kAnyDevice) {
    for (const DeviceInfo& device : devices) {
      if (device.name != kHostDevice) {
        names.push_back(device.name);
      }
    }
    names.emplace_back(kHostDevice);
  } else {
    names = absl::StrSplit(wanted, ',');
  }
  std::vector<std::string> lanes;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const bool exists = std::any_of(
        devices.begin(), devices.end(), [&](const DeviceInfo& device) {
          return device.name == name;
        });
    if (!exists) {
      return FieldError(
          "device",
          absl::StrCat(
              Quoted(name), " is not there; there are ", DeviceNames(devices)));
    }
    if (!seen.insert(name).second) {
      return FieldError("device",
                        absl::StrCat(Quoted(name), " is named twice"));
    }
    lanes.insert(lanes.end(),
                 name == kHostDevice ? static_cast<size_t>(host_lanes) : 1,
                 name);
  }
  return lanes;
}

std::string DeviceNames(const std::vector<DeviceInfo>& devices) {
  return absl::StrJoin(
      devices, ", ", [](std::string* out, const DeviceInfo& device) {
        out->append(device.name);
      });
}

}  // namespace repscore::server
