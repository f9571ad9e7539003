// ScoringService.Optimize and JointOptimize: streams, limits, ends.
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/digest.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

constexpr int64_t kEndless = 1'000'000;

class OptimizeTest : public ServerFixture {
 protected:
  using Reader = grpc::ClientReader<v1::OptimizeResponse>;

  OptimizeTest() {
    StartServer();
    RegisterNormals("normals");
  }

  /// Reads until the first trace point; returns the run's name.
  static std::string ReadSome(Reader& reader) {
    v1::OptimizeResponse response;
    while (reader.Read(&response)) {
      if (response.event().has_point()) {
        return response.event().run();
      }
    }
    ADD_FAILURE() << "no trace point";
    return "";
  }
};

TEST_F(OptimizeTest, StreamIsStartedThenPointsThenResult) {
  v1::OptimizeRequest request = OptimizeSteps(20);
  request.mutable_trace()->add_tracked()->set_id("nbs");
  request.mutable_trace()->set_principal_components(2);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(events.size(), 23U);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), static_cast<int64_t>(i) + 1);
    EXPECT_EQ(events[i].run(), events[0].run());
  }
  const v1::RunStarted& started = events.front().started();
  EXPECT_EQ(started.run().state(), v1::RUN_STATE_QUEUED);
  EXPECT_EQ(started.run().seed(), 3U);
  EXPECT_EQ(started.provenance().dataset_version(),
            "datasets/normals/versions/1");
  EXPECT_EQ(started.provenance().precision(), v1::PRECISION_MIXED);
  EXPECT_EQ(started.tracked_size(), 1);
  for (int i = 0; i <= 20; ++i) {
    const v1::TracePoint& point = events[static_cast<size_t>(i) + 1].point();
    EXPECT_EQ(point.step(), i);
    EXPECT_EQ(point.scores_size(), 1);
    EXPECT_EQ(point.tracked_size(), 1);
    EXPECT_EQ(point.component_r2_size(), 2);
    EXPECT_GT(point.candidate_norm(), 0.0);
  }
  const v1::RunResult& result = events.back().result();
  EXPECT_EQ(result.run().state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(result.run().stop_reason(), v1::STOP_REASON_MAX_STEPS);
  EXPECT_EQ(result.run().step(), 20);
  EXPECT_EQ(result.run().last_sequence(), 23);
  EXPECT_EQ(result.scores_size(), 1);
  EXPECT_EQ(result.candidate().shape(0), kRows);
}

TEST_F(OptimizeTest, AHostThatRoundsNoFactorsSaysSo) {
  v1::OptimizeRequest request = OptimizeSteps(3);
  request.set_precision(v1::PRECISION_MIXED_TF32);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(events.front().started().provenance().precision(),
            v1::PRECISION_MIXED);
}

TEST_F(OptimizeTest, ReachesTheScoreItIsAskedFor) {
  v1::OptimizeRequest request = OptimizeSteps(5000);
  request.mutable_adam()->set_learning_rate(0.1);
  request.mutable_stopping()->set_score(0.9);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::RunResult& result = events.back().result();
  EXPECT_EQ(result.run().stop_reason(), v1::STOP_REASON_SCORE_REACHED);
  EXPECT_GT(result.scores(0).value(), 0.9);
}

TEST_F(OptimizeTest, CandidateComesInChunksBeforeTheResult) {
  v1::OptimizeRequest request = OptimizeSteps(3);
  request.set_return_candidate(true);
  request.mutable_start()->mutable_gaussian()->set_features(5000);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::RunEvent& result = events.back();
  std::string bytes;
  int chunks = 0;
  for (const v1::RunEvent& event : events) {
    if (event.has_candidate_chunk()) {
      const v1::CandidateChunk& chunk = event.candidate_chunk();
      EXPECT_EQ(chunk.offset(), static_cast<int64_t>(bytes.size()));
      EXPECT_LE(chunk.data().size(), 1U << 20U);
      EXPECT_EQ(event.sequence(), result.sequence());
      EXPECT_EQ(chunk.spec().data_type(), v1::DATA_TYPE_FLOAT64);
      bytes += chunk.data();
      ++chunks;
    }
  }
  EXPECT_EQ(chunks, 2);
  EXPECT_EQ(bytes.size(), static_cast<size_t>(kRows) * 5000 * 8);
  EXPECT_EQ(Sha256Hex(bytes), result.result().candidate_digest());
}

TEST_F(OptimizeTest, StartsFromACandidateOrADataset) {
  v1::OptimizeRequest inline_start = OptimizeSteps(3);
  *inline_start.mutable_start()->mutable_candidate() = MakeTensor(kRows, 5, 8);
  RegisterNormals("start", kRows, 5, 8);
  v1::OptimizeRequest dataset_start = OptimizeSteps(3);
  dataset_start.mutable_start()->set_dataset("datasets/start");
  std::vector<v1::RunEvent> first;
  std::vector<v1::RunEvent> second;

  ASSERT_TRUE(Optimize(inline_start, &first).ok());
  ASSERT_TRUE(Optimize(dataset_start, &second).ok());

  EXPECT_EQ(first.back().result().candidate_digest(),
            second.back().result().candidate_digest());
}

TEST_F(OptimizeTest, JointOptimizeReportsEveryGoal) {
  v1::JointOptimizeRequest request;
  request.set_dataset("datasets/normals");
  v1::ObjectiveTerm* first = request.add_terms();
  first->mutable_measure()->set_id("cka");
  v1::ObjectiveTerm* second = request.add_terms();
  second->mutable_measure()->set_id("nbs");
  second->mutable_target()->set_value(0.7);
  request.mutable_stopping()->set_max_steps(30);
  grpc::ClientContext context;
  const auto reader = scoring_->JointOptimize(&context, request);
  v1::JointOptimizeResponse response;
  v1::RunEvent last;
  while (reader->Read(&response)) {
    last = response.event();
  }

  const grpc::Status status = reader->Finish();

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(last.result().run().kind(), v1::RUN_KIND_JOINT_OPTIMIZE);
  EXPECT_EQ(last.result().scores_size(), 2);
  EXPECT_EQ(last.result().verdicts_size(), 2);
}

TEST_F(OptimizeTest, CancelledStreamCancelsTheRunWithWhatItReached) {
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, OptimizeSteps(kEndless));
  const std::string name = ReadSome(*reader);

  context.TryCancel();
  const grpc::Status status = reader->Finish();
  const v1::Run run = AwaitEnd(name);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(run.state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(run.stop_reason(), v1::STOP_REASON_CANCELLED);
  EXPECT_EQ(run.scores_size(), 1);
  v1::WatchRunRequest watch;
  watch.set_name(name);
  watch.set_after_sequence(run.last_sequence() - 1);
  std::vector<v1::RunEvent> events;
  ASSERT_TRUE(Watch(watch, &events).ok());
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].result().candidate_digest().size(), 64U);
}

TEST_F(OptimizeTest, DeadlineEndsTheRunWithThatReason) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(500));
  const auto reader = scoring_->Optimize(&context, OptimizeSteps(kEndless));
  const std::string name = ReadSome(*reader);

  v1::OptimizeResponse response;
  while (reader->Read(&response)) {
  }
  const grpc::Status status = reader->Finish();
  const v1::Run run = AwaitEnd(name);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(run.state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(run.stop_reason(), v1::STOP_REASON_DEADLINE);
}

TEST_F(OptimizeTest, VanishedClientCancelsTheRun) {
  auto context = std::make_unique<grpc::ClientContext>();
  auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                          grpc::InsecureChannelCredentials());
  auto stub = v1::ScoringService::NewStub(channel);
  auto reader = stub->Optimize(context.get(), OptimizeSteps(kEndless));
  const std::string name = ReadSome(*reader);

  context->TryCancel();
  reader->Finish();
  reader.reset();
  context.reset();
  stub.reset();
  channel.reset();

  EXPECT_EQ(AwaitEnd(name).state(), v1::RUN_STATE_CANCELLED);
}

TEST_F(OptimizeTest, DetachedRunGoesOn) {
  v1::OptimizeRequest request = OptimizeSteps(3000);
  request.set_detach(true);
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, request);
  const std::string name = ReadSome(*reader);

  context.TryCancel();
  reader->Finish();
  const v1::Run run = AwaitEnd(name);

  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(run.step(), 3000);
}

TEST_F(OptimizeTest, SlowReaderStillGetsEveryEventInOrder) {
  v1::OptimizeRequest request = OptimizeSteps(5000);
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, request);
  const std::string name = ReadSome(*reader);

  const v1::Run run = AwaitEnd(name);
  v1::OptimizeResponse response;
  int64_t sequence = 2;
  bool has_result = false;
  while (reader->Read(&response)) {
    EXPECT_EQ(response.event().sequence(), ++sequence);
    has_result = response.event().has_result();
  }

  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(has_result);
  EXPECT_EQ(sequence, run.last_sequence());
}

TEST_F(OptimizeTest, SameSeedGivesTheSameTrace) {
  std::vector<v1::RunEvent> first;
  std::vector<v1::RunEvent> second;
  v1::OptimizeRequest request = OptimizeSteps(50);
  request.mutable_adam()->set_learning_rate(0.05);

  ASSERT_TRUE(Optimize(request, &first).ok());
  ASSERT_TRUE(Optimize(request, &second).ok());

  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 1; i + 1 < first.size(); ++i) {
    EXPECT_EQ(first[i].point().scores(0), second[i].point().scores(0));
  }
  EXPECT_EQ(first.back().result().candidate_digest(),
            second.back().result().candidate_digest());
}

TEST_F(OptimizeTest, ScoresAreAnsweredDuringARun) {
  v1::OptimizeRequest endless = OptimizeSteps(kEndless);
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, endless);
  ReadSome(*reader);
  v1::ScoreRequest request;
  request.set_dataset("datasets/normals");
  *request.mutable_candidate() = MakeTensor(kRows, 4, 9);
  request.add_measures()->set_id("cka");

  for (int i = 0; i < 20; ++i) {
    v1::ScoreResponse response;
    const grpc::Status status = Score(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  context.TryCancel();
  reader->Finish();
}

TEST_F(OptimizeTest, RunsBeyondTheQueueAreRefusedWithRetryInfo) {
  StopServer();
  config_.max_runs = 2;
  StartServer();
  grpc::ClientContext contexts[2];
  std::vector<std::unique_ptr<Reader>> readers;
  for (grpc::ClientContext& context : contexts) {
    readers.push_back(scoring_->Optimize(&context, OptimizeSteps(kEndless)));
    ReadSome(*readers.back());
  }

  std::vector<v1::RunEvent> events;
  const grpc::Status status = Optimize(OptimizeSteps(1), &events);

  ExpectError(status, grpc::StatusCode::RESOURCE_EXHAUSTED, "QUEUE_FULL", "");
  EXPECT_TRUE(WireDetailsOf(status).has_retry);
  EXPECT_TRUE(events.empty());
  for (size_t i = 0; i < readers.size(); ++i) {
    contexts[i].TryCancel();
    readers[i]->Finish();
  }
  EXPECT_TRUE(Eventually([this] {
    std::vector<v1::RunEvent> again;
    return Optimize(OptimizeSteps(1), &again).ok();
  }));
}

TEST_F(OptimizeTest, HundredCancelsAtAnyStageLeaveNoRunBehind) {
  for (int i = 0; i < 100; ++i) {
    grpc::ClientContext context;
    const auto reader = scoring_->Optimize(&context, OptimizeSteps(kEndless));
    std::this_thread::sleep_for(std::chrono::microseconds(100 * i));
    context.TryCancel();
    reader->Finish();
  }

  grpc::ClientContext context;
  v1::ListRunsRequest request;
  request.set_page_size(1000);
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext list_context;
    v1::ListRunsResponse response;
    EXPECT_TRUE(runs_->ListRuns(&list_context, request, &response).ok());
    bool all_ended = true;
    for (const v1::Run& run : response.runs()) {
      all_ended = all_ended && IsTerminal(run.state());
    }
    return all_ended;
  }));
}

}  // namespace
}  // namespace repscore::server
