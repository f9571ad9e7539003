#include "server/scheduling/memory_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace repscore::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kCapacity = 100;
constexpr int kLane = 0;

MemoryBudget::Claim Work(int64_t bytes) {
  return {.work_bytes = bytes};
}

MemoryBudget::Claim Keeping(const std::string& key,
                            int64_t bytes,
                            int64_t work_bytes = 0) {
  return {.work_bytes = work_bytes, .kept_key = key, .kept_bytes = bytes};
}

class MemoryBudgetTest : public ::testing::Test {
 protected:
  std::optional<MemoryBudget::Reservation> Reserve(
      const MemoryBudget::Claim& claim, int lane = kLane) {
    MemoryBudget::Items let_go;
    auto reservation = budget_->TryReserve(lane, claim, let_go);
    for (const auto& item : let_go) {
      let_go_.push_back(*static_cast<const std::string*>(item.get()));
    }
    return reservation;
  }

  void Keep(const std::string& key, int64_t bytes, int lane = kLane) {
    budget_->Keep(lane, key, std::make_shared<const std::string>(key), bytes);
  }

  static std::vector<std::string> Names(const MemoryBudget::Items& items) {
    std::vector<std::string> names;
    names.reserve(items.size());
    for (const auto& item : items) {
      names.push_back(*static_cast<const std::string*>(item.get()));
    }
    return names;
  }

  const std::shared_ptr<MemoryBudget> budget_ =
      std::make_shared<MemoryBudget>(kCapacity);
  /// In the order in which they went.
  std::vector<std::string> let_go_;
};

TEST_F(MemoryBudgetTest, ReservesUpToItsCapacity) {
  const auto first = Reserve(Work(60));
  const auto second = Reserve(Work(40));

  EXPECT_TRUE(first.has_value());
  EXPECT_TRUE(second.has_value());
  EXPECT_FALSE(Reserve(Work(1)).has_value());
  EXPECT_EQ(budget_->usage().reserved_bytes, 100);
}

TEST_F(MemoryBudgetTest, GivesBackWhenTheReservationGoes) {
  {
    const auto reservation = Reserve(Work(100));
    ASSERT_TRUE(reservation.has_value());
    ASSERT_FALSE(Reserve(Work(1)).has_value());
  }

  EXPECT_EQ(budget_->usage().reserved_bytes, 0);
  EXPECT_TRUE(Reserve(Work(100)).has_value());
}

TEST_F(MemoryBudgetTest, AMovedReservationGivesBackOnce) {
  auto first = Reserve(Work(60));
  ASSERT_TRUE(first.has_value());
  MemoryBudget::Reservation second = *std::move(first);
  MemoryBudget::Reservation third;
  third = std::move(second);
  // NOLINTNEXTLINE(bugprone-use-after-move): what the test is about.
  first.reset();
  EXPECT_EQ(budget_->usage().reserved_bytes, 60);

  third.Release();
  third.Release();

  EXPECT_EQ(budget_->usage().reserved_bytes, 0);
}

TEST_F(MemoryBudgetTest, KnowsWhatCanNeverFit) {
  EXPECT_TRUE(budget_->CanEverFit(Keeping("a", 50, 50)));
  EXPECT_FALSE(budget_->CanEverFit(Keeping("a", 51, 50)));
  EXPECT_FALSE(budget_->CanEverFit(Work(101)));
  EXPECT_FALSE(budget_->CanEverFit(Keeping("a", INT64_MAX, INT64_MAX)));
}

TEST_F(MemoryBudgetTest, LetsGoOfTheLeastRecentlyUsedFirst) {
  Keep("a", 30);
  Keep("b", 30);
  Keep("c", 30);
  EXPECT_NE(budget_->Find(kLane, "a"), nullptr);

  const auto reservation = Reserve(Work(60));

  EXPECT_TRUE(reservation.has_value());
  EXPECT_THAT(let_go_, ElementsAre("b", "c"));
  EXPECT_NE(budget_->Find(kLane, "a"), nullptr);
}

TEST_F(MemoryBudgetTest, LetsGoOfNoMoreThanIsNeeded) {
  Keep("a", 30);
  Keep("b", 30);

  const auto reservation = Reserve(Work(50));

  EXPECT_TRUE(reservation.has_value());
  EXPECT_THAT(let_go_, ElementsAre("a"));
}

TEST_F(MemoryBudgetTest, LetsGoOfNothingInVain) {
  Keep("a", 30);
  const auto running = Reserve(Work(60));

  EXPECT_FALSE(Reserve(Work(50)).has_value());

  EXPECT_THAT(let_go_, IsEmpty());
}

TEST_F(MemoryBudgetTest, NeverLetsGoOfWhatAJobHolds) {
  Keep("a", 30);
  Keep("b", 30);
  auto job = Reserve(Keeping("a", 30, 10));
  ASSERT_TRUE(job.has_value());

  EXPECT_FALSE(Reserve(Work(61)).has_value());
  const auto other = Reserve(Work(60));
  EXPECT_TRUE(other.has_value());
  EXPECT_THAT(let_go_, ElementsAre("b"));

  job.reset();
  EXPECT_TRUE(Reserve(Work(40)).has_value());
  EXPECT_THAT(let_go_, ElementsAre("b", "a"));
}

TEST_F(MemoryBudgetTest, WhatIsKeptIsPaidForOnce) {
  auto first = Reserve(Keeping("a", 50, 10));
  ASSERT_TRUE(first.has_value());
  Keep("a", 55);
  auto second = Reserve(Keeping("a", 50, 10));
  ASSERT_TRUE(second.has_value());

  EXPECT_EQ(budget_->usage().kept_bytes, 55);
  EXPECT_EQ(budget_->usage().reserved_bytes, 20);
  first.reset();
  EXPECT_EQ(budget_->usage().idle_bytes, 0);
  second.reset();
  EXPECT_EQ(budget_->usage().idle_bytes, 55);
}

TEST_F(MemoryBudgetTest, RoomForWhatWasNeverMadeIsGivenBack) {
  auto job = Reserve(Keeping("a", 50));
  EXPECT_EQ(budget_->usage().kept_bytes, 50);
  EXPECT_EQ(budget_->Find(kLane, "a"), nullptr);

  job.reset();

  EXPECT_EQ(budget_->usage().kept_bytes, 0);
}

TEST_F(MemoryBudgetTest, LanesKeepTheirOwn) {
  Keep("a", 10, 0);
  EXPECT_EQ(budget_->Find(1, "a"), nullptr);
  Keep("a", 20, 1);
  EXPECT_EQ(budget_->usage().kept_bytes, 30);

  EXPECT_THAT(Names(budget_->Drop(1)), ElementsAre("a"));

  EXPECT_EQ(budget_->usage().kept_bytes, 10);
  EXPECT_NE(budget_->Find(0, "a"), nullptr);
}

TEST_F(MemoryBudgetTest, TrimsTheOldestOfALaneAndLeavesTheNewest) {
  Keep("a", 30, 0);
  Keep("other", 30, 1);
  Keep("b", 30, 0);
  Keep("c", 30, 0);

  EXPECT_THAT(Names(budget_->Trim(0, 60)), ElementsAre("a"));
  EXPECT_THAT(Names(budget_->Trim(0, 0)), ElementsAre("b"));
  EXPECT_THAT(Names(budget_->Trim(0, 0)), IsEmpty());
  EXPECT_EQ(budget_->usage().kept_bytes, 60);
}

TEST_F(MemoryBudgetTest, DropsWhatIsIdle) {
  Keep("a", 10);
  Keep("b", 10);
  const auto job = Reserve(Keeping("b", 10));

  EXPECT_THAT(Names(budget_->DropIdle()), ElementsAre("a"));

  EXPECT_EQ(budget_->usage().kept_bytes, 10);
}

TEST_F(MemoryBudgetTest, FollowsTheSizeOfWhatIsKept) {
  Keep("a", 10);

  budget_->Resize(kLane, "a", 70);

  EXPECT_EQ(budget_->usage().kept_bytes, 70);
  const auto reservation = Reserve(Work(40));
  EXPECT_THAT(let_go_, ElementsAre("a"));
}

TEST_F(MemoryBudgetTest, NeverGivesMoreThanItHasToManyThreads) {
  std::atomic<int64_t> in_use = 0;
  std::atomic<int64_t> most = 0;
  constexpr int kLanes = 4;
  std::vector<std::thread> lanes;
  lanes.reserve(kLanes);
  for (int lane = 0; lane < kLanes; ++lane) {
    lanes.emplace_back([&, lane] {
      for (int i = 0; i < 2000; ++i) {
        const std::string key = std::to_string(i % 5);
        const int64_t work = 1 + (7 * i + lane) % 40;
        MemoryBudget::Items let_go;
        auto reservation =
            budget_->TryReserve(lane, Keeping(key, 10, work), let_go);
        if (!reservation.has_value()) {
          continue;
        }
        const int64_t now = in_use += work;
        int64_t seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        if (budget_->Find(lane, key) == nullptr) {
          Keep(key, 10, lane);
        }
        in_use -= work;
      }
    });
  }
  for (std::thread& lane : lanes) {
    lane.join();
  }

  EXPECT_LE(most, kCapacity);
  EXPECT_EQ(budget_->usage().reserved_bytes, 0);
  EXPECT_EQ(budget_->usage().kept_bytes, budget_->usage().idle_bytes);
  EXPECT_LE(budget_->usage().kept_bytes, kCapacity);
}

}  // namespace
}  // namespace repscore::server
