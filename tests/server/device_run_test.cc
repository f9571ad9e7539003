// Optimisation runs on a device that fails under them.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/device_support.h"

namespace repscore::server {
namespace {

using ::testing::HasSubstr;

class DeviceRunTest : public DeviceFixture {
 protected:
  static constexpr int64_t kSteps = 500;
  static constexpr size_t kDisturbedPoint = 100;

  /// The device is so slow that a run is still there when a reader has seen
  /// some points.
  DeviceRunTest() { gpu_.SlowDown(std::chrono::microseconds(50)); }

  v1::OptimizeRequest Run(const std::string& device, int64_t steps) const {
    v1::OptimizeRequest request = OptimizeSteps(steps);
    request.mutable_adam()->set_learning_rate(1e-4);
    request.set_device(device);
    return request;
  }

  /// All events of a run that something happens to after `points` of them.
  template <typename Happening>
  std::vector<v1::RunEvent> Disturbed(const v1::OptimizeRequest& request,
                                      size_t points,
                                      const Happening& happening,
                                      grpc::Status* status) {
    std::vector<v1::RunEvent> events;
    grpc::ClientContext context;
    const auto reader = scoring_->Optimize(&context, request);
    v1::OptimizeResponse response;
    while (reader->Read(&response)) {
      events.push_back(response.event());
      if (events.size() == points) {
        happening();
      }
    }
    *status = reader->Finish();
    return events;
  }

  static void ExpectSame(const std::vector<v1::RunEvent>& events,
                         const std::vector<v1::RunEvent>& expected) {
    ASSERT_EQ(events.size(), expected.size());
    for (size_t i = 1; i + 1 < expected.size(); ++i) {
      ASSERT_EQ(events[i].sequence(), static_cast<int64_t>(i) + 1);
      ASSERT_EQ(events[i].point().step(), expected[i].point().step());
      ASSERT_EQ(events[i].point().scores(0), expected[i].point().scores(0));
    }
    EXPECT_EQ(events.back().result().candidate_digest(),
              expected.back().result().candidate_digest());
    EXPECT_EQ(events.back().result().run().state(), v1::RUN_STATE_SUCCEEDED);
  }

  std::vector<v1::RunEvent> Undisturbed(int64_t steps) {
    std::vector<v1::RunEvent> events;
    EXPECT_TRUE(Optimize(Run("cpu", steps), &events).ok());
    return events;
  }
};

TEST_F(DeviceRunTest, TheRunNamesItsDevice) {
  StartWithDataset();
  for (const auto& [device, expected] :
       {std::pair<std::string, std::string>{"", kGpu}, {"cpu", "cpu"}}) {
    std::vector<v1::RunEvent> events;

    ASSERT_TRUE(Optimize(Run(device, 3), &events).ok());

    EXPECT_EQ(events.front().started().provenance().backend(), expected);
  }
}

TEST_F(DeviceRunTest, AnUnknownDeviceIsRefused) {
  StartWithDataset();
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(Run("cuda:9", 3), &events);

  ExpectError(
      status, grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT", "device");
}

TEST_F(DeviceRunTest, WhatTheDeviceCannotHoldIsRefused) {
  config_.device_memory_bytes = 2000;
  StartWithDataset();
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(Run(kGpu, 3), &events);

  ExpectError(
      status, grpc::StatusCode::RESOURCE_EXHAUSTED, "DEVICE_MEMORY", "");
  EXPECT_TRUE(Optimize(Run("auto", 3), &events).ok());
  EXPECT_EQ(events.front().started().provenance().backend(), "cpu");
}

TEST_F(DeviceRunTest, ARunGoesOnElsewhereAsIfNothingHadHappened) {
  StartWithDataset();
  const std::vector<v1::RunEvent> whole = Undisturbed(kSteps);
  grpc::Status status;

  const std::vector<v1::RunEvent> events = Disturbed(
      Run(kGpu, kSteps), kDisturbedPoint, [this] { gpu_.Break(); }, &status);

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(gpu_.is_broken());
  ExpectSame(events, whole);
  EXPECT_EQ(Health("repscore.v1.device.cuda:0"), kNotServing);
  EXPECT_EQ(Health(""), kServing);
}

TEST_F(DeviceRunTest, RunsThatWaitForAFailedDeviceGoElsewhere) {
  StartWithDataset();
  const std::vector<v1::RunEvent> whole = Undisturbed(500);
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i) {
    v1::OptimizeRequest request = Run(kGpu, 500);
    request.set_detach(true);
    grpc::ClientContext context;
    const auto reader = scoring_->Optimize(&context, request);
    v1::OptimizeResponse response;
    ASSERT_TRUE(reader->Read(&response));
    names.push_back(response.event().run());
    context.TryCancel();
    reader->Finish();
  }

  gpu_.Break();

  for (const std::string& name : names) {
    EXPECT_EQ(AwaitEnd(name).state(), v1::RUN_STATE_SUCCEEDED);
    v1::WatchRunRequest watch;
    watch.set_name(name);
    std::vector<v1::RunEvent> events;
    ASSERT_TRUE(Watch(watch, &events).ok());
    ExpectSame(events, whole);
  }
}

TEST_F(DeviceRunTest, AnAllocationThatFailsOnceDoesNotEndTheRun) {
  StartWithDataset();
  const std::vector<v1::RunEvent> whole = Undisturbed(kSteps);
  grpc::Status status;

  const std::vector<v1::RunEvent> events = Disturbed(
      Run(kGpu, kSteps),
      kDisturbedPoint,
      [this] { gpu_.FailAllocations(1); },
      &status);

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(gpu_.failing_allocations(), 0);
  ExpectSame(events, whole);
}

TEST_F(DeviceRunTest, ARunThatFindsNoMemoryFailsWithTheNumbers) {
  StartWithDataset();
  grpc::Status status;

  Disturbed(
      Run(kGpu, 1'000'000),
      20,
      [this] { gpu_.FailAllocations(1'000'000); },
      &status);
  gpu_.FailAllocations(0);

  ExpectError(
      status, grpc::StatusCode::RESOURCE_EXHAUSTED, "DEVICE_MEMORY", "");
  EXPECT_EQ(ScoredOn(kGpu), kGpu);
}

TEST_F(DeviceRunTest, NanFromTheDeviceEndsItsRunAlone) {
  StartWithDataset();
  const std::vector<v1::RunEvent> whole = Undisturbed(kSteps);
  grpc::Status status;

  const std::vector<v1::RunEvent> events = Disturbed(
      Run(kGpu, 1'000'000),
      kDisturbedPoint,
      [this] { gpu_.SpoilProducts(1); },
      &status);

  ExpectError(status, grpc::StatusCode::INTERNAL, "INTERNAL", "");
  EXPECT_THAT(status.error_message(),
              HasSubstr("the device gave NaN for finite rows: cuda:0"));
  EXPECT_EQ(AwaitEnd(events.front().run()).state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(Health("repscore.v1.device.cuda:0"), kServing);
  EXPECT_EQ(ScoredOn(kGpu), kGpu);
  std::vector<v1::RunEvent> later;
  EXPECT_TRUE(Optimize(Run(kGpu, kSteps), &later).ok());
  ExpectSame(later, whole);
}

TEST_F(DeviceRunTest, ANanGradientEndsItsRunAlone) {
  StartWithDataset();
  grpc::Status status;

  Disturbed(
      Run(kGpu, 1'000'000),
      kDisturbedPoint,
      [this] { gpu_.SpoilGradients(1); },
      &status);

  ExpectError(status, grpc::StatusCode::INTERNAL, "INTERNAL", "");
  EXPECT_EQ(ScoredOn(kGpu), kGpu);
}

TEST_F(DeviceRunTest, ARunWithoutADeviceWaitsForTheNextStart) {
  config_.device = kGpu;
  StartWithDataset();
  grpc::Status status;
  const std::vector<v1::RunEvent> before = Disturbed(
      Run(kGpu, kSteps), kDisturbedPoint, [this] { gpu_.Break(); }, &status);
  ExpectError(status, grpc::StatusCode::UNAVAILABLE, "DEVICE_LOST", "");
  StopServer();

  config_.device = "cpu";
  StartServer();

  EXPECT_EQ(AwaitEnd(before.front().run()).state(), v1::RUN_STATE_SUCCEEDED);
  v1::WatchRunRequest watch;
  watch.set_name(before.front().run());
  std::vector<v1::RunEvent> events;
  ASSERT_TRUE(Watch(watch, &events).ok());
  ExpectSame(events, Undisturbed(kSteps));
}

}  // namespace
}  // namespace repscore::server
