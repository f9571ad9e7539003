// repscore calibrate, calibration, and what others say of calibrations
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/client/cli_fixture.h"
#include "tests/client/fake_calibration.h"

namespace repscore::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using CliCalibrationTest = CliFixture;

TEST_F(CliCalibrationTest, CalibrateSendsThePlan) {
  const CliResult result = Run({"calibrate",
                                "mante",
                                "-m",
                                "cka",
                                "-m",
                                "nbs",
                                "--restarts",
                                "5",
                                "--seed",
                                "9",
                                "--max-steps",
                                "200",
                                "--components",
                                "20",
                                "--decode",
                                "context",
                                "--decode-folds",
                                "4"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(server_.seen.calibrate.dataset(), "datasets/mante");
  const v1::CalibrationPlan& plan = server_.seen.calibrate.plan();
  ASSERT_EQ(plan.measures_size(), 2);
  EXPECT_EQ(plan.measures(1).id(), "nbs");
  EXPECT_EQ(plan.restarts(), 5);
  EXPECT_EQ(plan.seed(), 9);
  EXPECT_EQ(plan.max_steps(), 200);
  EXPECT_EQ(plan.principal_components(), 20);
  EXPECT_THAT(plan.decoding().labels(), ElementsAre("context"));
  EXPECT_EQ(plan.decoding().folds(), 4);
}

TEST_F(CliCalibrationTest, CalibrateLeavesTheRestToTheServer) {
  const CliResult result = Run({"calibrate", "mante"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::CalibrationPlan& plan = server_.seen.calibrate.plan();
  EXPECT_EQ(plan.measures_size(), 3);
  EXPECT_FALSE(plan.has_restarts());
  EXPECT_FALSE(plan.has_max_steps());
  EXPECT_FALSE(plan.has_principal_components());
  EXPECT_FALSE(plan.has_decoding());
}

TEST_F(CliCalibrationTest, CalibrateReturnsAtOnce) {
  server_.script.hold_result = true;

  const CliResult table = Run({"calibrate", "mante", "-m", "cka"});
  const CliResult document = Run({"calibrate", "mante", "-m", "cka", "--json"});

  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out,
              HasSubstr("runs/abc  running     0  cka(canonical=yes)\n"));
  EXPECT_EQ(json::parse(document.out)["runs"][0]["name"], kRun);
  EXPECT_EQ(server_.calls("WatchRun"), 0);
}

TEST_F(CliCalibrationTest, CalibrateWaitsIfAskedTo) {
  const CliResult result = Run({"calibrate", "mante", "-m", "cka", "--wait"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("runs/abc  succeeded     4"));
  EXPECT_EQ(server_.calls("WatchRun"), 1);
}

TEST_F(CliCalibrationTest, CtrlCWhileWaitingLeavesTheRunsAlone) {
  server_.script.hold_result = true;
  CliProcess process = Start({"calibrate", "mante", "-m", "cka", "--wait"});
  server_.WaitUntilHolding();

  process.Signal(SIGINT);

  EXPECT_EQ(process.Wait().exit_code, 130);
  EXPECT_FALSE(server_.run_is_cancelled());
}

TEST_F(CliCalibrationTest, FailedCalibrationNamesItsRun) {
  v1::RunResult& result = *server_.script.events.back().mutable_result();
  result.mutable_run()->set_state(v1::RUN_STATE_FAILED);
  result.mutable_run()->mutable_error()->ParseFromString(
      MakeError(grpc::StatusCode::INTERNAL, "diverged", {"DIVERGED", "", {}})
          .error_details());

  const CliResult run = Run({"calibrate", "mante", "-m", "cka", "--wait"});

  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.err, "repscore: error: runs/abc: diverged (DIVERGED)\n");
}

TEST_F(CliCalibrationTest, CalibrationShowsWhatScoresMean) {
  server_.script.calibrations = {MakeCalibration("cka(canonical=yes)", 3)};

  const CliResult result = Run({"calibration", "mante"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(server_.seen.calibration.measures().empty());
  EXPECT_THAT(
      result.out,
      StartsWith(
          "cka(canonical=yes)\n"
          "3 runs from noise: components captured (half way to 1), labels "
          "decoded\n"
          "\n"
          " score  steps  runs  components  context     sd  choice     sd\n"
          "0.0000      0     3  none          0.500  0.000   0.625  0.125\n"
          "0.5000     10     3  1-2           0.500  0.000   0.625  0.125\n"
          "1.0000     20     3  1-3           0.500  0.000   0.625  0.125\n"
          "\n"
          "label    chance  accuracy  recording  decodes at score\n"
          "context  0.5000               0.8750            0.9375\n"
          "choice   0.5000               0.8750       not reached\n"
          "\n"
          "landmark            value      sd\n"
          "noise              0.1250  0.0625\n"
          "condition_average  0.7500\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("variance share")));
}

TEST_F(CliCalibrationTest, CalibrationOfADistanceReadsTheOtherWay) {
  v1::MeasureCalibration calibration = MakeCalibration("distance", 3);
  for (v1::CalibrationPoint& point : *calibration.mutable_points()) {
    point.set_score(1.0 - point.score());
  }
  server_.script.calibrations = {calibration};

  const CliResult result = Run({"calibration", "mante"});

  EXPECT_THAT(result.out, HasSubstr("0.5000     10     3  2-3 "));
}

TEST_F(CliCalibrationTest, ManyPointsAreThinnedUnlessAllAreAskedFor) {
  server_.script.calibrations = {MakeCalibration("cka", 101)};

  const CliResult some = Run({"calibration", "mante", "-m", "cka"});
  const CliResult all = Run({"calibration", "mante", "--all", "--thresholds"});

  EXPECT_EQ(server_.calls("GetCalibration"), 2);
  EXPECT_THAT(some.out, HasSubstr("\n0.0000 "));
  EXPECT_THAT(some.out, HasSubstr("\n1.0000 "));
  EXPECT_THAT(some.out, Not(HasSubstr("\n0.0100 ")));
  EXPECT_THAT(all.out, HasSubstr("\n0.0100 "));
  EXPECT_THAT(all.out,
              HasSubstr("        4           0.125    not reached          not "
                        "reached\n"));
}

TEST_F(CliCalibrationTest, CalibrationIsADocumentForPrograms) {
  server_.script.calibrations = {MakeCalibration("cka", 3)};

  const CliResult result = Run({"calibration", "mante", "-m", "cka", "--json"});

  const json document = json::parse(result.out);
  EXPECT_EQ(server_.seen.calibration.measures(0).id(), "cka");
  EXPECT_EQ(document["measures"][0]["points"].size(), 3);
  EXPECT_FALSE(
      document["measures"][0]["label_thresholds"][1].contains("score"));
}

TEST_F(CliCalibrationTest, NoCalibrationYetIsSaid) {
  const CliResult result = Run({"calibration", "mante"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("repscore calibrate mante"));
}

TEST_F(CliCalibrationTest, ScoreSaysWhatItMeans) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult with =
      Run({"score", "mante", file, "-m", "cka", "--calibration"});
  const bool asked = server_.seen.score.context().calibration();
  const CliResult without = Run({"score", "mante", file, "-m", "cka"});

  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_TRUE(asked);
  EXPECT_THAT(
      with.out,
      HasSubstr("\ncka: optimised noise at this score captures PCs 1-3 and "
                "decodes context at 0.61 where the recording\n"
                "  gives 0.89; above the condition average\n"));
  EXPECT_FALSE(server_.seen.score.context().calibration());
  EXPECT_THAT(without.out, Not(HasSubstr("optimised noise")));
}

TEST_F(CliCalibrationTest, RegistrationTakesAPlanAlong) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult with = Run({"datasets",
                              "register",
                              "mante",
                              file,
                              "--calibrate",
                              "cka",
                              "nbs",
                              "--calibration-restarts",
                              "5",
                              "--calibration-seed",
                              "2",
                              "--calibration-max-steps",
                              "100",
                              "--calibration-components",
                              "8"});
  const v1::CalibrationPlan plan = server_.seen.header.calibration();
  const CliResult without = Run({"datasets", "register", "mante", file});

  EXPECT_EQ(with.exit_code, 0) << with.err;
  ASSERT_EQ(plan.measures_size(), 2);
  EXPECT_EQ(plan.measures(0).id(), "cka");
  EXPECT_EQ(plan.measures(1).id(), "nbs");
  EXPECT_EQ(plan.restarts(), 5);
  EXPECT_EQ(plan.seed(), 2);
  EXPECT_EQ(plan.max_steps(), 100);
  EXPECT_EQ(plan.principal_components(), 8);
  EXPECT_EQ(without.exit_code, 0) << without.err;
  EXPECT_FALSE(server_.seen.header.has_calibration());
}

TEST_F(CliCalibrationTest, WrongUsageNamesTheFlag) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});
  for (const auto& [arguments, flag] :
       {std::pair(std::vector<std::string>{"calibrate"}, "DATASET"),
        {{"calibrate", "mante", "--restarts", "few"}, "--restarts"},
        {{"calibrate", "mante", "--seed", "-1"}, "--seed"},
        {{"calibration", "mante", "--every", "3"}, "--every"},
        {{"datasets", "register", "a", file, "--calibration-seed", "1"},
         "--calibrate"}}) {
    const CliResult result = Run(arguments);

    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(result.err, HasSubstr(flag));
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace repscore::client
