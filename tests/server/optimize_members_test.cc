// Optimize and JointOptimize with several members: restarts, targets, what
// traces follow, snapshots, arrays.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/digest.h"
#include "gtest/gtest.h"
#include "tests/server/analysis_fixture.h"

namespace repscore::server {
namespace {

class OptimizeMembersTest : public AnalysisFixture {
 protected:
  grpc::Status ReadArray(const std::string& name,
                         std::string* bytes,
                         v1::TensorSpec* spec = nullptr) {
    grpc::ClientContext context;
    v1::ReadRunArrayRequest request;
    request.set_name(name);
    const auto reader = runs_->ReadRunArray(&context, request);
    v1::ReadRunArrayResponse response;
    bytes->clear();
    while (reader->Read(&response)) {
      EXPECT_EQ(response.chunk().offset(), static_cast<int64_t>(bytes->size()));
      bytes->append(response.chunk().data());
      if (spec != nullptr) {
        *spec = response.chunk().spec();
      }
    }
    return reader->Finish();
  }

  /// Points by member, in order.
  static std::map<int, std::vector<v1::TracePoint>> Traces(
      const std::vector<v1::RunEvent>& events) {
    std::map<int, std::vector<v1::TracePoint>> traces;
    for (const v1::RunEvent& event : events) {
      if (event.has_point()) {
        traces[event.point().member()].push_back(event.point());
      }
    }
    return traces;
  }
};

TEST_F(OptimizeMembersTest, RestartsAreRunsOfTheirOwn) {
  v1::OptimizeRequest request = MovingRequest(10);
  request.set_restarts(3);
  std::vector<v1::RunEvent> together;
  ASSERT_TRUE(Optimize(request, &together).ok());
  request.clear_restarts();
  request.mutable_start()->mutable_gaussian()->set_seed(4);
  std::vector<v1::RunEvent> alone;
  ASSERT_TRUE(Optimize(request, &alone).ok());

  const v1::RunStarted& started = together.front().started();
  ASSERT_EQ(started.members_size(), 3);
  EXPECT_EQ(started.members(0).seed(), 3U);
  EXPECT_EQ(started.members(2).seed(), 5U);
  EXPECT_EQ(started.run().members(), 3);
  EXPECT_EQ(started.run().active_members(), 3);
  const v1::RunResult& result = together.back().result();
  EXPECT_EQ(result.run().active_members(), 0);
  ASSERT_EQ(result.members_size(), 3);
  auto traces = Traces(together);
  auto single = Traces(alone);
  ASSERT_EQ(traces[1].size(), 11U);
  for (size_t i = 0; i < traces[1].size(); ++i) {
    EXPECT_EQ(traces[1][i].scores(0), single[0][i].scores(0));
  }
  EXPECT_EQ(result.members(1).candidate_digest(),
            alone.back().result().candidate_digest());
  const v1::MemberResult& best = result.members(result.best_member());
  for (const v1::MemberResult& member : result.members()) {
    EXPECT_LE(member.scores(0).value(), best.scores(0).value());
  }
  EXPECT_EQ(result.candidate_digest(), best.candidate_digest());
  EXPECT_EQ(result.scores(0).value(), best.scores(0).value());
}

TEST_F(OptimizeMembersTest, EveryCandidateCanBeRead) {
  v1::OptimizeRequest request = MovingRequest(5);
  request.set_restarts(2);
  request.set_return_candidate(true);
  std::vector<v1::RunEvent> events;
  ASSERT_TRUE(Optimize(request, &events).ok());
  const v1::RunResult& result = events.back().result();

  std::string sent;
  for (const v1::RunEvent& event : events) {
    sent += event.candidate_chunk().data();
  }
  EXPECT_EQ(Sha256Hex(sent), result.candidate_digest());
  StopServer();
  StartAnalysis();
  for (const v1::MemberResult& member : result.members()) {
    std::string bytes;
    v1::TensorSpec spec;
    const grpc::Status status =
        ReadArray(member.candidate_name(), &bytes, &spec);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(Sha256Hex(bytes), member.candidate_digest());
    EXPECT_EQ(spec.SerializeAsString(), member.candidate().SerializeAsString());
  }
}

TEST_F(OptimizeMembersTest, ArraysThatAreNotThereAreNotFound) {
  std::vector<v1::RunEvent> events;
  ASSERT_TRUE(Optimize(MovingRequest(3), &events).ok());
  const std::string run = events.front().run();
  std::string bytes;

  const grpc::Status missing = ReadArray(run + "/members/1/candidate", &bytes);

  ExpectError(missing, grpc::StatusCode::NOT_FOUND, "ARRAY_NOT_FOUND", "");
  EXPECT_EQ(WireDetailsOf(missing).resource_type, "run_array");
  ExpectError(ReadArray("runs/1234/members/0/candidate", &bytes),
              grpc::StatusCode::NOT_FOUND,
              "RUN_NOT_FOUND",
              "");
  ExpectError(ReadArray(run, &bytes),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "name");
}

TEST_F(OptimizeMembersTest, TracesFollowComponentsAndLabels) {
  v1::OptimizeRequest request = MovingRequest(8);
  request.mutable_trace()->set_principal_components(3);
  request.mutable_trace()->mutable_decoding();
  request.mutable_trace()->set_decode_every(4);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::RunStarted& started = events.front().started();
  ASSERT_EQ(started.labels_size(), 2);
  EXPECT_EQ(started.labels(0).label(), "context");
  EXPECT_GT(started.labels(0).reference_accuracy(), 0.0);
  ASSERT_EQ(started.variance_shares_size(), 3);
  EXPECT_GT(started.variance_shares(0), started.variance_shares(2));
  EXPECT_EQ(started.run().state(), v1::RUN_STATE_QUEUED);
  const auto traces = Traces(events);
  std::set<int64_t> decoded;
  for (const v1::TracePoint& point : traces.at(0)) {
    EXPECT_EQ(point.component_r2_size(), 3);
    if (point.decoding_size() > 0) {
      EXPECT_EQ(point.decoding_size(), 2);
      decoded.insert(point.step());
    }
  }
  EXPECT_EQ(decoded, (std::set<int64_t>{0, 4, 8}));
  const v1::MemberResult& member = events.back().result().members(0);
  EXPECT_EQ(member.component_thresholds_size(), 3);
  EXPECT_EQ(member.label_thresholds_size(), 2);
}

TEST_F(OptimizeMembersTest, SnapshotsAreKeptAsScoresArePassed) {
  v1::OptimizeRequest request = MovingRequest(300);
  request.mutable_stopping()->set_score(0.9);
  request.mutable_trace()->add_snapshot_scores(0.6);
  request.mutable_trace()->add_snapshot_scores(0.8);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  std::vector<v1::Snapshot> snapshots;
  for (const v1::RunEvent& event : events) {
    if (event.has_snapshot()) {
      snapshots.push_back(event.snapshot());
    }
  }
  ASSERT_EQ(snapshots.size(), 2U);
  EXPECT_EQ(snapshots[1].threshold(), 0.8);
  EXPECT_GE(snapshots[1].score(), 0.8);
  EXPECT_GT(snapshots[1].step(), snapshots[0].step());
  EXPECT_EQ(snapshots[1].name(),
            events.front().run() + "/members/0/snapshots/1");
  for (const v1::Snapshot& snapshot : snapshots) {
    std::string bytes;
    v1::TensorSpec spec;
    ASSERT_TRUE(ReadArray(snapshot.name(), &bytes, &spec).ok());
    EXPECT_EQ(Sha256Hex(bytes), snapshot.candidate_digest());
    v1::ScoreRequest score;
    score.set_dataset(kDataset);
    *score.mutable_candidate()->mutable_spec() = spec;
    score.mutable_candidate()->set_data(bytes);
    score.add_measures()->set_id("cka");
    v1::ScoreResponse response;
    ASSERT_TRUE(Score(score, &response).ok());
    // Rows move in float32.
    EXPECT_NEAR(response.scores(0).value(), snapshot.score(), 1e-5);
  }
}

TEST_F(OptimizeMembersTest, SurrogatesAndLbfgsAndSchedulesRun) {
  v1::OptimizeRequest surrogate = MovingRequest(5);
  surrogate.mutable_start()->mutable_surrogate()->set_seed(7);
  v1::OptimizeRequest lbfgs = MovingRequest(200);
  lbfgs.clear_adam();
  lbfgs.mutable_lbfgs()->set_memory(5);
  lbfgs.mutable_stopping()->set_score(0.95);
  v1::OptimizeRequest scheduled = MovingRequest(5);
  scheduled.mutable_adam()->mutable_schedule()->set_warmup_steps(3);
  scheduled.mutable_adam()->mutable_schedule()->mutable_cosine()->set_steps(5);
  std::vector<v1::RunEvent> events;

  ASSERT_TRUE(Optimize(surrogate, &events).ok());
  EXPECT_EQ(events.front().started().members(0).seed(), 7U);
  events.clear();
  ASSERT_TRUE(Optimize(lbfgs, &events).ok());
  EXPECT_EQ(events.back().result().run().stop_reason(),
            v1::STOP_REASON_SCORE_REACHED);
  events.clear();
  ASSERT_TRUE(Optimize(scheduled, &events).ok());
  EXPECT_EQ(events.back().result().run().step(), 5);
}

TEST_F(OptimizeMembersTest, AGridIsWalkedInOneCall) {
  v1::JointOptimizeRequest request = TwoTargets();
  request.mutable_grid()->set_points_per_side(3);
  request.mutable_grid()->set_boundary(true);
  request.mutable_grid()->set_highest(0.9);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = JointOptimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::RunStarted& started = events.front().started();
  ASSERT_EQ(started.members_size(), 8);
  ASSERT_EQ(started.members(1).targets_size(), 2);
  EXPECT_EQ(started.members(1).targets(0), 0.45);
  EXPECT_EQ(started.members(1).targets(1), 0.0);
  const v1::RunResult& result = events.back().result();
  ASSERT_EQ(result.members_size(), 8);
  for (const v1::MemberResult& member : result.members()) {
    EXPECT_EQ(member.verdicts_size(), 2);
  }
  ASSERT_TRUE(result.has_allowed_range());
  EXPECT_EQ(result.allowed_range().first_size(), 8);
  EXPECT_GE(result.allowed_range().area_share(), 0.0);
  EXPECT_LE(result.allowed_range().area_share(), 1.0);
}

TEST_F(OptimizeMembersTest, FloorsThatCannotHoldTogetherAreInfeasible) {
  v1::JointOptimizeRequest request;
  request.set_dataset(kDataset);
  // Equal up to rotation and far from it at once.
  v1::ObjectiveTerm* high = request.add_terms();
  high->mutable_measure()->set_id("nbs");
  high->mutable_floor()->set_value(0.99);
  v1::ObjectiveTerm* low = request.add_terms();
  low->mutable_measure()->set_id("procrustes.angle");
  low->mutable_floor()->set_value(1.4);
  request.mutable_stopping()->set_max_steps(50);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = JointOptimize(request, &events);

  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::RunResult& result = events.back().result();
  bool is_marked = false;
  for (int i = 0; i < result.scores_size(); ++i) {
    for (const v1::Warning& warning : result.scores(i).warnings()) {
      is_marked = is_marked || warning.reason() == "INFEASIBLE";
    }
  }
  EXPECT_TRUE(is_marked);
  EXPECT_FALSE(result.verdicts(0).reached() && result.verdicts(1).reached());
}

TEST_F(OptimizeMembersTest, ACancelledBatchKeepsWhatItsMembersReached) {
  v1::OptimizeRequest request = MovingRequest(1'000'000);
  request.mutable_stopping()->set_score(2.0);
  request.mutable_adam()->set_learning_rate(1e-6);
  request.set_restarts(4);
  request.mutable_trace()->set_principal_components(2);
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, request);
  v1::OptimizeResponse response;
  while (reader->Read(&response) && !response.event().has_point()) {
  }
  const std::string name = response.event().run();

  context.TryCancel();
  reader->Finish();

  const v1::Run run = AwaitEnd(name);
  EXPECT_EQ(run.state(), v1::RUN_STATE_CANCELLED);
  std::string bytes;
  for (int member = 0; member < 4; ++member) {
    EXPECT_TRUE(
        ReadArray(name + "/members/" + std::to_string(member) + "/candidate",
                  &bytes)
            .ok());
  }
}

}  // namespace
}  // namespace repscore::server
