#include "core/backend/cuda/device.h"

#include <map>

#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore::cuda {
namespace {

/// What this thread has selected last: selecting again takes as long as several
/// operations do on the host.
thread_local int current_device = -1;

// The oldest compute capability that kernels are compiled for.
constexpr int kOldestMajor = 8;
// float32 to float64 rate up to which float64 counts as fast.
constexpr int kFastRatio = 2;
constexpr int kVersionMajor = 1000;
constexpr int kVersionMinor = 10;

int Attribute(cudaDeviceAttr attribute, int index) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, attribute, index) != cudaSuccess) {
    cudaGetLastError();
  }
  return value;
}

/// Errors after which every later call of the process fails on this device.
bool IsForGood(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

int VisibleDevices(std::string* reason) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    cudaGetLastError();
    if (reason != nullptr) {
      *reason = error == cudaErrorInsufficientDriver
                    ? "there is no NVIDIA driver, or one too old for this build"
                    : cudaGetErrorString(error);
    }
    return 0;
  }
  if (count == 0 && reason != nullptr) {
    *reason = "no CUDA device is visible";
  }
  return count;
}

absl::StatusOr<DeviceInfo> Describe(int index) {
  std::string reason;
  const int count = VisibleDevices(&reason);
  if (index < 0 || index >= count) {
    return absl::FailedPreconditionError(
        StrCat("device: there is no cuda:",
               index,
               count == 0 ? StrCat(": ", reason)
                          : StrCat("; the last is cuda:", count - 1)));
  }
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, index);
      error != cudaSuccess) {
    cudaGetLastError();
    return absl::FailedPreconditionError(
        StrCat("device: cuda:", index, ": ", cudaGetErrorString(error)));
  }
  if (properties.major < kOldestMajor) {
    return absl::FailedPreconditionError(StrCat("device: cuda:",
                                                index,
                                                " (",
                                                properties.name,
                                                ") has compute capability ",
                                                properties.major,
                                                ".",
                                                properties.minor,
                                                "; at least ",
                                                kOldestMajor,
                                                ".0 is needed"));
  }
  if (Attribute(cudaDevAttrMemoryPoolsSupported, index) == 0) {
    return absl::FailedPreconditionError(StrCat("device: cuda:",
                                                index,
                                                " (",
                                                properties.name,
                                                ") has no memory pools"));
  }
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess) {
    cudaGetLastError();
  }
  const int ratio =
      Attribute(cudaDevAttrSingleToDoublePrecisionPerfRatio, index);
  DeviceInfo info;
  info.name = StrCat("cuda:", index);
  info.description = StrCat(properties.name,
                            ", compute capability ",
                            properties.major,
                            ".",
                            properties.minor,
                            ", driver ",
                            driver / kVersionMajor,
                            ".",
                            driver % kVersionMajor / kVersionMinor);
  info.memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  info.fast_float64 = ratio > 0 && ratio <= kFastRatio;
  return info;
}

Device::Device(int index, bool fast_float64, const Libraries& libraries)
    : index_(index),
      name_(StrCat("cuda:", index)),
      fast_float64_(fast_float64),
      libraries_(libraries) {}

Device::~Device() {
  if (pool_ != nullptr) {
    EnterQuietly();
    cudaMemPoolDestroy(pool_);
  }
}

absl::StatusOr<std::shared_ptr<Device>> Device::Open(int index) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<Device>> devices;
  const std::lock_guard<std::mutex> lock(mutex);
  if (std::shared_ptr<Device> device = devices[index].lock()) {
    return device;
  }
  REPSCORE_ASSIGN_OR_RETURN(const DeviceInfo info, Describe(index));
  REPSCORE_ASSIGN_OR_RETURN(const Libraries* libraries, LoadLibraries());
  std::shared_ptr<Device> device(
      new Device(index, info.fast_float64, *libraries));
  REPSCORE_RETURN_IF_ERROR(device->MakePool());
  devices[index] = device;
  return device;
}

absl::Status Device::MakePool() {
  return Guarded([this]() -> absl::Status {
    Enter();
    cudaMemPoolProps properties = {};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.handleTypes = cudaMemHandleTypeNone;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = index_;
    Check(cudaMemPoolCreate(&pool_, &properties), "making a memory pool");
    // Freed memory stays in the pool up to half of the device: the steps of an
    // optimisation allocate the same sizes again and again.
    auto threshold = static_cast<uint64_t>(memory().total_bytes / 2);
    Check(cudaMemPoolSetAttribute(
              pool_, cudaMemPoolAttrReleaseThreshold, &threshold),
          "setting up the memory pool");
    return absl::OkStatus();
  });
}

DeviceMemory Device::memory() const {
  EnterQuietly();
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  if (cudaMemGetInfo(&free_bytes, &total_bytes) != cudaSuccess) {
    cudaGetLastError();
    return {};
  }
  uint64_t reserved = 0;
  uint64_t used = 0;
  if (pool_ != nullptr &&
      (cudaMemPoolGetAttribute(pool_,
                               cudaMemPoolAttrReservedMemCurrent,
                               &reserved) != cudaSuccess ||
       cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used) !=
           cudaSuccess)) {
    cudaGetLastError();
    reserved = used = 0;
  }
  return {.total_bytes = static_cast<int64_t>(total_bytes),
          .free_bytes = static_cast<int64_t>(free_bytes + reserved - used) +
                        idle_bytes_.load()};
}

void Device::AddIdleMemory(const void* owner,
                           std::function<void()> free) const {
  const std::lock_guard<std::mutex> lock(idle_mutex_);
  idle_memory_[owner] = std::move(free);
}

void Device::RemoveIdleMemory(const void* owner) const {
  const std::lock_guard<std::mutex> lock(idle_mutex_);
  idle_memory_.erase(owner);
}

void Device::FreeIdleMemory() const {
  const std::lock_guard<std::mutex> lock(idle_mutex_);
  for (const auto& [owner, free] : idle_memory_) {
    free();
  }
  Check(cudaMemPoolTrimTo(pool_, 0), "freeing memory");
}

void* Device::AllocateToKeep(size_t bytes, std::string_view doing) const {
  void* data = nullptr;
  cudaError_t error = cudaMalloc(&data, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    FreeIdleMemory();
    error = cudaMalloc(&data, bytes);
  }
  Check(error, doing);
  return data;
}

absl::Status Device::Health() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return health_;
}

void Device::Enter() const {
  if (failed_.load(std::memory_order_acquire)) {
    throw BackendError(Health());
  }
  if (current_device != index_) {
    Check(cudaSetDevice(index_), "selecting the device");
    current_device = index_;
  }
}

void Device::EnterQuietly() const noexcept {
  if (cudaSetDevice(index_) != cudaSuccess) {
    cudaGetLastError();
  }
  current_device = index_;
}

absl::Status Device::Judge(cudaError_t error, std::string_view doing) const {
  cudaGetLastError();
  const std::string text =
      StrCat(name_, ": ", doing, " failed: ", cudaGetErrorString(error));
  if (error == cudaErrorMemoryAllocation) {
    const DeviceMemory now = memory();
    return absl::ResourceExhaustedError(StrCat(name_,
                                               ": out of memory while ",
                                               doing,
                                               ": ",
                                               now.free_bytes,
                                               " of ",
                                               now.total_bytes,
                                               " bytes are free"));
  }
  absl::Status status = absl::InternalError(text);
  if (IsForGood(error)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (health_.ok()) {
      health_ = status;
    }
    failed_.store(true, std::memory_order_release);
  }
  return status;
}

void Device::Check(cudaError_t error, std::string_view doing) const {
  if (error != cudaSuccess) {
    throw BackendError(Judge(error, doing));
  }
}

void Device::Check(cublasStatus_t status, std::string_view doing) const {
  if (status == CUBLAS_STATUS_SUCCESS) {
    return;
  }
  if (status == CUBLAS_STATUS_ALLOC_FAILED) {
    throw BackendError(Judge(cudaErrorMemoryAllocation, doing));
  }
  // What the runtime says is worth more than the library's status.
  Check(cudaGetLastError(), doing);
  throw BackendError(absl::InternalError(StrCat(name_,
                                                ": ",
                                                doing,
                                                " failed: cuBLAS status ",
                                                static_cast<int>(status))));
}

void Device::Check(cusolverStatus_t status, std::string_view doing) const {
  if (status == CUSOLVER_STATUS_SUCCESS) {
    return;
  }
  if (status == CUSOLVER_STATUS_ALLOC_FAILED) {
    throw BackendError(Judge(cudaErrorMemoryAllocation, doing));
  }
  Check(cudaGetLastError(), doing);
  throw BackendError(absl::InternalError(StrCat(name_,
                                                ": ",
                                                doing,
                                                " failed: cuSOLVER status ",
                                                static_cast<int>(status))));
}

}  // namespace repscore::cuda
