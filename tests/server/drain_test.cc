// Shutting down and starting again on the same data.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

class DrainTest : public ServerFixture {
 protected:
  DrainTest() {
    StartServer();
    RegisterNormals("normals");
  }

  using Reader = grpc::ClientReader<v1::OptimizeResponse>;

  /// Shuts down in the background after the first trace points of a run.
  std::vector<v1::RunEvent> InterruptedRun(const v1::OptimizeRequest& request,
                                           size_t points,
                                           grpc::Status* status) {
    std::vector<v1::RunEvent> events;
    grpc::ClientContext context;
    const auto reader = scoring_->Optimize(&context, request);
    v1::OptimizeResponse response;
    while (events.size() < points && reader->Read(&response)) {
      events.push_back(response.event());
    }
    std::thread shutdown([this] { StopServer(); });
    while (reader->Read(&response)) {
      events.push_back(response.event());
    }
    *status = reader->Finish();
    shutdown.join();
    return events;
  }
};

TEST_F(DrainTest, RunGoesOnAfterARestartAsIfNothingHadHappened) {
  v1::OptimizeRequest request = OptimizeSteps(20000);
  request.mutable_adam()->set_learning_rate(1e-4);
  std::vector<v1::RunEvent> whole;
  ASSERT_TRUE(Optimize(request, &whole).ok());
  grpc::Status status;

  const std::vector<v1::RunEvent> before =
      InterruptedRun(request, 200, &status);
  StartServer();
  const std::string name = before.front().run();
  v1::WatchRunRequest watch;
  watch.set_name(name);
  watch.set_after_sequence(before.back().sequence());
  std::vector<v1::RunEvent> after;
  ASSERT_TRUE(Watch(watch, &after).ok());

  ExpectError(status, grpc::StatusCode::UNAVAILABLE, "SERVER_DRAINING", "");
  EXPECT_TRUE(WireDetailsOf(status).has_retry);
  ASSERT_LT(before.size(), whole.size()) << "the run ended before the restart";
  std::vector<v1::RunEvent> joined = before;
  joined.insert(joined.end(), after.begin(), after.end());
  ASSERT_EQ(joined.size(), whole.size());
  for (size_t i = 1; i + 1 < whole.size(); ++i) {
    ASSERT_EQ(joined[i].sequence(), static_cast<int64_t>(i) + 1);
    ASSERT_EQ(joined[i].point().step(), whole[i].point().step());
    ASSERT_EQ(joined[i].point().scores(0), whole[i].point().scores(0));
  }
  EXPECT_EQ(joined.back().result().candidate_digest(),
            whole.back().result().candidate_digest());
  EXPECT_EQ(joined.back().result().run().state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(DrainTest, QueuedRunsAreTakenUpAgainWhateverTheLimit) {
  std::vector<std::string> names;
  for (int i = 0; i < 6; ++i) {
    v1::OptimizeRequest request = OptimizeSteps(20000);
    request.set_detach(true);
    grpc::ClientContext context;
    const auto reader = scoring_->Optimize(&context, request);
    v1::OptimizeResponse response;
    ASSERT_TRUE(reader->Read(&response));
    names.push_back(response.event().run());
    context.TryCancel();
    reader->Finish();
  }
  StopServer();

  config_.max_runs = 1;
  StartServer();

  for (const std::string& name : names) {
    const v1::Run run = AwaitEnd(name);
    EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED);
    EXPECT_EQ(run.step(), 20000);
  }
}

TEST_F(DrainTest, RunWhoseDatasetIsGoneFailsAfterTheRestart) {
  v1::OptimizeRequest request = OptimizeSteps(1'000'000);
  request.set_detach(true);
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, request);
  v1::OptimizeResponse response;
  ASSERT_TRUE(reader->Read(&response));
  const std::string name = response.event().run();
  context.TryCancel();
  reader->Finish();
  grpc::ClientContext delete_context;
  v1::DeleteDatasetRequest remove;
  remove.set_name("datasets/normals");
  v1::DeleteDatasetResponse removed;
  ASSERT_TRUE(catalog_->DeleteDataset(&delete_context, remove, &removed).ok());
  StopServer();

  StartServer();

  const v1::Run run = AwaitEnd(name);
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(run.error().code(), static_cast<int>(grpc::StatusCode::NOT_FOUND));
}

TEST_F(DrainTest, ScoreStreamInProgressFinishes) {
  const v1::Tensor candidate = MakeTensor(kRows, 4, 9);
  grpc::ClientContext context;
  v1::StreamScoreResponse response;
  const auto writer = scoring_->StreamScore(&context, &response);
  v1::StreamScoreRequest message;
  message.mutable_header()->set_dataset("datasets/normals");
  *message.mutable_header()->mutable_candidate() = candidate.spec();
  message.mutable_header()->add_measures()->set_id("cka");
  ASSERT_TRUE(writer->Write(message));
  message.mutable_chunk()->set_data(candidate.data().substr(0, 64));
  ASSERT_TRUE(writer->Write(message));
  // The call has reached the server once another one is answered.
  GetServerInfo();

  std::thread shutdown([this] { server_->Shutdown(); });
  grpc::Status refused;
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext list_context;
    v1::ListRunsResponse runs;
    refused = runs_->ListRuns(&list_context, {}, &runs);
    return !refused.ok();
  }));
  message.mutable_chunk()->set_data(candidate.data().substr(64));
  writer->Write(message);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  shutdown.join();

  ExpectError(refused, grpc::StatusCode::UNAVAILABLE, "SERVER_DRAINING", "");
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.scores_size(), 1);
}

TEST_F(DrainTest, IdleStreamsAreEndedWhenTheTimeIsOver) {
  StopServer();
  config_.drain_seconds = 0.3;
  StartServer();
  grpc::ClientContext context;
  v1::RegisterDatasetResponse response;
  const auto writer = catalog_->RegisterDataset(&context, &response);
  v1::RegisterDatasetRequest message;
  *message.mutable_header() = Header("idle", 3, 2, NormalBytes(3, 2, 1));
  ASSERT_TRUE(writer->Write(message));
  GetServerInfo();
  const auto start = std::chrono::steady_clock::now();

  server_->Shutdown();

  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ExpectError(
      writer->Finish(), grpc::StatusCode::UNAVAILABLE, "SERVER_DRAINING", "");
}

TEST_F(DrainTest, ReaderThatDoesNotReadDoesNotHoldTheShutdown) {
  StopServer();
  config_.drain_seconds = 1.0;
  StartServer();
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, OptimizeSteps(1'000'000));
  v1::OptimizeResponse response;
  ASSERT_TRUE(reader->Read(&response));
  const std::string name = response.event().run();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto start = std::chrono::steady_clock::now();

  server_->Shutdown();

  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8));
  context.TryCancel();
  reader->Finish();
  server_.reset();
  StartServer();
  EXPECT_FALSE(IsTerminal(GetRun(name).state()));
}

TEST_F(DrainTest, HurryEndsTheWaiting) {
  StopServer();
  config_.drain_seconds = 60.0;
  StartServer();
  grpc::ClientContext context;
  v1::StreamScoreResponse response;
  const auto writer = scoring_->StreamScore(&context, &response);
  writer->Write({});
  GetServerInfo();
  std::thread hurry([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    server_->Hurry();
  });
  const auto start = std::chrono::steady_clock::now();

  server_->Shutdown();

  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  hurry.join();
  writer->Finish();
}

}  // namespace
}  // namespace repscore::server
