#include "server/scheduling/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/backend/create.h"
#include "tests/server/scheduling/scheduler_support.h"

namespace repscore::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::FunctionJob;
using testing::Gate;
using ::testing::HasSubstr;
using testing::kPatience;
using testing::MakeJob;
using testing::OneSlice;
using testing::Options;
using testing::StartOrDie;

TEST(SchedulerTest, RunsAJobToItsEnd) {
  const auto scheduler = StartOrDie(Options());
  int slices = 0;
  const auto job = MakeJob([&slices](LaneContext&) {
    return ++slices == 5 ? Job::Next::kDone : Job::Next::kAgain;
  });

  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, job).ok());

  EXPECT_TRUE(job->Wait().ok());
  EXPECT_EQ(slices, 5);
}

TEST(SchedulerTest, NamesTheDeviceOfEveryLane) {
  EXPECT_THAT(StartOrDie(Options(3))->devices(),
              ElementsAre("cpu", "cpu", "cpu"));
}

TEST(SchedulerTest, KeepsAJobOnItsFirstLane) {
  const auto scheduler = StartOrDie(Options(3));
  std::vector<std::shared_ptr<FunctionJob>> jobs;
  std::vector<std::vector<std::pair<int, Backend*>>> seen(20);
  for (auto& lanes : seen) {
    jobs.push_back(MakeJob([&lanes](LaneContext& lane) {
      lanes.emplace_back(lane.index, &lane.backend);
      return lanes.size() == 20 ? Job::Next::kDone : Job::Next::kAgain;
    }));
    ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, jobs.back()).ok());
  }

  for (size_t i = 0; i < jobs.size(); ++i) {
    ASSERT_TRUE(jobs[i]->Wait().ok());
    EXPECT_THAT(seen[i], Each(seen[i].front()));
  }
}

TEST(SchedulerTest, RunsAJobOnTheLaneItAsksFor) {
  const auto scheduler = StartOrDie(Options(3));
  int index = -1;
  const auto job = MakeJob(
      [&index](LaneContext& lane) {
        index = lane.index;
        return Job::Next::kDone;
      },
      2);

  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, job).ok());

  EXPECT_TRUE(job->Wait().ok());
  EXPECT_EQ(index, 2);
}

TEST(SchedulerTest, RefusesALaneThereIsNot) {
  const auto scheduler = StartOrDie(Options(2));
  const auto nothing = [](LaneContext&) { return Job::Next::kDone; };

  EXPECT_EQ(
      scheduler->Submit(JobClass::kInteractive, MakeJob(nothing, 2)).code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      scheduler->Submit(JobClass::kInteractive, MakeJob(nothing, -2)).code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(scheduler->Submit(JobClass::kInteractive, nullptr).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(SchedulerTest, ScoresOvertakeARunningOptimisation) {
  const auto scheduler = StartOrDie(Options());
  std::atomic<bool> is_scored = false;
  Gate started;
  bool is_first = true;
  const auto optimisation = MakeJob([&](LaneContext&) {
    if (std::exchange(is_first, false)) {
      started.Pass();
    }
    return is_scored ? Job::Next::kDone : Job::Next::kAgain;
  });
  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, optimisation).ok());
  started.WaitUntilReached();

  const auto score = OneSlice([&] { is_scored = true; });
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, score).ok());
  started.Open();

  EXPECT_TRUE(score->Wait().ok());
  EXPECT_TRUE(optimisation->Wait().ok());
}

TEST(SchedulerTest, EndlessScoresDoNotStarveBatch) {
  const auto scheduler = StartOrDie(Options());
  std::atomic<bool> is_batch_done = false;
  std::vector<std::shared_ptr<FunctionJob>> scores;
  for (int i = 0; i < 4; ++i) {
    scores.push_back(MakeJob([&](LaneContext&) {
      return is_batch_done ? Job::Next::kDone : Job::Next::kAgain;
    }));
    ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, scores.back()).ok());
  }
  int slices = 0;
  const auto batch = MakeJob([&](LaneContext&) {
    is_batch_done = ++slices == 10;
    return is_batch_done ? Job::Next::kDone : Job::Next::kAgain;
  });

  ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, batch).ok());

  EXPECT_TRUE(batch->Wait().ok());
  for (const auto& score : scores) {
    EXPECT_TRUE(score->Wait().ok());
  }
}

TEST(SchedulerTest, RefusesJobsBeyondTheLimitOfTheirClass) {
  SchedulerOptions options = Options();
  options.max_interactive = 2;
  options.max_batch = 1;
  const auto scheduler = StartOrDie(options);
  Gate gate;
  const auto running = OneSlice([&] { gate.Pass(); });
  const auto nothing = [] {};
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, running).ok());
  gate.WaitUntilReached();
  const auto waiting = OneSlice(nothing);
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, waiting).ok());

  const absl::Status refused =
      scheduler->Submit(JobClass::kInteractive, OneSlice(nothing));

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(),
            "2 interactive jobs are waiting or running, the limit is 2");
  EXPECT_EQ(scheduler->counts().interactive, 2);
  const auto batch = OneSlice(nothing);
  EXPECT_TRUE(scheduler->Submit(JobClass::kBatch, batch).ok());
  EXPECT_EQ(scheduler->Submit(JobClass::kBatch, OneSlice(nothing)).code(),
            absl::StatusCode::kResourceExhausted);
  gate.Open();
  EXPECT_TRUE(batch->Wait().ok());
}

TEST(SchedulerTest, CountsReturnToZero) {
  const auto scheduler = StartOrDie(Options(2));
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(
        scheduler->Submit(JobClass::kInteractive, OneSlice([] {})).ok());
    ASSERT_TRUE(scheduler->Submit(JobClass::kBatch, OneSlice([] {})).ok());
  }

  const auto end = steady_clock::now() + kPatience;
  while (steady_clock::now() < end && (scheduler->counts().interactive > 0 ||
                                       scheduler->counts().batch > 0)) {
    std::this_thread::sleep_for(milliseconds(1));
  }

  EXPECT_EQ(scheduler->counts().interactive, 0);
  EXPECT_EQ(scheduler->counts().batch, 0);
}

TEST(SchedulerTest, AThrowingJobEndsAlone) {
  const auto scheduler = StartOrDie(Options());
  const auto broken = MakeJob(
      [](LaneContext&) -> Job::Next { throw std::runtime_error("broken"); });
  const auto starved =
      MakeJob([](LaneContext&) -> Job::Next { throw std::bad_alloc(); });
  const auto next = OneSlice([] {});

  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, broken).ok());
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, starved).ok());
  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, next).ok());

  const absl::Status status = broken->Wait();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("broken"));
  EXPECT_EQ(starved->Wait().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(next->Wait().ok());
}

TEST(SchedulerTest, AJobMaySubmitItsSuccessor) {
  const auto scheduler = StartOrDie(Options());
  const auto second = OneSlice([] {});
  const auto first = OneSlice([&] {
    EXPECT_TRUE(scheduler->Submit(JobClass::kInteractive, second).ok());
  });

  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, first).ok());

  EXPECT_TRUE(second->Wait().ok());
}

TEST(SchedulerStartTest, ReturnsTheErrorOfABackend) {
  SchedulerOptions options = Options(3);
  options.backend_factory =
      [](int lane) -> absl::StatusOr<std::unique_ptr<Backend>> {
    if (lane == 1) {
      return absl::FailedPreconditionError("no such device");
    }
    return CreateBackend("cpu", 1);
  };

  const absl::Status status = Scheduler::Start(options).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "no such device");
}

TEST(SchedulerStartTest, ReportsAThrowingFactory) {
  SchedulerOptions options = Options();
  options.backend_factory =
      [](int) -> absl::StatusOr<std::unique_ptr<Backend>> {
    throw std::runtime_error("lost");
  };

  EXPECT_EQ(Scheduler::Start(options).status().code(),
            absl::StatusCode::kInternal);
}

TEST(SchedulerStartTest, MakesBackendsOnTheirLanes) {
  SchedulerOptions options = Options(2);
  std::mutex mutex;
  std::vector<std::thread::id> makers(2);
  options.backend_factory =
      [&](int lane) -> absl::StatusOr<std::unique_ptr<Backend>> {
    const std::lock_guard<std::mutex> lock(mutex);
    makers[static_cast<size_t>(lane)] = std::this_thread::get_id();
    return CreateBackend("cpu", 1);
  };
  const auto scheduler = StartOrDie(options);
  std::thread::id runner;
  const auto job = MakeJob(
      [&](LaneContext&) {
        runner = std::this_thread::get_id();
        return Job::Next::kDone;
      },
      1);

  ASSERT_TRUE(scheduler->Submit(JobClass::kInteractive, job).ok());

  ASSERT_TRUE(job->Wait().ok());
  EXPECT_EQ(runner, makers[1]);
}

TEST(SchedulerStartTest, RefusesNumbersBelowOne) {
  for (int SchedulerOptions::*field : {&SchedulerOptions::threads_per_lane,
                                       &SchedulerOptions::max_interactive,
                                       &SchedulerOptions::max_batch,
                                       &SchedulerOptions::interactive_burst}) {
    SchedulerOptions options = Options();
    options.*field = 0;

    EXPECT_EQ(Scheduler::Start(options).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(SchedulerStartTest, RefusesNoLanes) {
  EXPECT_EQ(Scheduler::Start(Options(0)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(SchedulerStressTest, EveryAcceptedJobEndsExactlyOnce) {
  SchedulerOptions options = Options(3);
  options.max_interactive = 20;
  options.max_batch = 10;
  const auto scheduler = StartOrDie(options);
  std::atomic<int> accepted = 0;
  std::atomic<int> ended = 0;

  class CountingJob : public Job {
   public:
    CountingJob(std::atomic<int>& ends, int slices)
        : ends_(ends), slices_(slices) {}
    Next RunSlice(LaneContext&) override {
      if (--slices_ > 0) {
        return Next::kAgain;
      }
      ++ends_;
      return Next::kDone;
    }
    void Abandon(const absl::Status&) override { ++ends_; }

   private:
    std::atomic<int>& ends_;
    int slices_;
  };

  constexpr int kClients = 4;
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < 2000; ++i) {
        const auto job = std::make_shared<CountingJob>(ended, 1 + i % 5);
        const JobClass job_class =
            (i + client) % 2 == 0 ? JobClass::kInteractive : JobClass::kBatch;
        if (scheduler->Submit(job_class, job).ok()) {
          ++accepted;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  scheduler->Stop(steady_clock::now());

  EXPECT_GT(accepted, 0);
  EXPECT_EQ(ended, accepted);
}

}  // namespace
}  // namespace repscore::server
