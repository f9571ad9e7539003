#include "core/backend/cuda/memory.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "core/base/text.h"

namespace repscore::cuda {
namespace {

struct Buffer {
  std::shared_ptr<Queue> home;
  size_t bytes = 0;
  std::mutex mutex;
  /// Other queues that have waited for the last write.
  std::set<std::shared_ptr<Queue>> readers;
};

/// Deleter of the shared pointers that matrices hold.
struct Release {
  std::shared_ptr<Buffer> buffer;

  void operator()(void* data) const noexcept {
    Queue& home = *buffer->home;
    home.device().EnterQuietly();
    try {
      for (const std::shared_ptr<Queue>& reader : buffer->readers) {
        home.Follow(*reader);
      }
    } catch (...) {
      // The device has failed: there is nothing left to order.
      cudaGetLastError();
    }
    home.GiveBack(data, buffer->bytes);
  }
};

Buffer& BufferOf(const Queue& queue, const Matrix& matrix) {
  const Release* const release = std::get_deleter<Release>(matrix.buffer());
  if (release == nullptr ||
      release->buffer->home->shared_device() != queue.shared_device()) {
    throw BackendError(absl::InternalError(StrCat(
        "a matrix of another device was given to ", queue.device().name())));
  }
  return *release->buffer;
}

}  // namespace

std::shared_ptr<void> AllocateBuffer(const std::shared_ptr<Queue>& queue,
                                     int64_t bytes) {
  const int64_t wanted = std::max<int64_t>(bytes, 1);
  auto buffer = std::make_shared<Buffer>();
  buffer->home = queue;
  buffer->bytes = static_cast<size_t>(wanted);
  void* const data = queue->Allocate(buffer->bytes);
  if (data == nullptr) {
    const DeviceMemory now = queue->device().memory();
    throw BackendError(
        absl::ResourceExhaustedError(StrCat(queue->device().name(),
                                            ": out of memory: ",
                                            wanted,
                                            " bytes asked for, ",
                                            now.free_bytes,
                                            " of ",
                                            now.total_bytes,
                                            " free")));
  }
  return {data, Release{std::move(buffer)}};
}

void BeforeRead(const std::shared_ptr<Queue>& queue, const Matrix& matrix) {
  if (matrix.empty()) {
    return;
  }
  Buffer& buffer = BufferOf(*queue, matrix);
  if (buffer.home == queue) {
    return;
  }
  const std::lock_guard<std::mutex> lock(buffer.mutex);
  if (buffer.readers.count(queue) == 0) {
    queue->Follow(*buffer.home);
    buffer.readers.insert(queue);
  }
}

void BeforeWrite(const std::shared_ptr<Queue>& queue, const Matrix& matrix) {
  if (matrix.empty()) {
    return;
  }
  Buffer& buffer = BufferOf(*queue, matrix);
  if (buffer.home != queue) {
    throw BackendError(
        absl::InternalError(StrCat("a matrix of another queue of ",
                                   queue->device().name(),
                                   " was given to be written")));
  }
  const std::lock_guard<std::mutex> lock(buffer.mutex);
  for (const std::shared_ptr<Queue>& reader : buffer.readers) {
    queue->Follow(*reader);
  }
  buffer.readers.clear();
}

}  // namespace repscore::cuda
