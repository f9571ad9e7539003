// Scores on several devices: which one, how much memory, what when it fails.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/device_support.h"

namespace repscore::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DeviceTest : public DeviceFixture {
 protected:
  grpc::Status ScoreStatus(const std::string& device) {
    v1::ScoreResponse response;
    return Score(ScoreOn(device), &response);
  }

  v1::EstimateScoreResponse Estimate(const std::string& device,
                                     int64_t features) {
    v1::EstimateScoreRequest request;
    request.set_dataset("datasets/normals");
    *request.mutable_candidate() = MakeTensor(kRows, features, 2).spec();
    request.add_measures()->set_id("cka");
    request.set_device(device);
    grpc::ClientContext context;
    v1::EstimateScoreResponse response;
    const grpc::Status status =
        scoring_->EstimateScore(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(DeviceTest, TheReplyNamesTheDeviceThatWasUsed) {
  StartWithDataset();

  EXPECT_EQ(ScoredOn(""), kGpu);
  EXPECT_EQ(ScoredOn("auto"), kGpu);
  EXPECT_EQ(ScoredOn(kGpu), kGpu);
  EXPECT_EQ(ScoredOn("cpu"), "cpu");
}

TEST_F(DeviceTest, EveryDeviceGivesTheSameScore) {
  StartWithDataset();
  v1::ScoreResponse on_gpu;
  v1::ScoreResponse on_host;

  ASSERT_TRUE(Score(ScoreOn(kGpu), &on_gpu).ok());
  ASSERT_TRUE(Score(ScoreOn("cpu"), &on_host).ok());

  EXPECT_EQ(on_gpu.scores(0).value(), on_host.scores(0).value());
}

TEST_F(DeviceTest, AnUnknownDeviceIsRefusedWithThoseThereAre) {
  StartWithDataset();

  const grpc::Status status = ScoreStatus("cuda:3");

  ExpectError(
      status, grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT", "device");
  EXPECT_THAT(status.error_message(), HasSubstr("there are cuda:0, cpu"));
}

TEST_F(DeviceTest, InformationListsTheLanes) {
  config_.lanes = 2;
  StartServer();

  const v1::GetServerInfoResponse info = GetServerInfo();

  EXPECT_THAT(info.devices(), ::testing::ElementsAre(kGpu, "cpu", "cpu"));
  EXPECT_EQ(info.lanes(), 3);
}

TEST_F(DeviceTest, AServerWithoutTheDeviceDoesNotStart) {
  config_.device = "cuda:1";

  const auto server = Server::Start(config_, devices_);

  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(server.status().message()),
              HasSubstr("device: 'cuda:1' is not there"));
}

TEST_F(DeviceTest, WhatTheDeviceCannotHoldIsRefusedThereAndTakenByTheHost) {
  config_.device_memory_bytes = 2000;
  StartWithDataset();

  const grpc::Status refused = ScoreStatus(kGpu);

  ExpectError(
      refused, grpc::StatusCode::RESOURCE_EXHAUSTED, "DEVICE_MEMORY", "");
  EXPECT_FALSE(WireDetailsOf(refused).has_retry);
  EXPECT_THAT(refused.error_message(), HasSubstr("device \"cpu\" can take it"));
  EXPECT_EQ(ScoredOn("auto"), "cpu");
}

TEST_F(DeviceTest, WhatNothingCanHoldIsRefusedWithTheHostsNumbers) {
  config_.device_memory_bytes = 2000;
  config_.host_memory_bytes = 2000;
  StartWithDataset();

  const grpc::Status status = ScoreStatus("auto");

  ExpectError(status, grpc::StatusCode::RESOURCE_EXHAUSTED, "HOST_MEMORY", "");
  EXPECT_THAT(status.error_message(), Not(HasSubstr("can take it")));
}

TEST_F(DeviceTest, AnEstimateIsOfTheDeviceThatWouldTakeTheScore) {
  config_.device_memory_bytes = int64_t{1} << 20;
  StartWithDataset();

  const auto small = Estimate("auto", kFeatures);
  EXPECT_EQ(small.device(), kGpu);
  EXPECT_EQ(small.limit_bytes(), int64_t{1} << 20);
  EXPECT_TRUE(small.fits());
  const auto large = Estimate("auto", 10000);
  EXPECT_EQ(large.device(), "cpu");
  EXPECT_EQ(large.limit_bytes(), config_.max_request_memory);
  EXPECT_TRUE(large.fits());
  const auto named = Estimate(kGpu, 10000);
  EXPECT_EQ(named.device(), kGpu);
  EXPECT_FALSE(named.fits());
}

TEST_F(DeviceTest, ReferencesMakeRoomForEachOther) {
  // Room for two references of 16 KB, or one and the work of a score.
  config_.device_memory_bytes = int64_t{48} << 10;
  StartServer();
  for (const char* id : {"normals", "a", "b", "c"}) {
    RegisterNormals(id, kRows, 25);
  }

  for (const char* id : {"a", "b", "c", "a", "b", "c"}) {
    v1::ScoreRequest request = ScoreOn(kGpu);
    request.set_dataset(std::string("datasets/") + id);
    v1::ScoreResponse response;
    const grpc::Status status = Score(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  EXPECT_LT(gpu_.used_bytes(), config_.device_memory_bytes);
}

TEST_F(DeviceTest, AnAllocationThatFailsOnceIsTriedAgain) {
  StartWithDataset();
  ASSERT_EQ(ScoredOn(kGpu), kGpu);

  gpu_.FailAllocations(1);

  EXPECT_EQ(ScoredOn(kGpu), kGpu);
}

TEST_F(DeviceTest, AJobThatFindsNoMemoryEndsAloneWithTheNumbers) {
  StartWithDataset();

  gpu_.FailAllocations(1000);
  const grpc::Status status = ScoreStatus(kGpu);
  gpu_.FailAllocations(0);

  ExpectError(
      status, grpc::StatusCode::RESOURCE_EXHAUSTED, "DEVICE_MEMORY", "");
  EXPECT_THAT(status.error_message(), HasSubstr("cuda:0 ran out of memory"));
  EXPECT_THAT(status.error_message(), HasSubstr("MiB are free"));
  EXPECT_EQ(ScoredOn(kGpu), kGpu);
  EXPECT_EQ(Health("repscore.v1.device.cuda:0"), kServing);
}

TEST_F(DeviceTest, NanFromTheDeviceEndsItsJobAlone) {
  StartWithDataset();
  ASSERT_EQ(ScoredOn(kGpu), kGpu);

  gpu_.SpoilProducts(1);
  const grpc::Status status = ScoreStatus(kGpu);

  ExpectError(status, grpc::StatusCode::INTERNAL, "INTERNAL", "");
  EXPECT_EQ(ScoredOn(kGpu), kGpu);
}

TEST_F(DeviceTest, AFailedDeviceIsTakenOutAndTheHostServesOn) {
  StartWithDataset();
  ASSERT_EQ(Health("repscore.v1.device.cuda:0"), kServing);
  ASSERT_EQ(Health("repscore.v1.device.cpu"), kServing);

  gpu_.Break();
  const grpc::Status lost = ScoreStatus(kGpu);

  ExpectError(lost, grpc::StatusCode::UNAVAILABLE, "DEVICE_LOST", "");
  EXPECT_TRUE(WireDetailsOf(lost).has_retry);
  EXPECT_TRUE(Eventually(
      [this] { return Health("repscore.v1.device.cuda:0") == kNotServing; }));
  EXPECT_EQ(Health("repscore.v1.device.cpu"), kServing);
  EXPECT_EQ(Health(""), kServing);
  const grpc::Status refused = ScoreStatus(kGpu);
  ExpectError(
      refused, grpc::StatusCode::FAILED_PRECONDITION, "DEVICE_LOST", "device");
  EXPECT_THAT(refused.error_message(), HasSubstr("left are cpu"));
  EXPECT_EQ(ScoredOn("auto"), "cpu");
}

TEST_F(DeviceTest, AServerWithoutAnyDeviceIsNotServing) {
  config_.device = kGpu;
  StartWithDataset();

  gpu_.Break();
  EXPECT_FALSE(ScoreStatus("auto").ok());

  EXPECT_TRUE(Eventually([this] { return Health("") == kNotServing; }));
  const grpc::Status refused = ScoreStatus("auto");
  ExpectError(refused, grpc::StatusCode::UNAVAILABLE, "DEVICE_LOST", "");
  EXPECT_TRUE(WireDetailsOf(refused).has_retry);
}

TEST_F(DeviceTest, AStreamOnAFailedDeviceEndsWhenItsBytesCome) {
  StartWithDataset();
  const v1::Tensor candidate = MakeTensor(kRows, kFeatures, 2);
  v1::StreamScoreRequest header;
  header.mutable_header()->set_dataset("datasets/normals");
  *header.mutable_header()->mutable_candidate() = candidate.spec();
  header.mutable_header()->add_measures()->set_id("cka");
  header.mutable_header()->set_device(kGpu);
  v1::StreamScoreRequest chunk;
  chunk.mutable_chunk()->set_data(candidate.data().substr(0, 800));
  grpc::ClientContext context;
  v1::StreamScoreResponse response;
  const auto writer = scoring_->StreamScore(&context, &response);
  const int64_t before = gpu_.operations();
  ASSERT_TRUE(writer->Write(header));
  ASSERT_TRUE(writer->Write(chunk));
  // The stream has its reference on the lane.
  ASSERT_TRUE(Eventually([&] { return gpu_.operations() > before; }));
  gpu_.Break();
  EXPECT_FALSE(ScoreStatus(kGpu).ok());
  ASSERT_TRUE(Eventually(
      [this] { return Health("repscore.v1.device.cuda:0") == kNotServing; }));

  chunk.mutable_chunk()->set_data(candidate.data().substr(800));
  writer->Write(chunk);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();

  ExpectError(status, grpc::StatusCode::UNAVAILABLE, "DEVICE_LOST", "");
  EXPECT_TRUE(WireDetailsOf(status).has_retry);
}

}  // namespace
}  // namespace repscore::server
