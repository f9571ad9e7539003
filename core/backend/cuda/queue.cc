#include "core/backend/cuda/queue.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace repscore::cuda {
namespace {

// What cuBLAS recommends for its largest devices. Its own choice would be
// allocated inside captures and depend on what else runs.
constexpr size_t kWorkspaceBytes = size_t{32} << 20;

// Blocks differ in size by an eighth, large ones by a fixed amount.
constexpr size_t kSmallestBlock = 512;
constexpr size_t kLargeBlock = size_t{2} << 20;
constexpr size_t kLargeStep = size_t{256} << 10;
// Blocks that rest, each of them and all together.
constexpr size_t kLargestResting = size_t{4} << 20;
constexpr size_t kMostResting = size_t{64} << 20;
// Blocks of shapes that do not come again are given back from here on.
constexpr size_t kMostIdleBytes = size_t{1} << 30;
// Results that the host waits for at one time.
constexpr int64_t kMostResults = 4096;

size_t BlockSize(size_t bytes) {
  if (bytes <= kSmallestBlock) {
    return kSmallestBlock;
  }
  const size_t step =
      bytes > kLargeBlock ? kLargeStep : std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

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
  workspace_ = device.AllocateToKeep(kWorkspaceBytes,
                                     "allocating the workspace of cuBLAS");
  device.Check(libraries.create(&blas_), "starting cuBLAS");
  device.Check(libraries.set_stream(blas_, stream_), "starting cuBLAS");
  device.Check(libraries.set_workspace(blas_, workspace_, kWorkspaceBytes),
               "starting cuBLAS");
  // Factors come from the device: see Tape.
  device.Check(libraries.set_pointer_mode(blas_, CUBLAS_POINTER_MODE_DEVICE),
               "starting cuBLAS");
  // True float32 products: no TF32, no emulation.
  device.Check(libraries.set_math_mode(blas_, CUBLAS_DEFAULT_MATH),
               "starting cuBLAS");
  device.Check(libraries.solver_create(&solver_), "starting cuSOLVER");
  device.Check(libraries.solver_set_stream(solver_, stream_),
               "starting cuSOLVER");
  device.Check(libraries.solver_create_parameters(&solver_parameters_),
               "starting cuSOLVER");
  tape_ = std::make_unique<Tape>(device, stream_);
  device.Check(
      cudaMallocHost(reinterpret_cast<void**>(&results_),
                     static_cast<size_t>(kMostResults) * sizeof(double)),
      "allocating page-locked host memory");
  device.Check(
      cudaEventCreateWithFlags(&results_written_, cudaEventDisableTiming),
      "making an event");
  device.AddIdleMemory(this, [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    PlayForAnother();
    FreeIdleBlocks();
    // The pool has them when the stream has come so far.
    ++waits_;
    device_->Check(cudaStreamSynchronize(stream_), "freeing memory");
  });
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
  device_->RemoveIdleMemory(this);
  tape_.reset();
  cudaFreeHost(results_);
  if (results_written_ != nullptr) {
    cudaEventDestroy(results_written_);
  }
  for (const auto& [size, blocks] : idle_) {
    for (void* block : blocks) {
      cudaFreeAsync(block, stream_);
    }
  }
  for (const auto& [block, size] : resting_) {
    cudaFreeAsync(block, stream_);
  }
  device_->AddIdleBytes(-static_cast<int64_t>(idle_bytes_));
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

void Queue::Play() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ThrowKept();
  PlayTape();
}

bool Queue::Repeat(size_t count, int times) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tape_->Repeat(count, times);
}

void Queue::PlayTape() {
  const auto wake = [&] {
    for (const auto& [data, size] : std::exchange(resting_, {})) {
      idle_[size].insert(data);
    }
    resting_bytes_ = 0;
  };
  try {
    tape_->Play();
  } catch (...) {
    wake();
    throw;
  }
  wake();
}

void Queue::PlayForAnother() {
  try {
    PlayTape();
  } catch (...) {
    kept_error_ = std::current_exception();
  }
}

void Queue::ThrowKept() {
  if (kept_error_ != nullptr) {
    std::rethrow_exception(std::exchange(kept_error_, nullptr));
  }
}

void* Queue::Allocate(size_t bytes) {
  const size_t size = BlockSize(bytes);
  const auto from_pool = [&](void** data) {
    return cudaMallocFromPoolAsync(data, size, device_->pool(), stream_);
  };
  void* data = nullptr;
  cudaError_t error = cudaSuccess;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = idle_.find(size);
    if (found != idle_.end() && !found->second.empty()) {
      data = *found->second.begin();
      found->second.erase(found->second.begin());
      idle_bytes_ -= size;
      device_->AddIdleBytes(-static_cast<int64_t>(size));
      return data;
    }
    if (idle_bytes_ > kMostIdleBytes) {
      PlayTape();
      FreeIdleBlocks();
    }
    error = from_pool(&data);
  }
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    device_->FreeIdleMemory();
    const std::lock_guard<std::mutex> lock(mutex_);
    error = from_pool(&data);
  }
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  device_->Check(error, "allocating memory");
  return data;
}

void Queue::GiveBack(void* data, size_t bytes) noexcept {
  const size_t size = BlockSize(bytes);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!tape_->empty() && size <= kLargestResting &&
      resting_bytes_ + size <= kMostResting) {
    resting_.emplace_back(data, size);
    resting_bytes_ += size;
  } else {
    idle_[size].insert(data);
  }
  idle_bytes_ += size;
  device_->AddIdleBytes(static_cast<int64_t>(size));
}

// The tape has been played: it may read and write them.
void Queue::FreeIdleBlocks() {
  for (auto& [size, blocks] : idle_) {
    for (void* block : blocks) {
      device_->Check(cudaFreeAsync(block, stream_), "freeing memory");
    }
    blocks.clear();
  }
  device_->AddIdleBytes(-static_cast<int64_t>(idle_bytes_));
  idle_bytes_ = 0;
}

double* Queue::Results(int64_t count) {
  return count <= kMostResults ? results_ : nullptr;
}

void Queue::WaitForResults() {
  uint64_t sent = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ThrowKept();
    PlayTape();
    device_->Check(cudaEventRecord(results_written_, stream_),
                   "waiting for the device");
    sent = tape_->sent();
  }
  WaitFor(results_written_);
  const std::lock_guard<std::mutex> lock(mutex_);
  tape_->Arrived(sent);
}

void Queue::Wait() {
  Play();
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
  const std::lock_guard<std::mutex> lock(other.mutex_);
  other.PlayForAnother();
  device_->Check(cudaEventRecord(other.position_, other.stream_),
                 "ordering two queues");
  // Over what is on this tape already it makes no difference.
  device_->Check(cudaStreamWaitEvent(stream_, other.position_, 0),
                 "ordering two queues");
}

}  // namespace repscore::cuda
