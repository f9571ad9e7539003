// One GPU of this process: its memory pool, its health, and what its errors
// mean. Shared by all queues of the device; thread-safe.
#ifndef REPSCORE_CORE_BACKEND_CUDA_DEVICE_H_
#define REPSCORE_CORE_BACKEND_CUDA_DEVICE_H_

#include <cuda_runtime.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/backend/create.h"
#include "core/backend/cuda/libraries.h"

namespace repscore::cuda {

/// CUDA devices the driver shows; 0 without a driver. `reason` says why there
/// is none.
int VisibleDevices(std::string* reason = nullptr);

/// FailedPrecondition when this build or this library cannot use the device.
absl::StatusOr<DeviceInfo> Describe(int index);

class Device {
 public:
  /// The device of this process, made at the first call.
  static absl::StatusOr<std::shared_ptr<Device>> Open(int index);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  int index() const { return index_; }
  const std::string& name() const { return name_; }
  /// float64 at half the rate of float32 or better.
  bool fast_float64() const { return fast_float64_; }
  cudaMemPool_t pool() const { return pool_; }
  const Libraries& libraries() const { return libraries_; }

  /// What queues and the pool hold idle counts as free.
  DeviceMemory memory() const;

  // Memory that queues keep for what they do next. `free` gives that of `owner`
  // back to the pool, from any thread.
  void AddIdleMemory(const void* owner, std::function<void()> free) const;
  void RemoveIdleMemory(const void* owner) const;
  void AddIdleBytes(int64_t bytes) const { idle_bytes_ += bytes; }
  /// Gives all of it back to the device, the pool's own too. Waits.
  void FreeIdleMemory() const;

  /// Memory beside the pool, until cudaFree: idle memory is given back first
  /// where the device has no room otherwise. Throws BackendError.
  void* AllocateToKeep(size_t bytes, std::string_view doing) const;

  /// Not OK once an error has come that the device does not recover from
  /// within this process.
  absl::Status Health() const;

  /// Makes the device current in this thread. Throws BackendError when it has
  /// failed for good.
  void Enter() const;
  /// The same for destructors: never throws.
  void EnterQuietly() const noexcept;

  /// Throws BackendError for an error, with `doing` in its message, and
  /// remembers one that is for good.
  void Check(cudaError_t error, std::string_view doing) const;
  void Check(cublasStatus_t status, std::string_view doing) const;
  void Check(cusolverStatus_t status, std::string_view doing) const;

 private:
  Device(int index, bool fast_float64, const Libraries& libraries);
  absl::Status MakePool();
  /// Remembers `error` when it is for good; returns its Status.
  absl::Status Judge(cudaError_t error, std::string_view doing) const;

  const int index_;
  const std::string name_;
  const bool fast_float64_;
  const Libraries& libraries_;
  cudaMemPool_t pool_ = nullptr;
  mutable std::mutex idle_mutex_;
  mutable std::map<const void*, std::function<void()>> idle_memory_;
  mutable std::atomic<int64_t> idle_bytes_{0};
  mutable std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  mutable absl::Status health_;
};

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_DEVICE_H_
