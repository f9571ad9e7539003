#include "server/scheduling/placement.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/error.h"
#include "server/scheduling/lane_plan.h"

namespace repscore::server {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr char kDeviceField[] = "device";
constexpr char kDeviceLost[] = "DEVICE_LOST";
constexpr double kLostRetrySeconds = 1.0;

bool IsHost(const std::string& device) {
  return device == kHostDevice;
}

bool TakesAny(const JobNeeds& needs) {
  return needs.device.empty() || needs.device == kAnyDevice;
}

double Mebibytes(int64_t bytes) {
  return static_cast<double>(bytes) / kMebibyte;
}

/// OK, or what the lane has too little of.
absl::Status CheckFits(const JobNeeds& needs, const LaneState& lane) {
  const MemoryBudget::Claim& claim = needs.memory;
  const char* const reason =
      IsHost(lane.device) ? "HOST_MEMORY" : "DEVICE_MEMORY";
  if (claim.work_bytes > lane.max_work_bytes) {
    return Error(absl::StatusCode::kResourceExhausted,
                 reason,
                 absl::StrFormat("%s needs at least %.1f MiB, the limit of one "
                                 "request is %.1f MiB",
                                 needs.what,
                                 Mebibytes(claim.work_bytes),
                                 Mebibytes(lane.max_work_bytes)));
  }
  if (!lane.memory->CanEverFit(claim)) {
    return Error(absl::StatusCode::kResourceExhausted,
                 reason,
                 absl::StrFormat("%s needs at least %.1f MiB and %.1f MiB for "
                                 "the reference, %s has %.1f MiB",
                                 needs.what,
                                 Mebibytes(claim.work_bytes),
                                 Mebibytes(claim.kept_bytes),
                                 lane.device,
                                 Mebibytes(lane.memory->capacity())));
  }
  return absl::OkStatus();
}

/// The error of a device that no healthy lane has.
absl::Status NoSuchDevice(const std::string& device,
                          const std::vector<LaneState>& lanes) {
  const std::string left = absl::StrJoin(DevicesLeft(lanes), ", ");
  const bool is_lost =
      std::any_of(lanes.begin(), lanes.end(), [&](const LaneState& lane) {
        return lane.device == device;
      });
  if (!is_lost) {
    return FieldError(kDeviceField,
                      absl::StrCat(Quoted(device),
                                   " is not served here; there are ",
                                   left.empty() ? "none" : left));
  }
  return WithField(Error(absl::StatusCode::kFailedPrecondition,
                         kDeviceLost,
                         absl::StrCat(kDeviceField,
                                      ": ",
                                      device,
                                      " has failed; left are ",
                                      left.empty() ? "none" : left)),
                   kDeviceField);
}

absl::Status NoDeviceLeft() {
  return WithRetry(Error(absl::StatusCode::kUnavailable,
                         kDeviceLost,
                         "no device of this server is left"),
                   kLostRetrySeconds);
}

/// `status` with the host offered.
absl::Status OfferHost(const absl::Status& status) {
  return WithReason(absl::Status(status.code(),
                                 absl::StrCat(status.message(),
                                              "; device \"",
                                              std::string(kHostDevice),
                                              "\" can take it")),
                    DetailsOf(status).reason);
}

}  // namespace

absl::StatusOr<std::vector<int>> PlaceJob(const JobNeeds& needs,
                                          const std::vector<LaneState>& lanes) {
  std::vector<int> on_devices;
  std::vector<int> on_host;
  absl::Status too_large;
  bool host_fits = false;
  bool is_served = false;
  for (size_t i = 0; i < lanes.size(); ++i) {
    const LaneState& lane = lanes[i];
    if (!lane.lost.ok()) {
      continue;
    }
    const bool is_host = IsHost(lane.device);
    absl::Status fits = CheckFits(needs, lane);
    host_fits = host_fits || (is_host && fits.ok());
    if (!TakesAny(needs) && needs.device != lane.device) {
      continue;
    }
    is_served = true;
    if (!fits.ok()) {
      // Of several, the host's: it is the last that was tried.
      too_large = too_large.ok() || is_host ? std::move(fits) : too_large;
    } else {
      (is_host ? on_host : on_devices).push_back(static_cast<int>(i));
    }
  }
  if (!on_devices.empty() || !on_host.empty()) {
    return on_devices.empty() ? on_host : on_devices;
  }
  if (!is_served) {
    return TakesAny(needs) ? NoDeviceLeft() : NoSuchDevice(needs.device, lanes);
  }
  return host_fits ? OfferHost(too_large) : too_large;
}

bool IsDeviceRefused(const absl::Status& status) {
  return status.code() == absl::StatusCode::kFailedPrecondition &&
         DetailsOf(status).reason == kDeviceLost;
}

absl::Status DeviceLostError(const std::string& device) {
  return WithRetry(
      Error(absl::StatusCode::kUnavailable,
            kDeviceLost,
            absl::StrCat(device, " has failed and was taken out of service")),
      kLostRetrySeconds);
}

std::vector<std::string> DevicesLeft(const std::vector<LaneState>& lanes) {
  std::vector<std::string> left;
  for (const LaneState& lane : lanes) {
    if (lane.lost.ok() &&
        std::find(left.begin(), left.end(), lane.device) == left.end()) {
      left.push_back(lane.device);
    }
  }
  return left;
}

absl::Status OutOfMemoryError(const std::string& device,
                              const std::string& message) {
  return Error(absl::StatusCode::kResourceExhausted,
               IsHost(device) ? "HOST_MEMORY" : "DEVICE_MEMORY",
               message);
}

}  // namespace repscore::server
