#include "core/backend/cuda/staging.h"

#include <utility>

namespace repscore::cuda {
namespace {

// Up to here the way over a second stream costs more than it hides.
constexpr int64_t kInlineBytes = int64_t{64} << 10;

}  // namespace

StagingRing::StagingRing(std::shared_ptr<Queue> queue,
                         int slots,
                         int64_t slot_bytes)
    : queue_(std::move(queue)), count_(slots), slot_bytes_(slot_bytes) {}

StagingRing::~StagingRing() {
  Destroy();
}

void StagingRing::Create() {
  const Device& device = queue_->device();
  const auto bytes =
      static_cast<size_t>(slot_bytes_) * static_cast<size_t>(count_);
  device.Check(
      cudaMallocHost(reinterpret_cast<void**>(&host_), bytes),  // page-locked
      "allocating page-locked host memory");
  device_ = static_cast<std::byte*>(
      device.AllocateToKeep(bytes, "allocating staging memory"));
  slots_.resize(static_cast<size_t>(count_));
  for (size_t i = 0; i < slots_.size(); ++i) {
    const size_t offset = i * static_cast<size_t>(slot_bytes_);
    slots_[i].host = host_ + offset;
    slots_[i].device = device_ + offset;
    for (cudaEvent_t* event : {&slots_[i].copied, &slots_[i].released}) {
      device.Check(cudaEventCreateWithFlags(event, cudaEventDisableTiming),
                   "making an event");
    }
  }
}

void StagingRing::Destroy() noexcept {
  queue_->device().EnterQuietly();
  cudaStreamSynchronize(queue_->stream());
  cudaStreamSynchronize(queue_->copy_stream());
  for (const Slot& slot : slots_) {
    for (cudaEvent_t event : {slot.copied, slot.released}) {
      if (event != nullptr) {
        cudaEventDestroy(event);
      }
    }
  }
  slots_.clear();
  cudaFree(std::exchange(device_, nullptr));
  cudaFreeHost(std::exchange(host_, nullptr));
  cudaGetLastError();
}

StagingRing::Slot& StagingRing::Acquire() {
  if (slots_.empty()) {
    try {
      Create();
    } catch (...) {
      Destroy();
      throw;
    }
  }
  Slot& slot = slots_[next_];
  next_ = (next_ + 1) % slots_.size();
  queue_->WaitFor(slot.released);
  return slot;
}

void StagingRing::Send(Slot& slot, int64_t bytes) {
  const Device& device = queue_->device();
  const bool beside = bytes > kInlineBytes;
  const cudaStream_t stream = beside ? queue_->copy_stream() : queue_->stream();
  device.Check(cudaMemcpyAsync(slot.device,
                               slot.host,
                               static_cast<size_t>(bytes),
                               cudaMemcpyHostToDevice,
                               stream),
               "copying to the device");
  if (beside) {
    device.Check(cudaEventRecord(slot.copied, stream), "copying to the device");
    device.Check(cudaStreamWaitEvent(queue_->stream(), slot.copied, 0),
                 "copying to the device");
  }
}

void StagingRing::Fetch(Slot& slot, const void* from, int64_t bytes) {
  queue_->device().Check(cudaMemcpyAsync(slot.host,
                                         from,
                                         static_cast<size_t>(bytes),
                                         cudaMemcpyDeviceToHost,
                                         queue_->stream()),
                         "copying from the device");
  Release(slot);
}

void StagingRing::Release(Slot& slot) {
  queue_->device().Check(cudaEventRecord(slot.released, queue_->stream()),
                         "ordering staging memory");
}

}  // namespace repscore::cuda
