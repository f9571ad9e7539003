// Calibrations: plans, the runs they start, and what scores mean by them.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "repscore/v1/comparison.grpc.pb.h"
#include "tests/server/analysis_fixture.h"

namespace repscore::server {
namespace {

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;

class CalibrationTest : public AnalysisFixture {
 protected:
  static v1::CalibrateDatasetRequest Small() {
    v1::CalibrateDatasetRequest request;
    request.set_dataset(kDataset);
    *request.mutable_plan() = SmallPlan();
    return request;
  }

  /// Names of the runs of the plan, once they have ended.
  std::vector<std::string> CalibrateToTheEnd(
      const v1::CalibrateDatasetRequest& request) {
    v1::CalibrateDatasetResponse response;
    const grpc::Status status = Calibrate(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> names;
    for (const v1::Run& run : response.runs()) {
      EXPECT_EQ(AwaitEnd(run.name()).state(), v1::RUN_STATE_SUCCEEDED);
      names.push_back(run.name());
    }
    return names;
  }

  std::vector<v1::Run> ListRuns() {
    grpc::ClientContext context;
    v1::ListRunsResponse response;
    EXPECT_TRUE(runs_->ListRuns(&context, {}, &response).ok());
    return {response.runs().begin(), response.runs().end()};
  }

  v1::Score ScoreWithCalibration(const std::string& measure) {
    v1::ScoreRequest request;
    request.set_dataset(kDataset);
    *request.mutable_candidate() = MakeTensor(kTimes * kConditions, 6, 9);
    request.add_measures()->set_id(measure);
    request.mutable_context()->set_calibration(true);
    v1::ScoreResponse response;
    const grpc::Status status = Score(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.scores(0);
  }
};

TEST_F(CalibrationTest, ThePlanAgainGivesTheRunsThatAreThere) {
  v1::CalibrateDatasetRequest request = Small();
  request.mutable_plan()->add_measures()->set_id("nbs");

  const std::vector<std::string> first = CalibrateToTheEnd(request);
  const std::vector<std::string> second = CalibrateToTheEnd(request);
  request.mutable_plan()->set_seed(1);
  const std::vector<std::string> other = CalibrateToTheEnd(request);

  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
  EXPECT_EQ(ListRuns().size(), 4U);
  EXPECT_EQ(GetRun(first[0]).members(), 2);
}

TEST_F(CalibrationTest, ACalibrationTellsWhatScoresMean) {
  CalibrateToTheEnd(Small());
  v1::GetCalibrationRequest request;
  request.set_dataset(kDataset);
  v1::GetCalibrationResponse all;
  v1::GetCalibrationResponse named;
  v1::GetCalibrationResponse again;

  const grpc::Status status = GetCalibration(request, &all);
  request.add_measures()->set_id("cka");
  ASSERT_TRUE(GetCalibration(request, &named).ok());
  StopServer();
  StartAnalysis();
  ASSERT_TRUE(GetCalibration(request, &again).ok());

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(all.measures_size(), 1);
  const v1::MeasureCalibration& calibration = all.measures(0);
  EXPECT_EQ(calibration.runs(), 2);
  EXPECT_EQ(calibration.variance_shares_size(), 4);
  EXPECT_EQ(calibration.component_thresholds_size(), 4);
  ASSERT_EQ(calibration.labels_size(), 1);
  EXPECT_EQ(calibration.labels(0).label(), "context");
  ASSERT_GT(calibration.points_size(), 1);
  for (int i = 1; i < calibration.points_size(); ++i) {
    EXPECT_GT(calibration.points(i).score(), calibration.points(i - 1).score());
    EXPECT_EQ(calibration.points(i).component_r2_size(), 4);
    EXPECT_EQ(calibration.points(i).accuracy_size(), 1);
  }
  EXPECT_GT(calibration.landmarks_size(), 2);
  EXPECT_EQ(named.SerializeAsString(), all.SerializeAsString());
  EXPECT_EQ(again.SerializeAsString(), all.SerializeAsString());
}

TEST_F(CalibrationTest, AMeasureWithoutRunsIsNotFound) {
  v1::GetCalibrationRequest request;
  request.set_dataset(kDataset);
  v1::GetCalibrationResponse response;
  EXPECT_TRUE(GetCalibration(request, &response).ok());
  EXPECT_EQ(response.measures_size(), 0);

  request.add_measures()->set_id("nbs");

  ExpectError(GetCalibration(request, &response),
              grpc::StatusCode::NOT_FOUND,
              "CALIBRATION_NOT_FOUND",
              "measures[0]");
}

TEST_F(CalibrationTest, ScoresCarryAReadingOnceThereIsOne) {
  const v1::Score before = ScoreWithCalibration("cka");
  CalibrateToTheEnd(Small());
  EXPECT_TRUE(Eventually([&] {
    return ScoreWithCalibration("cka")
               .context()
               .calibration()
               .landmarks_size() > 0;
  }));

  const v1::Score after = ScoreWithCalibration("cka");
  const v1::Score other = ScoreWithCalibration("nbs");

  EXPECT_FALSE(before.context().has_calibration());
  ASSERT_EQ(before.context().notes_size(), 1);
  EXPECT_EQ(before.context().notes(0).reason(), "CALIBRATION_MISSING");
  EXPECT_NE(before.context().notes(0).message().find("CalibrateDataset"),
            std::string::npos);
  EXPECT_EQ(before.value(), after.value());
  const v1::CalibrationReading& reading = after.context().calibration();
  EXPECT_FALSE(reading.statement().empty());
  EXPECT_EQ(reading.runs(), 2);
  EXPECT_EQ(reading.components(), 4);
  ASSERT_EQ(reading.labels_size(), 1);
  EXPECT_EQ(reading.labels(0).label().label(), "context");
  EXPECT_EQ(after.context().notes_size(), 0);
  EXPECT_EQ(other.context().notes(0).reason(), "CALIBRATION_MISSING");
}

TEST_F(CalibrationTest, RunsByHandCountWhenTheyFollowFromNoise) {
  v1::OptimizeRequest request = OptimizeSteps(20);
  request.set_dataset(kDataset);
  request.mutable_adam()->set_learning_rate(0.1);
  std::vector<v1::RunEvent> events;
  ASSERT_TRUE(Optimize(request, &events).ok());
  EXPECT_FALSE(ScoreWithCalibration("cka").context().has_calibration());
  request.mutable_trace()->set_principal_components(2);
  *request.mutable_start()->mutable_candidate() =
      MakeTensor(kTimes * kConditions, 6, 2);
  ASSERT_TRUE(Optimize(request, &events).ok());
  EXPECT_FALSE(ScoreWithCalibration("cka").context().has_calibration());

  request.clear_start();
  ASSERT_TRUE(Optimize(request, &events).ok());

  EXPECT_EQ(ScoreWithCalibration("cka").context().calibration().runs(), 1);
}

TEST_F(CalibrationTest, AnInlineReferenceHasNone) {
  const auto comparison = v1::ComparisonService::NewStub(channel_);
  v1::CompareRequest request;
  *request.mutable_candidate() = MakeTensor(30, 4, 1);
  *request.mutable_reference() = MakeTensor(30, 4, 2);
  request.add_measures()->set_id("cka");
  request.mutable_context()->set_calibration(true);
  grpc::ClientContext context;
  v1::CompareResponse response;

  ASSERT_TRUE(comparison->Compare(&context, request, &response).ok());

  ASSERT_EQ(response.scores(0).context().notes_size(), 1);
  EXPECT_EQ(response.scores(0).context().notes(0).reason(),
            "CALIBRATION_MISSING");
}

TEST_F(CalibrationTest, ARegisteredPlanRunsByItself) {
  v1::RegisterDatasetHeader header = LabelledHeader("planned");
  *header.mutable_calibration() = SmallPlan();
  v1::RegisterDatasetResponse response;

  const grpc::Status status = Register(header, LabelledData(), &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(Eventually([&] {
    const std::vector<v1::Run> runs = ListRuns();
    return runs.size() == 1 && runs[0].state() == v1::RUN_STATE_SUCCEEDED;
  }));
  // Registering again asks for runs that are there.
  ASSERT_TRUE(Register(header, LabelledData(), &response).ok());
  EXPECT_TRUE(response.already_registered());
  StopServer();
  StartAnalysis();
  EXPECT_EQ(ListRuns().size(), 1U);
}

TEST_F(CalibrationTest, PlansWaitForRoom) {
  StopServer();
  config_.max_runs = 1;
  StartAnalysis();
  v1::OptimizeRequest busy = OptimizeSteps(1'000'000);
  busy.set_dataset(kDataset);
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, busy);
  v1::OptimizeResponse event;
  ASSERT_TRUE(reader->Read(&event));
  v1::RegisterDatasetHeader header = LabelledHeader("planned");
  *header.mutable_calibration() = SmallPlan();
  header.mutable_calibration()->add_measures()->set_id("nbs");
  v1::RegisterDatasetResponse response;
  ASSERT_TRUE(Register(header, LabelledData(), &response).ok());
  v1::CalibrateDatasetResponse refused;
  ExpectError(Calibrate(Small(), &refused),
              grpc::StatusCode::RESOURCE_EXHAUSTED,
              "QUEUE_FULL",
              "");

  context.TryCancel();
  reader->Finish();

  EXPECT_TRUE(Eventually([&] {
    int succeeded = 0;
    for (const v1::Run& run : ListRuns()) {
      succeeded += run.state() == v1::RUN_STATE_SUCCEEDED ? 1 : 0;
    }
    return succeeded == 2;
  }));
}

struct BadPlan {
  const char* name;
  void (*change)(v1::CalibrationPlan&);
  const char* field;
};

class BadPlanTest : public CalibrationTest,
                    public ::testing::WithParamInterface<BadPlan> {};

TEST_P(BadPlanTest, IsRefusedWhenCalibratingAndBeforeAnUpload) {
  v1::CalibrateDatasetRequest request = Small();
  GetParam().change(*request.mutable_plan());
  v1::CalibrateDatasetResponse runs;
  v1::RegisterDatasetHeader header = LabelledHeader("planned");
  *header.mutable_calibration() = request.plan();
  v1::RegisterDatasetResponse response;

  const grpc::Status calibrated = Calibrate(request, &runs);
  // Without a byte of data: the header alone is refused.
  const grpc::Status registered = Register(header, "", &response);

  ExpectError(calibrated,
              kInvalid,
              "INVALID_ARGUMENT",
              std::string("plan.") + GetParam().field);
  ExpectError(registered,
              kInvalid,
              "INVALID_ARGUMENT",
              std::string("calibration.") + GetParam().field);
  EXPECT_TRUE(ListRuns().empty());
}

constexpr BadPlan kBadPlans[] = {
    {"NoMeasures", [](auto& p) { p.clear_measures(); }, "measures"},
    {"NoGradient",
     [](auto& p) { p.add_measures()->set_id("rsa(compare=kendall_tau_a)"); },
     "measures[1].id"},
    {"NoRestarts", [](auto& p) { p.set_restarts(0); }, "restarts"},
    {"TooManyRestarts", [](auto& p) { p.set_restarts(65); }, "restarts"},
    {"NoSteps", [](auto& p) { p.set_max_steps(0); }, "max_steps"},
    {"Components",
     [](auto& p) { p.set_principal_components(-1); },
     "principal_components"},
    {"UnknownLabel",
     [](auto& p) { p.mutable_decoding()->add_labels("colour"); },
     "decoding.labels[1]"},
    {"SingleClass",
     [](auto& p) { p.mutable_decoding()->set_labels(0, "same"); },
     "decoding.labels[0]"},
    {"Folds",
     [](auto& p) { p.mutable_decoding()->set_folds(9); },
     "decoding.folds"},
};

INSTANTIATE_TEST_SUITE_P(Plans,
                         BadPlanTest,
                         ::testing::ValuesIn(kBadPlans),
                         [](const auto& test) { return test.param.name; });

TEST_F(CalibrationTest, AMeasureWithoutGradientNamesThoseWithOne) {
  v1::CalibrateDatasetRequest request = Small();
  request.mutable_plan()->mutable_measures(0)->set_id(
      "rsa(compare=kendall_tau_a)");
  v1::CalibrateDatasetResponse response;

  const grpc::Status status = Calibrate(request, &response);

  EXPECT_NE(status.error_message().find("cka"), std::string::npos)
      << status.error_message();
}

}  // namespace
}  // namespace repscore::server
