#include "core/backend/cuda/queue.h"

#include <utility>

namespace repscore::cuda {
namespace {

// What cuBLAS recommends for its largest devices. Its own choice would be
// allocated inside captures and depend on what else runs.
constexpr size_t kWorkspaceBytes = size_t{32} << 20;

}  // namespace

Queue::Queue(std::shared_ptr<Device> device) : device_(std::move(device)) {
  try {
    Create();
  } catch (...) {
    Destroy();
    throw;
  }
}

Queue::~Queue() {
  Destroy();
}

void Queue::Create() {
  const Device& device = *device_;
  const Libraries& libraries = device.libraries();
  device.Enter();
  device.Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
               "making a stream");
  device.Check(cudaStreamCreateWithFlags(&copy_stream_, cudaStreamNonBlocking),
               "making a stream");
  device.Check(cudaEventCreateWithFlags(&position_, cudaEventDisableTiming),
               "making an event");
  device.Check(cudaMalloc(&workspace_, kWorkspaceBytes),
               "allocating the workspace of cuBLAS");
  device.Check(libraries.create(&blas_), "starting cuBLAS");
  device.Check(libraries.set_stream(blas_, stream_), "starting cuBLAS");
  device.Check(libraries.set_workspace(blas_, workspace_, kWorkspaceBytes),
               "starting cuBLAS");
  // True float32 products: no TF32, no emulation.
  device.Check(libraries.set_math_mode(blas_, CUBLAS_DEFAULT_MATH),
               "starting cuBLAS");
  device.Check(libraries.solver_create(&solver_), "starting cuSOLVER");
  device.Check(libraries.solver_set_stream(solver_, stream_),
               "starting cuSOLVER");
  device.Check(libraries.solver_create_parameters(&solver_parameters_),
               "starting cuSOLVER");
}

void Queue::Destroy() noexcept {
  device_->EnterQuietly();
  const Libraries& libraries = device_->libraries();
  if (stream_ != nullptr) {
    cudaStreamSynchronize(stream_);
  }
  if (copy_stream_ != nullptr) {
    cudaStreamSynchronize(copy_stream_);
  }
  if (solver_parameters_ != nullptr) {
    libraries.solver_destroy_parameters(solver_parameters_);
  }
  if (solver_ != nullptr) {
    libraries.solver_destroy(solver_);
  }
  if (blas_ != nullptr) {
    libraries.destroy(blas_);
  }
  cudaFree(workspace_);
  if (position_ != nullptr) {
    cudaEventDestroy(position_);
  }
  if (copy_stream_ != nullptr) {
    cudaStreamDestroy(copy_stream_);
  }
  if (stream_ != nullptr) {
    cudaStreamDestroy(stream_);
  }
  cudaGetLastError();
}

void Queue::Wait() {
  ++waits_;
  device_->Check(cudaStreamSynchronize(stream_), "waiting for the device");
}

void Queue::WaitFor(cudaEvent_t event) {
  const cudaError_t state = cudaEventQuery(event);
  if (state == cudaSuccess) {
    return;
  }
  if (state != cudaErrorNotReady) {
    device_->Check(state, "waiting for the device");
  }
  ++waits_;
  device_->Check(cudaEventSynchronize(event), "waiting for the device");
}

void Queue::Follow(Queue& other) {
  const std::lock_guard<std::mutex> lock(other.mutex());
  device_->Check(cudaEventRecord(other.position_, other.stream_),
                 "ordering two queues");
  device_->Check(cudaStreamWaitEvent(stream_, other.position_, 0),
                 "ordering two queues");
}

}  // namespace repscore::cuda
