#include <cstdint>
#include <memory>
#include <vector>

#include "core/backend/cpu/cpu_memory.h"
#include "gtest/gtest.h"

namespace repscore::cpu {
namespace {

constexpr int64_t kLarge = 4 * MemoryPool::kExchangedBytes;
constexpr int64_t kSmall = 4096;

/// Takes and returns a buffer of each size.
void Use(MemoryPool& pool, const std::vector<int64_t>& sizes) {
  std::vector<std::shared_ptr<void>> buffers;
  buffers.reserve(sizes.size());
  for (const int64_t bytes : sizes) {
    buffers.push_back(pool.Allocate(bytes));
  }
}

TEST(MemoryPoolTest, BuffersOfOneSizeAreReused) {
  const auto pool = std::make_shared<MemoryPool>();
  const void* first = pool->Allocate(kLarge).get();
  EXPECT_EQ(pool->idle_bytes(), kLarge);
  const std::shared_ptr<void> second = pool->Allocate(kLarge);
  EXPECT_EQ(second.get(), first);
  EXPECT_EQ(pool->idle_bytes(), 0);
}

TEST(MemoryPoolTest, FreshMemoryReplacesIdleBuffersOfOtherSizes) {
  const auto pool = std::make_shared<MemoryPool>();
  Use(*pool, {kLarge, 2 * kLarge, 3 * kLarge});
  ASSERT_EQ(pool->idle_bytes(), 6 * kLarge);
  const std::shared_ptr<void> other = pool->Allocate(kLarge + kSmall);
  EXPECT_EQ(pool->idle_bytes(), 3 * kLarge);
  const std::shared_ptr<void> most = pool->Allocate(8 * kLarge);
  EXPECT_EQ(pool->idle_bytes(), 0);
}

TEST(MemoryPoolTest, SmallBuffersStayAndReplaceNothing) {
  const auto pool = std::make_shared<MemoryPool>();
  Use(*pool, {kSmall, kLarge});
  const std::shared_ptr<void> small = pool->Allocate(2 * kSmall);
  EXPECT_EQ(pool->idle_bytes(), kSmall + kLarge);
  const std::shared_ptr<void> large = pool->Allocate(2 * kLarge);
  EXPECT_EQ(pool->idle_bytes(), kSmall);
}

TEST(MemoryPoolTest, NothingBeyondTheLimitStaysIdle) {
  const auto pool = std::make_shared<MemoryPool>(kLarge);
  Use(*pool, {kLarge, kLarge});
  EXPECT_EQ(pool->idle_bytes(), kLarge);
}

}  // namespace
}  // namespace repscore::cpu
