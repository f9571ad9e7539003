#include "client/cpp/runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <stop_token>
#include <thread>
#include <vector>

#include "client/cpp/client.h"
#include "client/cpp/errors.h"
#include "google/rpc/status.pb.h"
#include "tests/client/fake_server.h"
#include "tests/client/test_client.h"

namespace repscore::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RunsTest : public testing::Test {
 protected:
  // Keeps the sequence numbers of what it sees.
  RunObserver Recorder() {
    return {.on_event =
                [this](const v1::RunEvent& event) {
                  sequences_.push_back(event.sequence());
                  last_seen_ = event.sequence();
                  return true;
                },
            .stop = stop_.get_token()};
  }

  // Stops at the event with this number.
  RunObserver StopperAt(int64_t sequence) {
    return {.on_event =
                [this, sequence](const v1::RunEvent& event) {
                  sequences_.push_back(event.sequence());
                  return event.sequence() != sequence;
                },
            .stop = stop_.get_token()};
  }

  // Until the recorder has seen the last event before a held result.
  void WaitUntilAllButTheResultIsSeen() const {
    const auto points = static_cast<int64_t>(server_.script.events.size()) - 1;
    while (last_seen_ < points) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  v1::RunResult& ScriptedResult() {
    return *server_.script.events.back().mutable_result();
  }

  FakeServer server_;
  std::unique_ptr<Client> client_ = ConnectTo(server_);
  std::vector<int64_t> sequences_;
  std::atomic<int64_t> last_seen_ = 0;
  std::stop_source stop_;
  v1::OptimizeRequest request_;
};

TEST_F(RunsTest, OptimizeShowsEveryEventAndReturnsTheOutcome) {
  request_.set_dataset("datasets/mante");

  const auto outcome = client_->Optimize(request_, Recorder());

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(sequences_, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(outcome->started.tracked(0), kTracked);
  EXPECT_EQ(outcome->result.run().state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_TRUE(outcome->candidate.data.empty());
  EXPECT_EQ(server_.seen.optimize.dataset(), "datasets/mante");
}

TEST_F(RunsTest, CandidateArrivesWhole) {
  request_.set_return_candidate(true);

  const auto outcome = client_->Optimize(request_);

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const HostArray& candidate = outcome->candidate;
  EXPECT_EQ(candidate.spec,
            (ArraySpec{.type = DataType::kFloat64, .shape = {2, 3}}));
  ASSERT_EQ(candidate.data.size(), CandidateBytes().size());
  EXPECT_EQ(std::memcmp(candidate.data.data(),
                        CandidateBytes().data(),
                        candidate.data.size()),
            0);
}

TEST_F(RunsTest, CandidateWithAnotherDigestIsDataLoss) {
  server_.script.corrupt_candidate = true;
  request_.set_return_candidate(true);

  const auto outcome = client_->Optimize(request_);

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RunsTest, JointOptimizeIsFollowedTheSameWay) {
  v1::JointOptimizeRequest request;
  request.add_terms()->mutable_measure()->set_id("cka");
  server_.script.breaks = {3};

  const auto outcome = client_->JointOptimize(request, Recorder());

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(sequences_, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(server_.seen.joint.terms(0).measure().id(), "cka");
}

TEST_F(RunsTest, BrokenStreamIsTakenUpAfterTheLastEvent) {
  server_.script.breaks = {3, 5};

  const auto outcome = client_->Optimize(request_, Recorder());

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(sequences_, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(server_.seen.watched_after, ElementsAre(3, 5));
  EXPECT_EQ(server_.calls("Optimize"), 1);
}

TEST_F(RunsTest, CandidateOfABrokenStreamIsReadAgain) {
  server_.script.break_in_candidate = true;
  request_.set_return_candidate(true);

  const auto outcome = client_->Optimize(request_, Recorder());

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->candidate.data.size(), CandidateBytes().size());
  EXPECT_THAT(server_.seen.watched_after, ElementsAre(6));
}

TEST_F(RunsTest, ServerRestartIsSurvived) {
  server_.script.hold_result = true;
  std::thread restart([this] {
    server_.WaitUntilHolding();
    server_.Stop();
    server_.ReleaseResult();
    server_.Start();
  });

  const auto outcome =
      ConnectTo(server_, /*attempts=*/20)->Optimize(request_, Recorder());

  restart.join();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(sequences_, ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_F(RunsTest, TakingUpEndsWhenTheServerStaysAway) {
  server_.script.breaks = {2};
  server_.FailNext("WatchRun", {grpc::StatusCode::UNAVAILABLE, "no"}, 100);

  const auto outcome = client_->Optimize(request_, Recorder());

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.calls("WatchRun"), 3);
}

TEST_F(RunsTest, EventsBetweenBreaksRenewThePatience) {
  server_.script.events = MakeEvents(10);
  server_.script.breaks = {2, 3, 4, 5, 6, 7, 8, 9};

  const auto outcome = client_->Optimize(request_);

  EXPECT_TRUE(outcome.ok()) << outcome.status();
}

TEST_F(RunsTest, RunThatIsGoneAfterABreakIsAnError) {
  server_.script.breaks = {2};
  server_.FailNext("WatchRun", {grpc::StatusCode::NOT_FOUND, "no runs/abc"});

  const auto outcome = client_->Optimize(request_);

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RunsTest, OptimizeThatHasNotStartedIsNotRepeated) {
  server_.FailNext("Optimize", {grpc::StatusCode::UNAVAILABLE, "no"});

  const auto outcome = client_->Optimize(request_);

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.calls("Optimize"), 1);
}

TEST_F(RunsTest, OptimizeRefusedWithRetryInfoIsAskedForAgain) {
  server_.FailNext("Optimize",
                   MakeError(grpc::StatusCode::RESOURCE_EXHAUSTED,
                             "queue full",
                             {"QUEUE_FULL", "", 10}));

  const auto outcome = client_->Optimize(request_);

  EXPECT_TRUE(outcome.ok()) << outcome.status();
}

TEST_F(RunsTest, StreamWithoutAResultIsAnError) {
  server_.script.events.pop_back();

  const auto outcome = client_->Optimize(request_);

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr(kRun));
}

TEST_F(RunsTest, FailedRunGivesItsStoredError) {
  ScriptedResult().mutable_run()->set_state(v1::RUN_STATE_FAILED);
  ScriptedResult().mutable_run()->mutable_error()->ParseFromString(
      MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                "gradient is undefined",
                {"CONSTANT_INPUT", "", {}})
          .error_details());

  const auto outcome = client_->Optimize(request_, Recorder());

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(outcome.status().message(), "gradient is undefined");
  EXPECT_EQ(ErrorDetailsOf(outcome.status())->reason, "CONSTANT_INPUT");
}

TEST_F(RunsTest, CallbackStopsTheRun) {
  server_.script.hold_result = true;

  const auto outcome = client_->Optimize(request_, StopperAt(4));

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(server_.run_is_cancelled());
  EXPECT_EQ(outcome->result.run().state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(sequences_.back(), 4);
}

TEST_F(RunsTest, StopTokenStopsARunThatShowsNothing) {
  server_.script.hold_result = true;
  std::thread stopper([this] {
    WaitUntilAllButTheResultIsSeen();
    stop_.request_stop();
  });

  const auto outcome = client_->Optimize(request_, Recorder());

  stopper.join();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(server_.run_is_cancelled());
  EXPECT_EQ(outcome->result.run().stop_reason(), v1::STOP_REASON_CANCELLED);
}

TEST_F(RunsTest, StopWhileWaitingToTakeUpCancelsTheRun) {
  server_.script.hold_result = true;
  std::thread stopper([this] {
    WaitUntilAllButTheResultIsSeen();
    server_.Stop();
    stop_.request_stop();
    server_.Start();
  });

  const auto outcome =
      ConnectTo(server_, /*attempts=*/20)->Optimize(request_, Recorder());

  stopper.join();
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(server_.run_is_cancelled());
}

TEST_F(RunsTest, StopBeforeTheStartIsCancelled) {
  stop_.request_stop();

  const auto outcome = client_->Optimize(request_, Recorder());

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(server_.calls("Optimize"), 0);
}

TEST_F(RunsTest, DetachedRunGoesOnWhenStopped) {
  server_.script.hold_result = true;
  request_.set_detach(true);

  const auto outcome = client_->Optimize(request_, StopperAt(1));

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(server_.calls("CancelRun"), 0);
  EXPECT_FALSE(server_.run_is_cancelled());
}

TEST_F(RunsTest, WatchRunBeginsAfterTheGivenEvent) {
  v1::WatchRunRequest request;
  request.set_name(kRun);
  request.set_after_sequence(4);
  server_.script.breaks = {5};

  const auto outcome = client_->WatchRun(request, Recorder());

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(sequences_, ElementsAre(5, 6, 7));
  EXPECT_THAT(server_.seen.watched_after, ElementsAre(4, 5));
}

TEST_F(RunsTest, WatcherThatStopsLeavesTheRunAlone) {
  server_.script.hold_result = true;
  v1::WatchRunRequest request;
  request.set_name(kRun);

  const auto outcome = client_->WatchRun(request, StopperAt(3));

  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(server_.calls("CancelRun"), 0);
  EXPECT_FALSE(server_.run_is_cancelled());
}

}  // namespace
}  // namespace repscore::client
