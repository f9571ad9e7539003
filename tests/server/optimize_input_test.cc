// What Optimize and JointOptimize refuse, and how they say it.
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

class OptimizeInputTest : public ServerFixture {
 protected:
  OptimizeInputTest() {
    StartServer();
    RegisterNormals("normals");
  }
};

struct BadOptimize {
  const char* name;
  void (*change)(v1::OptimizeRequest&);
  const char* field;
  const char* reason = "INVALID_ARGUMENT";
};

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class BadOptimizeTest : public OptimizeInputTest,
                        public ::testing::WithParamInterface<BadOptimize> {};

TEST_P(BadOptimizeTest, IsInvalidArgumentAndMakesNoRun) {
  v1::OptimizeRequest request = OptimizeSteps(10);
  GetParam().change(request);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ExpectError(status,
              grpc::StatusCode::INVALID_ARGUMENT,
              GetParam().reason,
              GetParam().field);
  EXPECT_TRUE(events.empty());
  grpc::ClientContext context;
  v1::ListRunsResponse response;
  ASSERT_TRUE(runs_->ListRuns(&context, {}, &response).ok());
  EXPECT_EQ(response.runs_size(), 0);
}

constexpr BadOptimize kBadOptimizes[] = {
    {"NoDataset", [](auto& r) { r.clear_dataset(); }, "dataset"},
    {"NoMeasure", [](auto& r) { r.clear_measure(); }, "measure.id"},
    {"LearningRateNan",
     [](auto& r) { r.mutable_adam()->set_learning_rate(kNan); },
     "adam.learning_rate"},
    {"LearningRateZero",
     [](auto& r) { r.mutable_adam()->set_learning_rate(0.0); },
     "adam.learning_rate"},
    {"LearningRateHuge",
     [](auto& r) { r.mutable_adam()->set_learning_rate(1e308); },
     "adam.learning_rate"},
    {"Beta1", [](auto& r) { r.mutable_adam()->set_beta1(1.0); }, "adam.beta1"},
    {"Beta2", [](auto& r) { r.mutable_adam()->set_beta2(kNan); }, "adam.beta2"},
    {"Epsilon",
     [](auto& r) { r.mutable_adam()->set_epsilon(0.0); },
     "adam.epsilon"},
    {"NoSteps",
     [](auto& r) { r.mutable_stopping()->set_max_steps(0); },
     "stopping.max_steps"},
    {"TooManySteps",
     [](auto& r) { r.mutable_stopping()->set_max_steps(int64_t{1} << 31); },
     "stopping.max_steps"},
    {"NegativeSteps",
     [](auto& r) { r.mutable_stopping()->set_max_steps(-1); },
     "stopping.max_steps"},
    {"ScoreNan",
     [](auto& r) { r.mutable_stopping()->set_score(kNan); },
     "stopping.score"},
    {"NegativeTime",
     [](auto& r) { r.mutable_stopping()->mutable_max_time()->set_seconds(-1); },
     "stopping.max_time"},
    {"MalformedTime",
     [](auto& r) {
       r.mutable_stopping()->mutable_max_time()->set_nanos(2'000'000'000);
     },
     "stopping.max_time"},
    {"Patience",
     [](auto& r) { r.mutable_stopping()->mutable_plateau(); },
     "stopping.plateau.patience"},
    {"TraceEvery",
     [](auto& r) { r.mutable_trace()->set_every(0); },
     "trace.every"},
    {"Components",
     [](auto& r) { r.mutable_trace()->set_principal_components(-1); },
     "trace.principal_components"},
    {"Tracked",
     [](auto& r) { r.mutable_trace()->add_tracked(); },
     "trace.tracked[0].id"},
    {"StartFeatures",
     [](auto& r) { r.mutable_start()->mutable_gaussian()->set_features(0); },
     "start.gaussian.features"},
    {"StartRows",
     [](auto& r) {
       *r.mutable_start()->mutable_candidate() = MakeTensor(39, 4, 1);
     },
     "start.candidate.spec.shape",
     "SHAPE_MISMATCH"},
    {"StartBytes",
     [](auto& r) {
       *r.mutable_start()->mutable_candidate() = MakeTensor(40, 4, 1);
       r.mutable_start()->mutable_candidate()->mutable_data()->pop_back();
     },
     "start.candidate.data"},
    {"StartDataset",
     [](auto& r) { r.mutable_start()->set_dataset("x"); },
     "start.dataset"},
    {"Precision",
     [](auto& r) { r.set_precision(static_cast<v1::Precision>(9)); },
     "precision"},
};

INSTANTIATE_TEST_SUITE_P(Optimize,
                         BadOptimizeTest,
                         ::testing::ValuesIn(kBadOptimizes),
                         [](const auto& test) { return test.param.name; });

struct BadJoint {
  const char* name;
  void (*change)(v1::JointOptimizeRequest&);
  const char* field;
};

class BadJointTest : public OptimizeInputTest,
                     public ::testing::WithParamInterface<BadJoint> {};

TEST_P(BadJointTest, IsInvalidArgumentNamingTheField) {
  v1::JointOptimizeRequest request;
  request.set_dataset("datasets/normals");
  request.add_terms()->mutable_measure()->set_id("cka");
  GetParam().change(request);
  grpc::ClientContext context;
  const auto reader = scoring_->JointOptimize(&context, request);
  v1::JointOptimizeResponse response;
  EXPECT_FALSE(reader->Read(&response));

  ExpectError(reader->Finish(),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              GetParam().field);
}

constexpr BadJoint kBadJoints[] = {
    {"NoTerms", [](auto& r) { r.clear_terms(); }, "terms"},
    {"TooManyTerms",
     [](auto& r) {
       for (int i = 0; i < 16; ++i) {
         r.add_terms()->mutable_measure()->set_id("cka");
       }
     },
     "terms"},
    {"WeightNan",
     [](auto& r) { r.mutable_terms(0)->set_weight(kNan); },
     "terms[0].weight"},
    {"TargetLoss",
     [](auto& r) {
       r.mutable_terms(0)->mutable_target()->set_loss(
           static_cast<v1::TargetLoss>(7));
     },
     "terms[0].target.loss"},
    {"TargetNan",
     [](auto& r) { r.mutable_terms(0)->mutable_target()->set_value(kNan); },
     "terms[0].target.value"},
    {"TermMeasure",
     [](auto& r) { r.mutable_terms(0)->mutable_measure()->set_id("("); },
     "terms[0].measure.id"},
    {"Moves", [](auto& r) { r.set_moves(static_cast<v1::Moves>(5)); }, "moves"},
    {"Tolerance",
     [](auto& r) { r.mutable_stopping()->set_goal_tolerance(-1.0); },
     "stopping.goal_tolerance"},
};

INSTANTIATE_TEST_SUITE_P(JointOptimize,
                         BadJointTest,
                         ::testing::ValuesIn(kBadJoints),
                         [](const auto& test) { return test.param.name; });

TEST_F(OptimizeInputTest, WhatIsOnlySeenOnTheLaneFailsTheRun) {
  v1::OptimizeRequest request = OptimizeSteps(10);
  v1::Tensor* start = request.mutable_start()->mutable_candidate();
  *start = MakeTensor(kRows, 4, 1);
  std::memcpy(start->mutable_data()->data(), &kNan, sizeof(kNan));
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ExpectError(status,
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "start.candidate");
  ASSERT_EQ(events.size(), 2U);
  const v1::Run& failed = events.back().result().run();
  EXPECT_EQ(failed.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(failed.error().code(),
            static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  EXPECT_EQ(GetRun(failed.name()).state(), v1::RUN_STATE_FAILED);
}

TEST_F(OptimizeInputTest, RunsThatCannotFitAreRefused) {
  v1::OptimizeRequest request = OptimizeSteps(10);
  request.mutable_start()->mutable_gaussian()->set_features(int64_t{1} << 40);
  std::vector<v1::RunEvent> events;

  const grpc::Status status = Optimize(request, &events);

  ExpectError(status, grpc::StatusCode::RESOURCE_EXHAUSTED, "HOST_MEMORY", "");
}

}  // namespace
}  // namespace repscore::server
