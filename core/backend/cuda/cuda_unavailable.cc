#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/backend/cuda/cuda_device.h"

namespace repscore::cuda {

int DeviceCount() {
  return 0;
}

std::vector<DeviceInfo> Devices() {
  return {};
}

absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(int device,
                                                           int /*threads*/) {
  return absl::FailedPreconditionError(
      absl::StrCat("device: cuda:",
                   device,
                   " was asked for, but this build has no CUDA; use cpu or "
                   "auto, or build with the CUDA toolkit installed"));
}

int64_t HostWaits(const Backend& /*backend*/) {
  return 0;
}

std::optional<double> SecondsOfReplays(Backend& /*backend*/,
                                       int64_t /*launches*/) {
  return std::nullopt;
}

int64_t GraphReplays(const Backend& /*backend*/) {
  return 0;
}

int64_t ReplayedLaunches(const Backend& /*backend*/) {
  return 0;
}

}  // namespace repscore::cuda
