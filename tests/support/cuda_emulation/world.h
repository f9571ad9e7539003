// What the emulated device is made of; for its own files only.
#ifndef REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_WORLD_H_
#define REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/support/cuda_emulation/emulation.h"

namespace repscore::cuda_emulation {

using Work = std::function<void()>;

struct Graph {
  std::vector<Work> work;
  bool broken = false;
};

struct Executable {
  std::vector<Work> work;
};

struct Stream {
  std::deque<Work> work;
  std::unique_ptr<Graph> recording;
  /// Blocks that were freed on this stream, by size.
  std::map<size_t, std::vector<void*>> idle;
};

struct EventState {
  uint64_t recorded = 0;
  uint64_t done = 0;
  Stream* stream = nullptr;
};

struct Event {
  std::shared_ptr<EventState> state = std::make_shared<EventState>();
};

struct Pool {
  std::map<void*, size_t> live;
  size_t idle_bytes = 0;
  size_t live_bytes = 0;
};

struct World {
  std::recursive_mutex mutex;
  Settings settings;
  Counts counts;
  int allocations_to_fail = 0;
  int products_to_spoil = 0;
  cudaError_t next_failure = cudaSuccess;
  /// Returned by every call once it is set.
  cudaError_t sticky = cudaSuccess;
  std::map<const std::byte*, size_t> page_locked;
  size_t plain_bytes = 0;
  std::map<void*, size_t> plain;
  std::vector<Stream*> streams;
  Pool* pool = nullptr;
};

World& TheWorld();

using Lock = std::lock_guard<std::recursive_mutex>;

/// Runs all work of a stream.
void Drain(Stream& stream);

/// True where work of the stream is being recorded; the call that asks may not
/// be, which breaks the recording.
bool BreaksCapture(cudaStream_t stream);

}  // namespace repscore::cuda_emulation

#endif  // REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_WORLD_H_
