// What Optimize and JointOptimize refuse of members, decoding and snapshots.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/analysis_fixture.h"

namespace repscore::server {
namespace {

struct BadMembers {
  const char* name;
  void (*change)(v1::OptimizeRequest&);
  const char* field;
};

class BadMembersTest : public AnalysisFixture,
                       public ::testing::WithParamInterface<BadMembers> {};

TEST_P(BadMembersTest, IsInvalidArgumentNamingTheField) {
  v1::OptimizeRequest request = MovingRequest(5);
  GetParam().change(request);
  std::vector<v1::RunEvent> events;

  ExpectError(Optimize(request, &events),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              GetParam().field);
  EXPECT_TRUE(events.empty());
}

constexpr BadMembers kBadMembers[] = {
    {"NoGradient",
     [](auto& r) { r.mutable_measure()->set_id("rsa(compare=kendall_tau_a)"); },
     "measure.id"},
    {"AdamAndLbfgs", [](auto& r) { r.mutable_lbfgs(); }, "lbfgs"},
    {"NoRestarts", [](auto& r) { r.set_restarts(0); }, "restarts"},
    {"TooManyRestarts", [](auto& r) { r.set_restarts(257); }, "restarts"},
    {"RestartsOfACandidate",
     [](auto& r) {
       r.set_restarts(2);
       *r.mutable_start()->mutable_candidate() = MakeTensor(36, 4, 1);
     },
     "restarts"},
    {"RestartsOfADataset",
     [](auto& r) {
       r.set_restarts(2);
       r.mutable_start()->set_dataset("datasets/labelled");
     },
     "restarts"},
    {"LbfgsMemory",
     [](auto& r) {
       r.clear_adam();
       r.mutable_lbfgs()->set_memory(0);
     },
     "lbfgs.memory"},
    {"Warmup",
     [](auto& r) {
       r.mutable_adam()->mutable_schedule()->set_warmup_steps(-1);
     },
     "adam.schedule.warmup_steps"},
    {"CosineSteps",
     [](auto& r) { r.mutable_adam()->mutable_schedule()->mutable_cosine(); },
     "adam.schedule.cosine.steps"},
    {"SnapshotsOutOfOrder",
     [](auto& r) {
       r.mutable_trace()->add_snapshot_scores(0.8);
       r.mutable_trace()->add_snapshot_scores(0.6);
     },
     "trace.snapshot_scores[1]"},
    {"SnapshotTwice",
     [](auto& r) {
       r.mutable_trace()->add_snapshot_scores(0.8);
       r.mutable_trace()->add_snapshot_scores(0.8);
     },
     "trace.snapshot_scores[1]"},
    {"SnapshotOutOfRange",
     [](auto& r) { r.mutable_trace()->add_snapshot_scores(1.5); },
     "trace.snapshot_scores[0]"},
    {"DecodeEvery",
     [](auto& r) {
       r.mutable_trace()->mutable_decoding();
       r.mutable_trace()->set_decode_every(0);
     },
     "trace.decode_every"},
    {"UnknownLabel",
     [](auto& r) {
       r.mutable_trace()->mutable_decoding()->add_labels("colour");
     },
     "trace.decoding.labels[0]"},
    {"SingleClass",
     [](auto& r) { r.mutable_trace()->mutable_decoding()->add_labels("same"); },
     "trace.decoding.labels[0]"},
    {"FewerMembersThanFolds",
     [](auto& r) { r.mutable_trace()->mutable_decoding()->add_labels("rare"); },
     "trace.decoding.folds"},
};

INSTANTIATE_TEST_SUITE_P(Optimize,
                         BadMembersTest,
                         ::testing::ValuesIn(kBadMembers),
                         [](const auto& test) { return test.param.name; });

struct BadWalk {
  const char* name;
  void (*change)(v1::JointOptimizeRequest&);
  const char* field;
};

class BadWalkTest : public AnalysisFixture,
                    public ::testing::WithParamInterface<BadWalk> {};

TEST_P(BadWalkTest, IsInvalidArgumentNamingTheField) {
  v1::JointOptimizeRequest request = TwoTargets();
  GetParam().change(request);
  std::vector<v1::RunEvent> events;

  ExpectError(JointOptimize(request, &events),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              GetParam().field);
}

constexpr BadWalk kBadWalks[] = {
    {"TargetOutOfRange",
     [](auto& r) { r.mutable_terms(1)->mutable_target()->set_value(1.5); },
     "terms[1].target.value"},
    {"FloorOutOfRange",
     [](auto& r) { r.mutable_terms(0)->mutable_floor()->set_value(-1.0); },
     "terms[0].floor.value"},
    {"NoGradient",
     [](auto& r) {
       r.mutable_terms(0)->mutable_measure()->set_id(
           "rsa(compare=kendall_tau_a)");
     },
     "terms[0].measure.id"},
    {"NoPoints", [](auto& r) { r.mutable_targets(); }, "targets.points"},
    {"TooFewValues",
     [](auto& r) { r.mutable_targets()->add_points()->add_values(0.5); },
     "targets.points[0].values"},
    {"PointOutOfRange",
     [](auto& r) {
       v1::TargetPoint* point = r.mutable_targets()->add_points();
       point->add_values(0.5);
       point->add_values(1.5);
     },
     "targets.points[0].values"},
    {"GridSide",
     [](auto& r) { r.mutable_grid()->set_points_per_side(1); },
     "grid.points_per_side"},
    {"GridTooLarge",
     [](auto& r) { r.mutable_grid()->set_points_per_side(17); },
     "grid.points_per_side"},
    {"GridRange",
     [](auto& r) { r.mutable_grid()->set_highest(1.5); },
     "grid.highest"},
    {"GridWithoutTargets",
     [](auto& r) {
       for (v1::ObjectiveTerm& term : *r.mutable_terms()) {
         term.mutable_maximize();
       }
       r.mutable_grid();
     },
     "grid"},
};

INSTANTIATE_TEST_SUITE_P(JointOptimize,
                         BadWalkTest,
                         ::testing::ValuesIn(kBadWalks),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace repscore::server
