#include "core/backend/cpu/cpu_memory.h"

#include <cstdlib>
#include <iterator>
#include <new>

namespace repscore::cpu {
namespace {

constexpr int64_t kAlignment = 64;

int64_t RoundUp(int64_t bytes) {
  const int64_t at_least = bytes > 0 ? bytes : 1;
  return (at_least + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

MemoryPool::~MemoryPool() {
  for (auto& [bytes, buffers] : idle_) {
    for (void* buffer : buffers) {
      std::free(buffer);
    }
  }
}

std::shared_ptr<void> MemoryPool::Allocate(int64_t bytes) {
  const int64_t rounded = RoundUp(bytes);
  void* buffer = nullptr;
  std::vector<void*> exchanged;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto found = idle_.find(rounded);
    if (found != idle_.end() && !found->second.empty()) {
      buffer = found->second.back();
      found->second.pop_back();
      idle_bytes_ -= rounded;
    } else if (rounded >= kExchangedBytes) {
      exchanged = TakeIdleLocked(rounded);
    }
  }
  for (void* idle : exchanged) {
    std::free(idle);
  }
  if (buffer == nullptr) {
    buffer = std::aligned_alloc(kAlignment, static_cast<size_t>(rounded));
    if (buffer == nullptr) {
      throw std::bad_alloc();
    }
  }
  return {buffer, [pool = shared_from_this(), rounded](void* used) {
            pool->Return(used, rounded);
          }};
}

std::vector<void*> MemoryPool::TakeIdleLocked(int64_t bytes) {
  std::vector<void*> taken;
  for (auto at = idle_.lower_bound(kExchangedBytes);
       at != idle_.end() && bytes > 0;) {
    auto& [size, buffers] = *at;
    while (!buffers.empty() && bytes > 0) {
      taken.push_back(buffers.back());
      buffers.pop_back();
      bytes -= size;
      idle_bytes_ -= size;
    }
    at = buffers.empty() ? idle_.erase(at) : std::next(at);
  }
  return taken;
}

void MemoryPool::Return(void* buffer, int64_t bytes) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_bytes_ + bytes <= idle_limit_) {
      idle_[bytes].push_back(buffer);
      idle_bytes_ += bytes;
      return;
    }
  }
  std::free(buffer);
}

}  // namespace repscore::cpu
