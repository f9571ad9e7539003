// Lanes of several devices, one of which fails for good.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/backend/create.h"
#include "server/error.h"
#include "server/scheduling/scheduler.h"
#include "tests/server/scheduling/scheduler_support.h"
#include "tests/support/fake_device.h"

namespace repscore::server {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::FunctionJob;
using testing::Gate;
using testing::kPatience;
using testing::StartOrDie;

/// A job of functions for a device, which remembers whether it lost its lane.
class DeviceJob : public FunctionJob {
 public:
  DeviceJob(JobNeeds needs, Slice slice, int lane = -1)
      : FunctionJob(std::move(slice), lane), needs_(std::move(needs)) {}
  JobNeeds needs() const override { return needs_; }
  void LoseLane(const absl::Status& reason) override {
    has_lost_ = true;
    Abandon(reason);
  }
  bool has_lost() const { return has_lost_; }

 private:
  const JobNeeds needs_;
  std::atomic<bool> has_lost_ = false;
};

class SchedulerDeviceTest : public ::testing::Test {
 protected:
  SchedulerDeviceTest() {
    options_.lanes = {"cuda:0", "cuda:1", "cpu"};
    options_.backend_factory =
        [this](int lane) -> absl::StatusOr<std::unique_ptr<Backend>> {
      if (lane == 2) {
        return CreateBackend("cpu", 1);
      }
      return lane == 0 ? first_.MakeBackend() : second_.MakeBackend();
    };
    options_.on_lane_lost = [this](const std::string& device,
                                   const absl::Status& status,
                                   const std::vector<std::string>& left) {
      EXPECT_EQ(device, "cuda:0");
      EXPECT_FALSE(status.ok());
      left_.set_value(left);
    };
  }

  static std::shared_ptr<DeviceJob> ForDevice(const std::string& device,
                                              FunctionJob::Slice slice,
                                              int lane = -1) {
    return std::make_shared<DeviceJob>(
        JobNeeds{.device = device}, std::move(slice), lane);
  }

  /// A job that says where it runs.
  static std::shared_ptr<DeviceJob> Telling(const std::string& device,
                                            std::string& name) {
    return ForDevice(device, [&name](LaneContext& lane) {
      name = lane.backend.name();
      return Job::Next::kDone;
    });
  }

  /// One operation on the lane's device.
  static void Touch(LaneContext& lane) {
    try {
      lane.backend.Allocate(2, 2, ScalarType::kFloat64);
    } catch (const BackendError&) {
    }
  }

  void Break() {
    first_.Break();
    const auto job = ForDevice("cuda:0", [](LaneContext& lane) {
      Touch(lane);
      return Job::Next::kDone;
    });
    ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, job).ok());
    ASSERT_EQ(left_future_.wait_for(kPatience), std::future_status::ready);
  }

  repscore::testing::FakeDevice first_{"cuda:0", 1000};
  repscore::testing::FakeDevice second_{"cuda:1", 1000};
  std::promise<std::vector<std::string>> left_;
  std::future<std::vector<std::string>> left_future_ = left_.get_future();
  SchedulerOptions options_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerDeviceTest, RunsAJobOnTheDeviceItAsksFor) {
  scheduler_ = StartOrDie(options_);
  for (const std::string device : {"cuda:1", "cpu", "cuda:0"}) {
    std::string name;
    const auto job = Telling(device, name);

    ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, job).ok());

    EXPECT_TRUE(job->Wait().ok());
    EXPECT_EQ(name, device);
  }
  EXPECT_THAT(scheduler_->devices(), ElementsAre("cuda:0", "cuda:1", "cpu"));
}

TEST_F(SchedulerDeviceTest, TheHostTakesWhatIsTooLargeForTheGpus) {
  scheduler_ = StartOrDie(options_);
  std::string name;
  JobNeeds needs;
  needs.device = "auto";
  needs.memory.work_bytes = 2000;
  const auto job =
      std::make_shared<DeviceJob>(needs, [&name](LaneContext& lane) {
        name = lane.backend.name();
        return Job::Next::kDone;
      });

  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, job).ok());

  EXPECT_TRUE(job->Wait().ok());
  EXPECT_EQ(name, "cpu");
}

TEST_F(SchedulerDeviceTest, ADeviceKeepsATenthForItsLibraries) {
  scheduler_ = StartOrDie(options_);
  int64_t capacity = 0;
  const auto job = ForDevice("cuda:1", [&](LaneContext& lane) {
    capacity = lane.memory.capacity();
    return Job::Next::kDone;
  });

  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, job).ok());

  EXPECT_TRUE(job->Wait().ok());
  EXPECT_EQ(capacity, 900);
}

TEST_F(SchedulerDeviceTest, ChoosesTheDeviceWithFewestJobs) {
  scheduler_ = StartOrDie(options_);
  Gate gate;
  const auto running = ForDevice("cuda:0", [&](LaneContext&) {
    gate.Pass();
    return Job::Next::kDone;
  });
  EXPECT_EQ(*scheduler_->ChooseDevice({}), "cuda:0");
  ASSERT_TRUE(scheduler_->Submit(JobClass::kBatch, running).ok());

  EXPECT_EQ(*scheduler_->ChooseDevice({}), "cuda:1");

  EXPECT_EQ(*scheduler_->ChooseDevice({.device = "cpu"}), "cpu");
  gate.Open();
  EXPECT_TRUE(running->Wait().ok());
}

TEST_F(SchedulerDeviceTest, ALostDeviceIsReportedAndRefused) {
  scheduler_ = StartOrDie(options_);

  Break();

  EXPECT_THAT(left_future_.get(), ElementsAre("cuda:1", "cpu"));
  std::string name;
  EXPECT_EQ(scheduler_->Submit(JobClass::kInteractive, Telling("cuda:0", name))
                .code(),
            absl::StatusCode::kFailedPrecondition);
  const auto other = Telling("auto", name);
  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, other).ok());
  EXPECT_TRUE(other->Wait().ok());
  EXPECT_EQ(name, "cuda:1");
}

TEST_F(SchedulerDeviceTest, ADeviceIsRefusedOnceAJobHasSeenItFail) {
  scheduler_ = StartOrDie(options_);
  absl::Status health;
  std::string chosen;
  const auto job = ForDevice("cuda:0", [&](LaneContext& lane) {
    first_.Break();
    Touch(lane);
    health = lane.CheckHealth();
    chosen = scheduler_->ChooseDevice({}).value_or("none");
    return Job::Next::kDone;
  });

  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, job).ok());

  EXPECT_TRUE(job->Wait().ok());
  EXPECT_FALSE(health.ok());
  EXPECT_EQ(chosen, "cuda:1");
  EXPECT_THAT(left_future_.get(), ElementsAre("cuda:1", "cpu"));
}

TEST_F(SchedulerDeviceTest, WhatWaitsForAnyDeviceGoesToAnother) {
  scheduler_ = StartOrDie(options_);
  Gate gate;
  Gate other_gate;
  const auto breaking = ForDevice("cuda:0", [&](LaneContext& lane) {
    gate.Pass();
    Touch(lane);
    return Job::Next::kDone;
  });
  const auto busy = ForDevice("cuda:1", [&](LaneContext&) {
    other_gate.Pass();
    return Job::Next::kDone;
  });
  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, breaking).ok());
  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, busy).ok());
  gate.WaitUntilReached();
  other_gate.WaitUntilReached();
  std::vector<std::string> names(5);
  std::vector<std::shared_ptr<DeviceJob>> waiting;
  for (std::string& name : names) {
    waiting.push_back(Telling("auto", name));
    ASSERT_TRUE(
        scheduler_->Submit(JobClass::kInteractive, waiting.back()).ok());
  }
  const auto named =
      ForDevice("cuda:0", [](LaneContext&) { return Job::Next::kDone; });
  ASSERT_TRUE(scheduler_->Submit(JobClass::kBatch, named).ok());

  first_.Break();
  gate.Open();
  const absl::Status lost = named->Wait();
  other_gate.Open();

  EXPECT_EQ(lost.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(lost).reason, "DEVICE_LOST");
  EXPECT_TRUE(DetailsOf(lost).retry_seconds.has_value());
  for (const auto& job : waiting) {
    EXPECT_TRUE(job->Wait().ok());
    EXPECT_FALSE(job->has_lost());
  }
  EXPECT_THAT(names, Each("cuda:1"));
}

TEST_F(SchedulerDeviceTest, AJobWithStateOnALostLaneIsToldThere) {
  scheduler_ = StartOrDie(options_);
  std::thread::id ran_on;
  const auto running = ForDevice("cuda:0", [&](LaneContext& lane) {
    ran_on = std::this_thread::get_id();
    Touch(lane);
    return Job::Next::kAgain;
  });
  ASSERT_TRUE(scheduler_->Submit(JobClass::kBatch, running).ok());
  first_.Break();
  EXPECT_EQ(running->Wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(running->has_lost());

  // As a stream does when the next bytes come.
  std::thread::id told_on;
  class ReturningJob : public DeviceJob {
   public:
    explicit ReturningJob(std::thread::id& told_on)
        : DeviceJob(
              {}, [](LaneContext&) { return Next::kDone; }, 0),
          told_on_(told_on) {}
    void Abandon(const absl::Status& reason) override {
      told_on_ = std::this_thread::get_id();
      DeviceJob::Abandon(reason);
    }

   private:
    std::thread::id& told_on_;
  };
  const auto returning = std::make_shared<ReturningJob>(told_on);
  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, returning).ok());

  EXPECT_EQ(returning->Wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(returning->has_lost());
  EXPECT_EQ(told_on, ran_on);
}

TEST_F(SchedulerDeviceTest, ALostLaneStops) {
  scheduler_ = StartOrDie(options_);

  Break();
  scheduler_->Stop(std::chrono::steady_clock::now() + kPatience);

  EXPECT_EQ(scheduler_->counts().interactive, 0);
}

TEST_F(SchedulerDeviceTest, WorkThatCannotBeCutLetsOthersHaveTurns) {
  options_.lanes = {"cuda:0"};
  scheduler_ = StartOrDie(options_);
  std::atomic<bool> is_scored = false;
  std::atomic<bool> other_ran = false;
  const auto uncut = std::make_shared<DeviceJob>(
      JobNeeds{.is_long = true}, [&](LaneContext& lane) {
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (!is_scored && std::chrono::steady_clock::now() < end) {
          lane.Yield();
        }
        EXPECT_FALSE(other_ran);
        return Job::Next::kDone;
      });
  ASSERT_TRUE(scheduler_->Submit(JobClass::kBatch, uncut).ok());
  const auto other =
      std::make_shared<DeviceJob>(JobNeeds{.is_long = true}, [&](LaneContext&) {
        other_ran = true;
        return Job::Next::kDone;
      });
  ASSERT_TRUE(scheduler_->Submit(JobClass::kBatch, other).ok());

  const auto score = testing::OneSlice([&] { is_scored = true; });
  ASSERT_TRUE(scheduler_->Submit(JobClass::kInteractive, score).ok());

  EXPECT_TRUE(uncut->Wait().ok());
  EXPECT_TRUE(other->Wait().ok());
  EXPECT_TRUE(is_scored);
}

}  // namespace
}  // namespace repscore::server
