// The order of recorded operations.
#include "core/backend/cuda/arrange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace repscore::cuda {
namespace {

using ::testing::ElementsAre;

constexpr char kAdding = 0;
constexpr char kCopying = 0;

/// Eight bytes at place `place`.
Region At(int64_t place) {
  return {.first = 8 * place, .column_bytes = 8, .cols = 1, .step = 8};
}

Operation Of(const void* kind,
             const std::vector<int64_t>& reads,
             const std::vector<int64_t>& writes) {
  Operation operation{.kind = kind, .fixed = false};
  for (const int64_t place : reads) {
    operation.reads.push_back(At(place));
  }
  for (const int64_t place : writes) {
    operation.writes.push_back(At(place));
  }
  return operation;
}

std::set<int64_t> BytesOf(const Region& region) {
  std::set<int64_t> bytes;
  for (int64_t j = 0; j < region.cols; ++j) {
    for (int64_t i = 0; i < region.column_bytes; ++i) {
      bytes.insert(region.first + j * region.step + i);
    }
  }
  return bytes;
}

bool ShareBytes(const Region& a, const Region& b) {
  const std::set<int64_t> first = BytesOf(a);
  const std::set<int64_t> second = BytesOf(b);
  return std::any_of(first.begin(), first.end(), [&](int64_t byte) {
    return second.contains(byte);
  });
}

TEST(Overlap, IsExactForViewsOfOneMatrix) {
  std::mt19937 random(7);
  const auto pick = [&](int64_t count) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(count));
  };
  int overlapping = 0;
  for (int i = 0; i < 20000; ++i) {
    const int64_t step = 1 + pick(9);
    const auto view = [&] {
      const int64_t row = pick(step);
      const int64_t rows = pick(step - row + 1);
      return Region{.first = 1000 + row + step * pick(5),
                    .column_bytes = rows,
                    .cols = pick(4),
                    .step = step};
    };
    const Region a = view();
    const Region b = view();

    EXPECT_EQ(Overlap(a, b), ShareBytes(a, b));
    overlapping += ShareBytes(a, b) ? 1 : 0;
  }
  EXPECT_GT(overlapping, 1000);
}

TEST(Overlap, NeverOverlooksOne) {
  std::mt19937 random(8);
  const auto pick = [&](int64_t count) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(count));
  };
  for (int i = 0; i < 20000; ++i) {
    const auto any = [&] {
      const int64_t rows = pick(9);
      return Region{.first = 1000 + pick(40),
                    .column_bytes = rows,
                    .cols = pick(5),
                    .step = rows + pick(5)};
    };
    const Region a = any();
    const Region b = any();

    if (ShareBytes(a, b)) {
      EXPECT_TRUE(Overlap(a, b));
    }
  }
}

TEST(Arrange, BringsTheSameOperationOfAllFoldsTogether) {
  // For every fold: two copies of what all share, added to each other, and the
  // sum taken by something that cannot share a launch.
  std::vector<Operation> operations;
  for (int64_t fold = 0; fold < 3; ++fold) {
    const int64_t own = 10 * (fold + 1);
    operations.push_back(Of(&kCopying, {0}, {own}));
    operations.push_back(Of(&kCopying, {1}, {own + 1}));
    operations.push_back(Of(&kAdding, {own}, {own + 1}));
    operations.push_back(Of(nullptr, {own + 1}, {own + 2}));
  }

  EXPECT_THAT(Arrange(operations),
              ElementsAre(ElementsAre(0, 1, 4, 5, 8, 9),
                          ElementsAre(2, 6, 10),
                          ElementsAre(3),
                          ElementsAre(7),
                          ElementsAre(11)));
}

TEST(Arrange, KeepsTheOrderOfWhatSharesMemory) {
  // Read, then overwritten, then read again.
  EXPECT_THAT(Arrange({Of(&kCopying, {0}, {1}),
                       Of(&kCopying, {2}, {0}),
                       Of(&kCopying, {0}, {3})}),
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2)));
  // A sum that grows.
  EXPECT_THAT(Arrange({Of(&kAdding, {1}, {0}), Of(&kAdding, {2}, {0})}),
              ElementsAre(ElementsAre(0), ElementsAre(1)));
}

TEST(Arrange, MovesNothingPastAFixedOperation) {
  EXPECT_THAT(Arrange({Of(&kCopying, {0}, {1}),
                       Operation(),
                       Of(&kCopying, {0}, {2}),
                       Of(&kCopying, {0}, {3})}),
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2, 3)));
}

/// What places hold after operations that make every place that they write of
/// all that they read, the group at once.
std::map<int64_t, uint64_t> MemoryAfter(
    const std::vector<Operation>& operations,
    const std::vector<std::vector<size_t>>& groups) {
  std::map<int64_t, uint64_t> memory;
  for (const std::vector<size_t>& group : groups) {
    const std::map<int64_t, uint64_t> before = memory;
    for (const size_t i : group) {
      const Operation& operation = operations[i];
      uint64_t value = i + 1;
      for (const Region& region : operation.reads) {
        const auto found = before.find(region.first);
        value = value * 31 + (found == before.end() ? 0 : found->second);
      }
      for (const Region& region : operation.writes) {
        value = value * 31 + memory[region.first];
        memory[region.first] = value;
      }
    }
  }
  return memory;
}

TEST(Arrange, ChangesNoResult) {
  std::mt19937 random(9);
  const auto pick = [&](size_t count) { return random() % count; };
  for (int round = 0; round < 60; ++round) {
    // More than are arranged at one time, too.
    const size_t count = round < 50 ? 40 : 700;
    std::vector<Operation> operations;
    std::vector<std::vector<size_t>> as_asked;
    for (size_t i = 0; i < count; ++i) {
      const auto place = [&] { return static_cast<int64_t>(pick(60)); };
      const void* const kinds[] = {nullptr, &kAdding, &kCopying};
      operations.push_back(Of(kinds[pick(3)], {place(), place()}, {place()}));
      operations.back().fixed = pick(20) == 0;
      as_asked.push_back({i});
    }

    const std::vector<std::vector<size_t>> groups = Arrange(operations);

    size_t arranged = 0;
    for (const std::vector<size_t>& group : groups) {
      arranged += group.size();
      for (const size_t i : group) {
        EXPECT_EQ(operations[i].kind, operations[group.front()].kind);
      }
    }
    EXPECT_EQ(arranged, count);
    EXPECT_LT(groups.size(), count);
    EXPECT_EQ(MemoryAfter(operations, groups),
              MemoryAfter(operations, as_asked));
  }
}

}  // namespace
}  // namespace repscore::cuda
