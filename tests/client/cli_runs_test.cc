#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/client/cli_fixture.h"

namespace repscore::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using CliRunsTest = CliFixture;

TEST_F(CliRunsTest, OptimizeSendsWhatTheFlagsSay) {
  const CliResult result = Run({"optimize",
                                "mante",
                                "-m",
                                "cka",
                                "--seed",
                                "7",
                                "--features",
                                "20",
                                "--lr",
                                "0.5",
                                "--beta1",
                                "0.8",
                                "--beta2",
                                "0.99",
                                "--epsilon",
                                "1e-6",
                                "--stop-score",
                                "0.9",
                                "--max-steps",
                                "50",
                                "--max-time",
                                "1.5",
                                "--plateau-patience",
                                "10",
                                "--plateau-delta",
                                "1e-3",
                                "--every",
                                "5",
                                "--track",
                                "nbs",
                                "--track",
                                "linear_r2",
                                "--components",
                                "3",
                                "--precision",
                                "float64"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::OptimizeRequest& request = server_.seen.optimize;
  EXPECT_EQ(request.dataset(), "datasets/mante");
  EXPECT_EQ(request.measure().id(), "cka");
  EXPECT_EQ(request.start().gaussian().seed(), 7);
  EXPECT_EQ(request.start().gaussian().features(), 20);
  EXPECT_EQ(request.adam().learning_rate(), 0.5);
  EXPECT_EQ(request.adam().beta1(), 0.8);
  EXPECT_EQ(request.adam().beta2(), 0.99);
  EXPECT_EQ(request.adam().epsilon(), 1e-6);
  EXPECT_EQ(request.stopping().score(), 0.9);
  EXPECT_EQ(request.stopping().max_steps(), 50);
  EXPECT_EQ(request.stopping().max_time().seconds(), 1);
  EXPECT_EQ(request.stopping().max_time().nanos(), 500'000'000);
  EXPECT_EQ(request.stopping().plateau().patience(), 10);
  EXPECT_EQ(request.stopping().plateau().min_delta(), 1e-3);
  EXPECT_EQ(request.trace().every(), 5);
  EXPECT_EQ(request.trace().tracked(1).id(), "linear_r2");
  EXPECT_EQ(request.trace().principal_components(), 3);
  EXPECT_EQ(request.precision(), v1::PRECISION_FLOAT64);
  EXPECT_FALSE(request.detach());
  EXPECT_FALSE(request.return_candidate());
}

TEST_F(CliRunsTest, WhatIsNotGivenIsLeftToTheServer) {
  const CliResult result = Run({"optimize", "mante", "-m", "cka"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::OptimizeRequest& request = server_.seen.optimize;
  EXPECT_FALSE(request.adam().has_learning_rate());
  EXPECT_FALSE(request.stopping().has_score());
  EXPECT_FALSE(request.stopping().has_max_time());
  EXPECT_FALSE(request.stopping().has_plateau());
  EXPECT_FALSE(request.trace().has_every());
  EXPECT_EQ(request.precision(), v1::PRECISION_UNSPECIFIED);
}

TEST_F(CliRunsTest, StartComesFromAFileOrADataset) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  Run({"optimize", "mante", "-m", "cka", "--start", file});
  const v1::StartPoint from_file = server_.seen.optimize.start();
  Run({"optimize", "mante", "-m", "cka", "--start", "datasets/other"});
  const v1::StartPoint from_dataset = server_.seen.optimize.start();

  EXPECT_EQ(from_file.candidate().data().size(), 32);
  EXPECT_EQ(from_dataset.dataset(), "datasets/other");
}

TEST_F(CliRunsTest, OptimizeShowsTheRunAndItsResult) {
  const CliResult result = Run({"optimize", "mante", "-m", "cka"});

  EXPECT_THAT(result.out, HasSubstr("run        runs/abc\n"));
  EXPECT_THAT(result.out, HasSubstr("stopped by  score reached\n"));
  EXPECT_THAT(result.out, HasSubstr("steps       4 in 0.04 s\n"));
  EXPECT_THAT(result.out, HasSubstr("0.99123457\n"));
  EXPECT_THAT(result.out, HasSubstr("close to its bound (SATURATED)\n"));
  EXPECT_EQ(result.err, "");
}

TEST_F(CliRunsTest, JsonIsALinePerEvent) {
  const CliResult result = Run({"optimize", "mante", "-m", "cka", "--json"});

  const auto lines = Lines(result.out);
  ASSERT_EQ(lines.size(), 7);
  EXPECT_EQ(json::parse(lines[0])["started"]["run"]["name"], kRun);
  EXPECT_EQ(json::parse(lines[3])["sequence"], 4);
  EXPECT_EQ(json::parse(lines[3])["point"]["step"], 2);
  EXPECT_EQ(json::parse(lines[6])["result"]["run"]["state"],
            "RUN_STATE_SUCCEEDED");
}

TEST_F(CliRunsTest, TraceAsCsvHasAColumnPerNumber) {
  const CliResult result =
      Run({"optimize", "mante", "-m", "cka", "--trace", Path("t.csv")});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = Lines(ReadText("t.csv"));
  ASSERT_EQ(lines.size(), 6);
  EXPECT_EQ(
      lines[0],
      "member,step,objective,\"ridge_r2(folds=rows_contiguous(5),lambda=1)\","
      "\"cka\",gradient_norm,candidate_norm,pc1_r2,pc2_r2,"
      "elapsed_seconds");
  EXPECT_EQ(lines[1], "0,0,0,0,0.25,0.5,12,0.75,0.125,0");
  EXPECT_EQ(lines[4],
            "0,3,0.30000000000000004,0.30000000000000004,0.25,0.5,12,0.75,"
            "0.125,0.03");
}

TEST_F(CliRunsTest, TraceAsJsonIsOneDocument) {
  const CliResult result =
      Run({"optimize", "mante", "-m", "cka", "--trace", Path("t.json")});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json trace = json::parse(ReadText("t.json"));
  EXPECT_EQ(trace["run"], kRun);
  EXPECT_EQ(trace["measures"], json({kMeasure}));
  EXPECT_EQ(trace["tracked"], json({kTracked}));
  ASSERT_EQ(trace["points"].size(), 5);
  EXPECT_EQ(trace["points"][2]["step"], 2);
}

TEST_F(CliRunsTest, OutputIsTheOptimisedArray) {
  const CliResult result =
      Run({"optimize", "mante", "-m", "cka", "--output", Path("y.npy")});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto array = ReadArrayFile(Path("y.npy"));
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->spec,
            (ArraySpec{.type = DataType::kFloat64, .shape = {2, 3}}));
  EXPECT_EQ(
      std::memcmp(
          array->data.data(), CandidateBytes().data(), CandidateBytes().size()),
      0);
}

TEST_F(CliRunsTest, FilesThatCannotBeWrittenEndTheCommandBeforeTheRun) {
  const CliResult trace =
      Run({"optimize", "mante", "-m", "cka", "--trace", "/nowhere/trace.csv"});
  const CliResult output =
      Run({"optimize", "mante", "-m", "cka", "--output", "/nowhere/y.npy"});

  EXPECT_EQ(trace.exit_code, 2);
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_EQ(server_.calls("Optimize"), 0);
}

TEST_F(CliRunsTest, DetachedRunPrintsItsNameAndGoesOn) {
  server_.script.hold_result = true;

  const CliResult result = Run({"optimize", "mante", "-m", "cka", "--detach"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "runs/abc\n");
  EXPECT_TRUE(server_.seen.optimize.detach());
  EXPECT_FALSE(server_.run_is_cancelled());
}

TEST_F(CliRunsTest, CtrlCCancelsTheRunAndKeepsTheTrace) {
  server_.script.hold_result = true;
  CliProcess process = Start(
      {"--json", "optimize", "mante", "-m", "cka", "--trace", Path("t.csv")});
  process.WaitForOutput("\"sequence\":6");

  process.Signal(SIGINT);

  const CliResult result = process.Wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(server_.run_is_cancelled());
  EXPECT_THAT(result.out, HasSubstr("STOP_REASON_CANCELLED"));
  EXPECT_EQ(Lines(ReadText("t.csv")).size(), 6);
}

TEST_F(CliRunsTest, CtrlCWhileWatchingLeavesTheRunAlone) {
  server_.script.hold_result = true;
  CliProcess process = Start({"--json", "runs", "watch", "abc"});
  process.WaitForOutput("\"sequence\":6");

  process.Signal(SIGINT);

  EXPECT_EQ(process.Wait().exit_code, 130);
  EXPECT_FALSE(server_.run_is_cancelled());
  EXPECT_EQ(server_.calls("CancelRun"), 0);
}

TEST_F(CliRunsTest, RunCancelledByOthersIsAnError) {
  v1::RunResult& result = *server_.script.events.back().mutable_result();
  MarkCancelled(result);

  const CliResult run = Run({"optimize", "mante", "-m", "cka"});

  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.err, "repscore: error: runs/abc was cancelled at step 4\n");
}

TEST_F(CliRunsTest, JointGoalsAreCutAtTheLastEqualsSign) {
  const CliResult result = Run({"joint-optimize",
                                "mante",
                                "--maximize",
                                "nbs",
                                "--target",
                                "ridge_r2(folds=rows_contiguous(5))=0.5",
                                "--floor",
                                "cka=-0.25",
                                "--target-loss",
                                "squared",
                                "--weight",
                                "ridge_r2(folds=rows_contiguous(5))=3",
                                "--goal-tolerance",
                                "0.01",
                                "--both"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::JointOptimizeRequest& request = server_.seen.joint;
  ASSERT_EQ(request.terms_size(), 3);
  EXPECT_TRUE(request.terms(0).has_maximize());
  EXPECT_FALSE(request.terms(0).has_weight());
  EXPECT_EQ(request.terms(1).measure().id(),
            "ridge_r2(folds=rows_contiguous(5))");
  EXPECT_EQ(request.terms(1).target().value(), 0.5);
  EXPECT_EQ(request.terms(1).target().loss(), v1::TARGET_LOSS_SQUARED);
  EXPECT_EQ(request.terms(1).weight(), 3);
  EXPECT_EQ(request.terms(2).floor().value(), -0.25);
  EXPECT_EQ(request.moves(), v1::MOVES_BOTH);
  EXPECT_EQ(request.stopping().goal_tolerance(), 0.01);
}

TEST_F(CliRunsTest, JointResultShowsWhatBecameOfTheGoals) {
  v1::RunResult& scripted = *server_.script.events.back().mutable_result();
  scripted.mutable_run()->set_kind(v1::RUN_KIND_JOINT_OPTIMIZE);
  v1::GoalVerdict& verdict = *scripted.add_verdicts();
  verdict.set_measure("cka");
  verdict.set_value(0.625);
  verdict.set_residual(0.125);

  const CliResult result =
      Run({"joint-optimize", "mante", "--target", "cka=0.5"});

  EXPECT_THAT(result.out,
              HasSubstr("goal  value  residual  reached\n"
                        "cka   0.625     0.125  no\n"));
}

TEST_F(CliRunsTest, WatchAfterAnEventStillNamesTheTracesColumns) {
  const CliResult result =
      Run({"runs", "watch", "abc", "--after", "4", "--trace", Path("t.csv")});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = Lines(ReadText("t.csv"));
  ASSERT_EQ(lines.size(), 3);
  EXPECT_THAT(lines[0], HasSubstr(kMeasure));
  EXPECT_EQ(lines[1].substr(0, 4), "0,3,");
  EXPECT_THAT(server_.seen.watched_after, ElementsAre(0, 4));
}

TEST_F(CliRunsTest, RunsAreListedShownAndCancelled) {
  v1::Run& run = server_.script.runs.emplace_back();
  run.set_name(kRun);
  run.set_kind(v1::RUN_KIND_JOINT_OPTIMIZE);
  run.set_state(v1::RUN_STATE_RUNNING);
  run.set_step(12);
  run.add_scores(0.5);

  const CliResult listed = Run({"runs", "list"});
  const CliResult document = Run({"runs", "list", "--json"});
  const CliResult shown = Run({"runs", "show", "abc"});
  const CliResult cancelled = Run({"runs", "cancel", "abc"});

  EXPECT_THAT(listed.out,
              HasSubstr("runs/abc  joint optimize  running    12  0.5"));
  EXPECT_EQ(json::parse(document.out)["runs"][0]["step"], 12);
  EXPECT_THAT(shown.out, HasSubstr(kMeasure));
  EXPECT_THAT(cancelled.out, HasSubstr("state       cancelled"));
  EXPECT_TRUE(server_.run_is_cancelled());
}

TEST_F(CliRunsTest, FailedRunIsTheServersError) {
  v1::RunResult& result = *server_.script.events.back().mutable_result();
  result.mutable_run()->set_state(v1::RUN_STATE_FAILED);
  result.mutable_run()->mutable_error()->ParseFromString(
      MakeError(grpc::StatusCode::INTERNAL, "diverged", {"DIVERGED", "", {}})
          .error_details());

  const CliResult run = Run({"optimize", "mante", "-m", "cka"});

  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.err, "repscore: error: diverged (DIVERGED)\n");
}

TEST_F(CliRunsTest, TerminalShowsAProgressLineThatIsWipedAtTheEnd) {
  CliProcess process(
      server_.folder(),
      {"--server", server_.address(), "optimize", "mante", "-m", "cka"},
      {},
      /*with_terminal=*/true);

  const CliResult result = process.Wait();

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("\r\x1b[Kstep 0  score 0.000000"));
  EXPECT_THAT(result.err, testing::EndsWith("\r\x1b[K"));
}

TEST_F(CliRunsTest, BrokenStreamDoesNotShow) {
  server_.script.breaks = {3};

  const CliResult result =
      Run({"optimize", "mante", "-m", "cka", "--trace", Path("t.csv")});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Lines(ReadText("t.csv")).size(), 6);
  EXPECT_THAT(result.err, Not(HasSubstr("error")));
}

}  // namespace
}  // namespace repscore::client
