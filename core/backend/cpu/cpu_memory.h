// A pool of aligned host buffers: the steps of an optimisation reuse the same
// few sizes, and fresh pages cost more than the arithmetic on them. Fresh
// memory is taken in exchange for idle buffers of other sizes: together they
// stay close to what was used at once. Thread-safe; buffers may outlive the
// pool's owner.
#ifndef REPSCORE_CORE_BACKEND_CPU_CPU_MEMORY_H_
#define REPSCORE_CORE_BACKEND_CPU_CPU_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace repscore::cpu {

class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  /// Idle bytes kept for reuse.
  static constexpr int64_t kDefaultIdleLimit = int64_t{512} << 20;
  /// Smaller buffers are not worth an exchange.
  static constexpr int64_t kExchangedBytes = int64_t{1} << 20;

  explicit MemoryPool(int64_t idle_limit = kDefaultIdleLimit)
      : idle_limit_(idle_limit) {}
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// Uninitialised, 64-byte aligned. Throws std::bad_alloc.
  std::shared_ptr<void> Allocate(int64_t bytes);

  /// What waits for reuse.
  int64_t idle_bytes() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return idle_bytes_;
  }

 private:
  void Return(void* buffer, int64_t bytes);
  /// Takes about `bytes` of large buffers, if there are any, out of the idle.
  std::vector<void*> TakeIdleLocked(int64_t bytes);

  const int64_t idle_limit_;
  mutable std::mutex mutex_;
  std::map<int64_t, std::vector<void*>> idle_;
  int64_t idle_bytes_ = 0;
};

}  // namespace repscore::cpu

#endif  // REPSCORE_CORE_BACKEND_CPU_CPU_MEMORY_H_
