#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "server/scheduling/scheduler.h"
#include "tests/server/scheduling/scheduler_support.h"

namespace repscore::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::FunctionJob;
using testing::Gate;
using testing::kPatience;
using testing::MakeJob;
using testing::OneSlice;
using testing::Options;
using testing::StartOrDie;

TEST(SchedulerStopTest, LetsScoresFinishAndEndsBatchAfterItsSlice) {
  const auto scheduler = StartOrDie(Options());
  Gate gate;
  std::atomic<int> batch_slices = 0;
  const auto batch = MakeJob([&](LaneContext&) {
    ++batch_slices;
    gate.Pass();
    return Job::Next::kAgain;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, batch).ok());
  gate.WaitUntilReached();
  int score_slices = 0;
  const auto score = MakeJob([&](LaneContext&) {
    return ++score_slices == 10 ? Job::Next::kDone : Job::Next::kAgain;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, score).ok());
  const auto queued = OneSlice([] {});
  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, queued).ok());

  std::thread stopper(
      [&] { scheduler->Stop(steady_clock::now() + kPatience); });
  while (scheduler->Submit(JobClass::kInteractive, OneSlice([] {})).code() !=
         absl::StatusCode::kUnavailable) {
    std::this_thread::yield();
  }
  gate.Open();
  stopper.join();

  EXPECT_TRUE(score->Wait().ok());
  EXPECT_EQ(score_slices, 10);
  EXPECT_EQ(batch->Wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(batch_slices, 1);
  EXPECT_EQ(queued->Wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(scheduler->counts().interactive, 0);
  EXPECT_EQ(scheduler->counts().batch, 0);
  EXPECT_EQ(scheduler->Submit(JobClass::kInteractive, OneSlice([] {})).code(),
            absl::StatusCode::kUnavailable);
}

TEST(SchedulerStopTest, AbandonsScoresAtTheDeadline) {
  const auto scheduler = StartOrDie(Options());
  Gate gate;
  bool is_first = true;
  const auto endless = MakeJob([&](LaneContext&) {
    if (std::exchange(is_first, false)) {
      gate.Pass();
    }
    return Job::Next::kAgain;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, endless).ok());
  gate.WaitUntilReached();
  gate.Open();

  scheduler->Stop(steady_clock::now() + milliseconds(20));

  EXPECT_EQ(endless->Wait().code(), absl::StatusCode::kUnavailable);
}

TEST(SchedulerStopTest, ASecondStopShortensTheFirst) {
  const auto scheduler = StartOrDie(Options());
  const auto endless = MakeJob([](LaneContext&) { return Job::Next::kAgain; });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, endless).ok());
  std::thread patient(
      [&] { scheduler->Stop(steady_clock::now() + std::chrono::hours(1)); });

  scheduler->Stop(steady_clock::now());
  patient.join();

  EXPECT_EQ(endless->Wait().code(), absl::StatusCode::kUnavailable);
}

TEST(SchedulerStopTest, DestructionAbandonsWhatIsLeft) {
  std::vector<std::shared_ptr<FunctionJob>> jobs;
  {
    const auto scheduler = StartOrDie(Options(2));
    for (int i = 0; i < 20; ++i) {
      jobs.push_back(
          MakeJob([](LaneContext&) { return Job::Next::kAgain; }, i % 2));
      ASSERT_TRUE(
          scheduler
              ->Submit(i % 3 == 0 ? JobClass::kBatch : JobClass::kInteractive,
                       jobs.back())
              .ok());
    }
  }

  for (const auto& job : jobs) {
    EXPECT_EQ(job->Wait().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(job.use_count(), 1);
  }
}

}  // namespace
}  // namespace repscore::server
