#include "core/backend/create.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "core/backend/cpu/cpu_backend.h"
#include "core/backend/cuda/cuda_device.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr std::string_view kCudaPrefix = "cuda:";

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(std::string_view device,
                                                       int threads) {
  std::string first_gpu;
  if (device == "auto") {
    const std::vector<DeviceInfo> gpus = cuda::Devices();
    first_gpu = gpus.empty() ? "cpu" : gpus.front().name;
    device = first_gpu;
  }
  if (device == "cpu") {
    return std::make_unique<cpu::CpuBackend>(threads);
  }
  int index = -1;
  if (device.substr(0, kCudaPrefix.size()) == kCudaPrefix &&
      absl::SimpleAtoi(AbslView(device.substr(kCudaPrefix.size())), &index) &&
      index >= 0) {
    return cuda::CreateCudaBackend(index, threads);
  }
  return absl::InvalidArgumentError(StrCat(
      "device: \"", device, "\" is none of auto, cpu, cuda:0, cuda:1, ..."));
}

std::vector<DeviceInfo> ListDevices() {
  const cpu::CpuBackend host(1);
  std::vector<DeviceInfo> devices = {
      {.name = "cpu",
       .description = StrCat("OpenBLAS kernels ", BlasCoreName()),
       .memory_bytes = host.memory().total_bytes}};
  for (DeviceInfo& device : cuda::Devices()) {
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace repscore
