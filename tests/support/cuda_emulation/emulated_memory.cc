// Memory of the emulated device: a pool whose freed blocks are reused in the
// order of a stream, and page-locked memory of the host.
#include <cstdlib>
#include <cstring>

#include "tests/support/cuda_emulation/world.h"

namespace repscore::cuda_emulation {
namespace {

// NaN for both scalar types.
constexpr int kPoison = 0xff;
constexpr size_t kAlignment = 256;

size_t Rounded(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

void* NewBlock(size_t bytes) {
  void* const block = std::aligned_alloc(kAlignment, Rounded(bytes));
  if (block != nullptr) {
    std::memset(block, kPoison, Rounded(bytes));
  }
  return block;
}

bool TakeFailure() {
  World& world = TheWorld();
  if (world.allocations_to_fail > 0) {
    --world.allocations_to_fail;
    return true;
  }
  return false;
}

bool HasRoom(size_t bytes) {
  const World& world = TheWorld();
  const size_t reserved = world.pool == nullptr
                              ? 0
                              : world.pool->idle_bytes + world.pool->live_bytes;
  return world.plain_bytes + reserved + bytes <= world.settings.memory_bytes;
}

}  // namespace
}  // namespace repscore::cuda_emulation

// The names are those of CUDA.
// NOLINTBEGIN(readability-identifier-naming,google-build-using-namespace)

using namespace repscore::cuda_emulation;

cudaError_t cudaMalloc(void** data, size_t bytes) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  if (world.sticky != cudaSuccess) {
    return world.sticky;
  }
  if (TakeFailure() || !HasRoom(bytes)) {
    return cudaErrorMemoryAllocation;
  }
  *data = NewBlock(bytes);
  world.plain[*data] = bytes;
  world.plain_bytes += bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  const auto found = world.plain.find(data);
  if (found != world.plain.end()) {
    // As on a device, it waits for all work.
    for (Stream* stream : world.streams) {
      Drain(*stream);
    }
    world.plain_bytes -= found->second;
    world.plain.erase(found);
    std::free(data);
  }
  return world.sticky;
}

cudaError_t cudaMallocHost(void** data, size_t bytes) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  if (world.sticky != cudaSuccess) {
    return world.sticky;
  }
  *data = NewBlock(bytes);
  world.page_locked[static_cast<std::byte*>(*data)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* data) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  world.page_locked.erase(static_cast<std::byte*>(data));
  std::free(data);
  return world.sticky;
}

cudaError_t cudaMemcpyAsync(void* to,
                            const void* from,
                            size_t bytes,
                            cudaMemcpyKind kind,
                            cudaStream_t stream) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  // Memory that is not page-locked would be copied while the host waits.
  const auto* const host =
      static_cast<const std::byte*>(kind == cudaMemcpyHostToDevice ? from : to);
  auto block = world.page_locked.upper_bound(host);
  if (block == world.page_locked.begin() ||
      (--block, host + bytes > block->first + block->second)) {
    return cudaErrorInvalidValue;
  }
  return Enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  *total_bytes = world.settings.memory_bytes;
  *free_bytes = *total_bytes - world.plain_bytes;
  if (world.pool != nullptr) {
    *free_bytes -= world.pool->idle_bytes + world.pool->live_bytes;
  }
  return world.sticky;
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool,
                              const cudaMemPoolProps* /*properties*/) {
  const Lock lock(TheWorld().mutex);
  *pool = TheWorld().pool = new Pool();
  return TheWorld().sticky;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  const Lock lock(TheWorld().mutex);
  TheWorld().pool = nullptr;
  delete pool;
  return TheWorld().sticky;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t /*pool*/,
                                    cudaMemPoolAttr /*attribute*/,
                                    void* /*value*/) {
  return TheWorld().sticky;
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool,
                                    cudaMemPoolAttr attribute,
                                    void* value) {
  const Lock lock(TheWorld().mutex);
  const uint64_t used = pool->live_bytes;
  const uint64_t reserved = used + pool->idle_bytes;
  *static_cast<uint64_t*>(value) =
      attribute == cudaMemPoolAttrUsedMemCurrent ? used : reserved;
  return TheWorld().sticky;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t /*kept_bytes*/) {
  const Lock lock(TheWorld().mutex);
  for (Stream* stream : TheWorld().streams) {
    if (!stream->work.empty()) {
      continue;
    }
    for (const auto& [bytes, blocks] : stream->idle) {
      for (void* block : blocks) {
        pool->idle_bytes -= bytes;
        std::free(block);
      }
    }
    stream->idle.clear();
  }
  return TheWorld().sticky;
}

cudaError_t cudaMallocFromPoolAsync(void** data,
                                    size_t bytes,
                                    cudaMemPool_t pool,
                                    cudaStream_t stream) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  if (world.sticky != cudaSuccess) {
    return world.sticky;
  }
  if (BreaksCapture(stream)) {
    return cudaErrorStreamCaptureUnsupported;
  }
  if (TakeFailure()) {
    return cudaErrorMemoryAllocation;
  }
  const size_t size = Rounded(bytes);
  std::vector<void*>& idle = stream->idle[size];
  if (!idle.empty()) {
    *data = idle.back();
    idle.pop_back();
    pool->idle_bytes -= size;
  } else {
    if (!HasRoom(size)) {
      return cudaErrorMemoryAllocation;
    }
    *data = NewBlock(size);
  }
  pool->live[*data] = size;
  pool->live_bytes += size;
  return cudaSuccess;
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  if (BreaksCapture(stream)) {
    return cudaErrorStreamCaptureUnsupported;
  }
  Pool& pool = *world.pool;
  const auto found = pool.live.find(data);
  if (found == pool.live.end()) {
    return cudaErrorInvalidValue;
  }
  const size_t size = found->second;
  pool.live.erase(found);
  pool.live_bytes -= size;
  pool.idle_bytes += size;
  // The stream may have it again at once, after the work so far.
  stream->idle[size].push_back(data);
  return Enqueue(stream, [=] { std::memset(data, kPoison, size); });
}

// NOLINTEND(readability-identifier-naming,google-build-using-namespace)
