// Page-locked buffers that elements pass through on their way between host and
// device, in turn: while one is being copied the next is being filled.
//
// Used by the backend's thread alone; must go before its queue.
#ifndef REPSCORE_CORE_BACKEND_CUDA_STAGING_H_
#define REPSCORE_CORE_BACKEND_CUDA_STAGING_H_

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/backend/cuda/queue.h"

namespace repscore::cuda {

class StagingRing {
 public:
  struct Slot {
    std::byte* host = nullptr;
    std::byte* device = nullptr;
    cudaEvent_t copied = nullptr;
    cudaEvent_t released = nullptr;
  };

  /// Memory is taken at the first use.
  StagingRing(std::shared_ptr<Queue> queue, int slots, int64_t slot_bytes);
  ~StagingRing();
  StagingRing(const StagingRing&) = delete;
  StagingRing& operator=(const StagingRing&) = delete;

  int64_t slot_bytes() const { return slot_bytes_; }
  /// Slots that can be on their way at one time.
  size_t depth() const { return static_cast<size_t>(count_); }

  /// The slot that was used longest ago; waits until its last use is over.
  Slot& Acquire();
  /// Host to device, beside the work of the queue's stream, which from here on
  /// sees the bytes in slot.device.
  void Send(Slot& slot, int64_t bytes);
  /// Device to host, `from` after all work of the stream so far. Wait for
  /// slot.released before reading slot.host.
  void Fetch(Slot& slot, const void* from, int64_t bytes);
  /// The work enqueued so far is the last that uses the slot.
  void Release(Slot& slot);

 private:
  void Create();
  void Destroy() noexcept;

  const std::shared_ptr<Queue> queue_;
  const int count_;
  const int64_t slot_bytes_;
  std::byte* host_ = nullptr;
  std::byte* device_ = nullptr;
  std::vector<Slot> slots_;
  size_t next_ = 0;
};

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_STAGING_H_
