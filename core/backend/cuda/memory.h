// Buffers of device memory, allocated and given back in the order of a queue:
// neither waits for the device.
//
// A buffer belongs to the queue that allocated it, whose backend alone writes
// it. Queues of the same device may read it: their first read after a write
// waits, on the device, for the writer, and the buffer is written again or
// given back after their reads. The last owner of a buffer may be any thread.
#ifndef REPSCORE_CORE_BACKEND_CUDA_MEMORY_H_
#define REPSCORE_CORE_BACKEND_CUDA_MEMORY_H_

#include <cstdint>
#include <memory>

#include "core/backend/cuda/queue.h"
#include "core/backend/matrix.h"

namespace repscore::cuda {

/// Uninitialised. Throws BackendError: ResourceExhausted with what was asked
/// for and what there is.
std::shared_ptr<void> AllocateBuffer(const std::shared_ptr<Queue>& queue,
                                     int64_t bytes);

/// Call before work that reads (writes) the matrix is enqueued. Internal when
/// it is no matrix of this device, or not this queue's own to write.
void BeforeRead(const std::shared_ptr<Queue>& queue, const Matrix& matrix);
void BeforeWrite(const std::shared_ptr<Queue>& queue, const Matrix& matrix);

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_MEMORY_H_
