// RunsService: look at, follow, cancel.
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

class RunsServiceTest : public ServerFixture {
 protected:
  RunsServiceTest() {
    StartServer();
    RegisterNormals("normals");
  }

  /// A detached run of so many steps; returns its name.
  std::string Detached(int64_t steps) {
    v1::OptimizeRequest request = OptimizeSteps(steps);
    request.set_detach(true);
    grpc::ClientContext context;
    const auto reader = scoring_->Optimize(&context, request);
    v1::OptimizeResponse response;
    EXPECT_TRUE(reader->Read(&response));
    context.TryCancel();
    reader->Finish();
    return response.event().run();
  }

  grpc::Status Cancel(const std::string& name, v1::CancelRunResponse* out) {
    grpc::ClientContext context;
    v1::CancelRunRequest request;
    request.set_name(name);
    return runs_->CancelRun(&context, request, out);
  }

  grpc::Status WatchAfter(const std::string& name,
                          int64_t sequence,
                          std::vector<v1::RunEvent>* events,
                          bool return_candidate = false) {
    v1::WatchRunRequest request;
    request.set_name(name);
    request.set_after_sequence(sequence);
    request.set_return_candidate(return_candidate);
    return Watch(request, events);
  }
};

TEST_F(RunsServiceTest, WatchFollowsALiveRunToItsEnd) {
  const std::string name = Detached(2000);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = WatchAfter(name, 0, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(events.size(), 2003U);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), static_cast<int64_t>(i) + 1);
  }
  EXPECT_TRUE(events.front().has_started());
  EXPECT_TRUE(events.back().has_result());
}

TEST_F(RunsServiceTest, WatchOfAFinishedRunReadsWhatIsStored) {
  const std::string name = Detached(1000);
  AwaitEnd(name);
  std::vector<v1::RunEvent> all;
  std::vector<v1::RunEvent> tail;
  std::vector<v1::RunEvent> none;

  ASSERT_TRUE(WatchAfter(name, 0, &all, true).ok());
  ASSERT_TRUE(WatchAfter(name, 1000, &tail).ok());
  ASSERT_TRUE(WatchAfter(name, 1003, &none).ok());

  ASSERT_EQ(all.size(), 1004U);
  EXPECT_TRUE(all[1002].has_candidate_chunk());
  EXPECT_TRUE(all[1003].has_result());
  ASSERT_EQ(tail.size(), 3U);
  EXPECT_EQ(tail[0].sequence(), 1001);
  EXPECT_TRUE(none.empty());
}

TEST_F(RunsServiceTest, ManyWatchersSeeTheSameEvents) {
  const std::string name = Detached(3000);
  std::vector<std::vector<v1::RunEvent>> seen(6);

  std::vector<std::thread> threads;
  threads.reserve(seen.size());
  for (auto& events : seen) {
    threads.emplace_back([&] { WatchAfter(name, 0, &events); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  for (const auto& events : seen) {
    ASSERT_EQ(events.size(), 3003U);
    EXPECT_EQ(events.back().result().candidate_digest(),
              seen[0].back().result().candidate_digest());
  }
}

TEST_F(RunsServiceTest, EndedWatchLeavesTheRunAlone) {
  const std::string name = Detached(4000);
  {
    grpc::ClientContext context;
    v1::WatchRunRequest request;
    request.set_name(name);
    const auto reader = runs_->WatchRun(&context, request);
    v1::WatchRunResponse response;
    reader->Read(&response);
    context.TryCancel();
    reader->Finish();
  }

  EXPECT_EQ(AwaitEnd(name).state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(RunsServiceTest, CancelStopsARunAndIsIdempotent) {
  const std::string name = Detached(1'000'000);
  v1::CancelRunResponse response;

  EXPECT_TRUE(Cancel(name, &response).ok());
  EXPECT_TRUE(Cancel(name, &response).ok());
  const v1::Run run = AwaitEnd(name);
  EXPECT_TRUE(Cancel(name, &response).ok());

  EXPECT_EQ(run.state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(run.stop_reason(), v1::STOP_REASON_CANCELLED);
  EXPECT_EQ(response.run().state(), v1::RUN_STATE_CANCELLED);
}

TEST_F(RunsServiceTest, CancelLeavesAFinishedRunAsItIs) {
  const std::string name = Detached(5);
  AwaitEnd(name);
  v1::CancelRunResponse response;

  EXPECT_TRUE(Cancel(name, &response).ok());

  EXPECT_EQ(response.run().state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(RunsServiceTest, ListIsNewestFirstInPages) {
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) {
    made.insert(made.begin(), Detached(2));
    AwaitEnd(made.front());
  }
  std::vector<std::string> listed;
  std::string token;

  do {
    grpc::ClientContext context;
    v1::ListRunsRequest request;
    request.set_page_size(2);
    request.set_page_token(token);
    v1::ListRunsResponse page;
    ASSERT_TRUE(runs_->ListRuns(&context, request, &page).ok());
    for (const v1::Run& run : page.runs()) {
      listed.push_back(run.name());
      EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED);
      EXPECT_GE(run.update_time().seconds(), run.create_time().seconds());
    }
    token = page.next_page_token();
  } while (!token.empty());

  EXPECT_EQ(listed, made);
}

TEST_F(RunsServiceTest, UnknownAndMalformedNamesAreRefused) {
  v1::CancelRunResponse cancelled;
  std::vector<v1::RunEvent> events;
  const auto invalid = grpc::StatusCode::INVALID_ARGUMENT;

  const grpc::Status unknown = WatchAfter("runs/1234", 0, &events);

  ExpectError(unknown, grpc::StatusCode::NOT_FOUND, "RUN_NOT_FOUND", "");
  EXPECT_EQ(WireDetailsOf(unknown).resource_type, "run");
  EXPECT_EQ(WireDetailsOf(unknown).resource_name, "runs/1234");
  ExpectError(Cancel("runs/1234", &cancelled),
              grpc::StatusCode::NOT_FOUND,
              "RUN_NOT_FOUND",
              "");
  for (const std::string& name : {std::string(),
                                  std::string("1234"),
                                  std::string("runs/"),
                                  std::string("runs/../x"),
                                  std::string("runs/a\0b", 8),
                                  "runs/" + std::string(10240, 'a')}) {
    ExpectError(Cancel(name, &cancelled), invalid, "INVALID_ARGUMENT", "name");
    ExpectError(
        WatchAfter(name, 0, &events), invalid, "INVALID_ARGUMENT", "name");
  }
}

TEST_F(RunsServiceTest, NegativeSequenceAndPageAreRefused) {
  const std::string name = Detached(2);
  std::vector<v1::RunEvent> events;
  grpc::ClientContext context;
  v1::ListRunsRequest request;
  request.set_page_size(-1);
  v1::ListRunsResponse page;

  ExpectError(WatchAfter(name, -1, &events),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "after_sequence");
  ExpectError(runs_->ListRuns(&context, request, &page),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "page_size");
}

}  // namespace
}  // namespace repscore::server
