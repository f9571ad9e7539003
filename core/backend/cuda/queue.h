// One stream of a device with the library handles that work on it: what one
// backend enqueues to. Work of one queue runs in order; queues run beside each
// other.
//
// Only the backend's thread enqueues. Other threads may make their own queue
// follow this one and give buffers back to it: that is what mutex() is for.
#ifndef REPSCORE_CORE_BACKEND_CUDA_QUEUE_H_
#define REPSCORE_CORE_BACKEND_CUDA_QUEUE_H_

#include <cuda_runtime.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/backend/cuda/device.h"

namespace repscore::cuda {

class Queue {
 public:
  /// Throws BackendError.
  explicit Queue(std::shared_ptr<Device> device);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  const Device& device() const { return *device_; }
  const std::shared_ptr<Device>& shared_device() const { return device_; }
  cudaStream_t stream() const { return stream_; }
  /// For uploads that run beside the work of stream().
  cudaStream_t copy_stream() const { return copy_stream_; }
  cublasHandle_t blas() const { return blas_; }
  cusolverDnHandle_t solver() const { return solver_; }
  cusolverDnParams_t solver_parameters() const { return solver_parameters_; }

  /// The host waits for all work enqueued so far. Counted.
  void Wait();
  /// The host waits for `event`, unless it has happened. Counted when it waits.
  void WaitFor(cudaEvent_t event);
  /// How often the host has waited.
  int64_t waits() const { return waits_; }

  /// What is enqueued here from now on runs after what `other` has enqueued so
  /// far. Takes other's mutex; never call it while holding one.
  void Follow(Queue& other);

  /// Held while work is captured into a graph, and by other threads that touch
  /// the stream: nothing of theirs may slip into a capture.
  std::mutex& mutex() { return mutex_; }

 private:
  void Create();
  void Destroy() noexcept;

  const std::shared_ptr<Device> device_;
  cudaStream_t stream_ = nullptr;
  cudaStream_t copy_stream_ = nullptr;
  cudaEvent_t position_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  cusolverDnHandle_t solver_ = nullptr;
  cusolverDnParams_t solver_parameters_ = nullptr;
  void* workspace_ = nullptr;
  std::mutex mutex_;
  std::atomic<int64_t> waits_{0};
};

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_QUEUE_H_
