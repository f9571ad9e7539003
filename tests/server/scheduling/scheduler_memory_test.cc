// Jobs wait for memory, and get it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "server/error.h"
#include "server/scheduling/scheduler.h"
#include "tests/server/scheduling/scheduler_support.h"

namespace repscore::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::FunctionJob;
using testing::Gate;
using testing::Options;
using testing::StartOrDie;

/// A job of functions that takes memory.
class ClaimingJob : public FunctionJob {
 public:
  ClaimingJob(MemoryBudget::Claim claim, Slice slice)
      : FunctionJob(std::move(slice)), claim_(std::move(claim)) {}
  JobNeeds needs() const override { return {.memory = claim_}; }
  bool IsCancelled() const override { return is_cancelled_; }
  void Cancel() { is_cancelled_ = true; }

 private:
  const MemoryBudget::Claim claim_;
  std::atomic<bool> is_cancelled_ = false;
};

std::shared_ptr<ClaimingJob> Claiming(int64_t bytes,
                                      FunctionJob::Slice slice = {}) {
  return std::make_shared<ClaimingJob>(
      MemoryBudget::Claim{.work_bytes = bytes},
      slice ? std::move(slice) : [](LaneContext&) { return Job::Next::kDone; });
}

SchedulerOptions SmallHost(int lanes, int64_t bytes = 100) {
  SchedulerOptions options = Options(lanes);
  options.host_memory_bytes = bytes;
  return options;
}

FunctionJob::Slice Holding(Gate& gate) {
  return [&gate](LaneContext&) {
    gate.Pass();
    return Job::Next::kDone;
  };
}

TEST(SchedulerMemoryTest, WhatDoesNotFitNowWaitsAndThenRuns) {
  const auto scheduler = StartOrDie(SmallHost(2));
  Gate gate;
  const auto large = Claiming(70, Holding(gate));
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, large).ok());
  gate.WaitUntilReached();
  std::atomic<bool> has_run = false;
  const auto waiting = Claiming(40, [&](LaneContext& lane) {
    EXPECT_LE(lane.memory.usage().reserved_bytes, 100);
    has_run = true;
    return Job::Next::kDone;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, waiting).ok());
  const auto small = Claiming(30);
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, small).ok());

  EXPECT_TRUE(small->Wait().ok());
  EXPECT_FALSE(has_run);
  gate.Open();

  EXPECT_TRUE(waiting->Wait().ok());
  EXPECT_TRUE(large->Wait().ok());
}

TEST(SchedulerMemoryTest, WhatCanNeverFitIsRefused) {
  const auto scheduler = StartOrDie(SmallHost(1));

  const absl::Status status =
      scheduler->Submit(JobClass::kInteractive, Claiming(101));

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(status).reason, "HOST_MEMORY");
  EXPECT_EQ(scheduler->counts().interactive, 0);
}

TEST(SchedulerMemoryTest, AJobThatWaitedLongComesBeforeSmallOnes) {
  SchedulerOptions options = SmallHost(2);
  options.max_memory_wait = milliseconds(0);
  const auto scheduler = StartOrDie(options);
  Gate gate;
  const auto running = Claiming(70, Holding(gate));
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, running).ok());
  gate.WaitUntilReached();
  std::atomic<int> turn = 0;
  int large_turn = 0;
  int small_turn = 0;
  const auto large = Claiming(100, [&](LaneContext&) {
    large_turn = ++turn;
    return Job::Next::kDone;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, large).ok());
  // A job without needs passes; its lane has looked at the large one before.
  const auto free = testing::OneSlice([] {});
  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, free).ok());
  ASSERT_TRUE(free->Wait().ok());
  const auto small = Claiming(10, [&](LaneContext&) {
    small_turn = ++turn;
    return Job::Next::kDone;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, small).ok());

  gate.Open();

  EXPECT_TRUE(large->Wait().ok());
  EXPECT_TRUE(small->Wait().ok());
  EXPECT_LT(large_turn, small_turn);
}

TEST(SchedulerMemoryTest, ACancelledJobDoesNotWaitForMemory) {
  const auto scheduler = StartOrDie(SmallHost(2));
  Gate gate;
  const auto running = Claiming(100, Holding(gate));
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, running).ok());
  gate.WaitUntilReached();
  const auto waiting = Claiming(50);
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, waiting).ok());

  waiting->Cancel();

  EXPECT_TRUE(waiting->Wait().ok());
  gate.Open();
  EXPECT_TRUE(running->Wait().ok());
}

TEST(SchedulerMemoryTest, WhatIsKeptMakesRoomForAJob) {
  const auto scheduler = StartOrDie(SmallHost(1));
  const auto kept = std::make_shared<const int>(1);
  const auto keeping = std::make_shared<ClaimingJob>(
      MemoryBudget::Claim{.work_bytes = 10, .kept_key = "a", .kept_bytes = 60},
      [&](LaneContext& lane) {
        lane.memory.Keep(lane.index, "a", kept, 60);
        return Job::Next::kDone;
      });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, keeping).ok());
  ASSERT_TRUE(keeping->Wait().ok());
  MemoryBudget::Usage seen;
  long owners = 0;
  const auto large = Claiming(90, [&](LaneContext& lane) {
    seen = lane.memory.usage();
    owners = kept.use_count();
    return Job::Next::kDone;
  });

  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, large).ok());

  EXPECT_TRUE(large->Wait().ok());
  EXPECT_EQ(seen.kept_bytes, 0);
  EXPECT_EQ(seen.reserved_bytes, 90);
  EXPECT_EQ(owners, 1);
}

TEST(SchedulerMemoryTest, AJobMayHoldItsMemoryBeyondItsEnd) {
  class HoldingJob : public ClaimingJob {
   public:
    explicit HoldingJob(MemoryBudget::Reservation& held)
        : ClaimingJob({.work_bytes = 100},
                      [](LaneContext&) { return Next::kDone; }),
          held_(held) {}
    void TakeMemory(MemoryBudget::Reservation& reservation) override {
      held_ = std::move(reservation);
    }

   private:
    MemoryBudget::Reservation& held_;
  };
  const auto scheduler = StartOrDie(SmallHost(1));
  MemoryBudget::Reservation held;
  const auto stream = std::make_shared<HoldingJob>(held);
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, stream).ok());
  ASSERT_TRUE(stream->Wait().ok());
  std::atomic<bool> has_run = false;
  const auto waiting = Claiming(1, [&](LaneContext&) {
    has_run = true;
    return Job::Next::kDone;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, waiting).ok());
  const auto free = testing::OneSlice([] {});
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, free).ok());
  ASSERT_TRUE(free->Wait().ok());
  EXPECT_FALSE(has_run);

  held.Release();

  EXPECT_TRUE(waiting->Wait().ok());
}

TEST(SchedulerMemoryTest, AStopEndsJobsThatWaitForMemory) {
  auto scheduler = StartOrDie(SmallHost(2));
  Gate gate;
  const auto running = Claiming(100, Holding(gate));
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, running).ok());
  gate.WaitUntilReached();
  const auto waiting = Claiming(50);
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, waiting).ok());
  const auto run = Claiming(50);
  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, run).ok());

  std::thread stopper([&] { scheduler->Stop(steady_clock::now()); });

  EXPECT_EQ(waiting->Wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(run->Wait().code(), absl::StatusCode::kUnavailable);
  gate.Open();
  stopper.join();
}

TEST(SchedulerMemoryTest, ManyLanesShareAHostWithoutDeadlockOrOvercommitment) {
  SchedulerOptions options = SmallHost(4);
  options.max_interactive = 1000;
  options.max_batch = 1000;
  options.max_memory_wait = milliseconds(1);
  const auto scheduler = StartOrDie(options);
  std::atomic<int64_t> in_use = 0;
  std::atomic<bool> is_overcommitted = false;
  std::vector<std::shared_ptr<ClaimingJob>> jobs;
  for (int i = 0; i < 400; ++i) {
    const int64_t bytes = 1 + (37 * i) % 90;
    const auto slices = std::make_shared<int>(1 + i % 3);
    const auto slice =
        [&, bytes, slices, is_first = true](LaneContext& lane) mutable {
          if (std::exchange(is_first, false) && (in_use += bytes) > 100) {
            is_overcommitted = true;
          }
          const std::string key = std::to_string(bytes % 4);
          if (lane.memory.Find(lane.index, key) == nullptr) {
            lane.memory.Keep(
                lane.index, key, std::make_shared<const int64_t>(bytes), 2);
          }
          if (--*slices > 0) {
            return Job::Next::kAgain;
          }
          in_use -= bytes;
          return Job::Next::kDone;
        };
    jobs.push_back(std::make_shared<ClaimingJob>(
        MemoryBudget::Claim{.work_bytes = bytes,
                            .kept_key = std::to_string(bytes % 4),
                            .kept_bytes = 2},
        slice));
    ASSERT_TRUE(
        scheduler
            ->Submit(i % 4 == 0 ? JobClass::kBatch : JobClass::kInteractive,
                     jobs.back())
            .ok());
  }

  for (const auto& job : jobs) {
    EXPECT_TRUE(job->Wait().ok());
  }

  EXPECT_FALSE(is_overcommitted);
}

}  // namespace
}  // namespace repscore::server
