#include "core/backend/cuda/cuda_device.h"

#include "core/backend/cuda/cuda_backend.h"
#include "core/backend/cuda/device.h"
#include "core/base/status_macros.h"

namespace repscore::cuda {

int DeviceCount() {
  return static_cast<int>(Devices().size());
}

std::vector<DeviceInfo> Devices() {
  std::vector<DeviceInfo> devices;
  const int visible = VisibleDevices();
  for (int index = 0; index < visible; ++index) {
    if (absl::StatusOr<DeviceInfo> device = Describe(index); device.ok()) {
      devices.push_back(*std::move(device));
    }
  }
  return devices;
}

absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(int device,
                                                           int threads) {
  return Guarded([&]() -> absl::StatusOr<std::unique_ptr<Backend>> {
    REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<Device> opened,
                              Device::Open(device));
    return std::make_unique<CudaBackend>(std::move(opened), threads);
  });
}

int64_t HostWaits(const Backend& backend) {
  const auto* const cuda = dynamic_cast<const CudaBackend*>(&backend);
  return cuda == nullptr ? 0 : cuda->waits();
}

int64_t GraphReplays(const Backend& backend) {
  const auto* const cuda = dynamic_cast<const CudaBackend*>(&backend);
  return cuda == nullptr ? 0 : cuda->replays();
}

int64_t ReplayedLaunches(const Backend& backend) {
  const auto* const cuda = dynamic_cast<const CudaBackend*>(&backend);
  return cuda == nullptr ? 0 : cuda->replayed();
}

std::optional<double> SecondsOfReplays(Backend& backend, int64_t launches) {
  auto* const cuda = dynamic_cast<CudaBackend*>(&backend);
  return cuda == nullptr ? std::nullopt : cuda->SecondsOfReplays(launches);
}

}  // namespace repscore::cuda
