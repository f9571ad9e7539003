// Flags and results of optimize and joint-optimize beyond a single run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/cli_fixture.h"

namespace repscore::client {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CliExperimentTest : public CliFixture {
 protected:
  CliResult Optimize(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"optimize", "mante", "-m", "cka"});
    return Run(std::move(flags));
  }

  CliResult Joint(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"joint-optimize", "mante"});
    return Run(std::move(flags));
  }

  // Wrong usage, with an error that names the flag, before anything is sent.
  void ExpectBad(const CliResult& result, const std::string& flag) {
    EXPECT_EQ(result.exit_code, 2) << flag;
    EXPECT_THAT(result.err, HasSubstr(flag));
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(server_.calls("Optimize") + server_.calls("JointOptimize"), 0);
  }
};

TEST_F(CliExperimentTest, RestartsSnapshotsAndDecodingAreSent) {
  const CliResult result = Optimize({"--restarts",
                                     "16",
                                     "--snapshot",
                                     "0.5",
                                     "0.9",
                                     "--decode",
                                     "context",
                                     "choice",
                                     "--decode-folds",
                                     "4",
                                     "--decode-seed",
                                     "3",
                                     "--decode-c",
                                     "0.5",
                                     "--decode-pool-time-bins",
                                     "--decode-folds-of",
                                     "session",
                                     "--decode-every",
                                     "10",
                                     "--device",
                                     "cuda:0"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::OptimizeRequest& request = server_.seen.optimize;
  EXPECT_EQ(request.restarts(), 16);
  EXPECT_EQ(request.device(), "cuda:0");
  EXPECT_THAT(request.trace().snapshot_scores(), ElementsAre(0.5, 0.9));
  EXPECT_EQ(request.trace().decode_every(), 10);
  const v1::DecodingOptions& decoding = request.trace().decoding();
  EXPECT_THAT(decoding.labels(), ElementsAre("context", "choice"));
  EXPECT_EQ(decoding.folds(), 4);
  EXPECT_EQ(decoding.seed(), 3);
  EXPECT_EQ(decoding.c(), 0.5);
  EXPECT_TRUE(decoding.pool_time_bins());
  EXPECT_EQ(decoding.folds_of(), "session");
}

TEST_F(CliExperimentTest, WhatIsNotGivenIsNotSent) {
  const CliResult result = Optimize({});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::OptimizeRequest& request = server_.seen.optimize;
  EXPECT_FALSE(request.has_restarts());
  EXPECT_FALSE(request.has_lbfgs());
  EXPECT_FALSE(request.adam().has_schedule());
  EXPECT_FALSE(request.trace().has_decoding());
  EXPECT_FALSE(request.trace().has_decode_every());
  EXPECT_EQ(request.device(), "");
}

TEST_F(CliExperimentTest, DecodeAllAsksForEveryLabel) {
  const CliResult result = Optimize({"--decode-all"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(server_.seen.optimize.trace().has_decoding());
  EXPECT_TRUE(server_.seen.optimize.trace().decoding().labels().empty());
}

TEST_F(CliExperimentTest, SurrogateStartHasASeed) {
  const CliResult result = Optimize({"--start", "surrogate", "--seed", "7"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(server_.seen.optimize.start().surrogate().seed(), 7);
}

TEST_F(CliExperimentTest, FlagsOfAnotherStartAreWrongUsage) {
  ExpectBad(Optimize({"--start", "surrogate", "--features", "3"}),
            "--features");
  ExpectBad(Optimize({"--start", "datasets/other", "--seed", "1"}), "--seed");
}

TEST_F(CliExperimentTest, LbfgsReplacesAdam) {
  const CliResult result = Optimize({"--lbfgs",
                                     "--lbfgs-memory",
                                     "5",
                                     "--lbfgs-step",
                                     "0.5",
                                     "--lbfgs-trials",
                                     "9"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::OptimizeRequest& request = server_.seen.optimize;
  EXPECT_FALSE(request.has_adam());
  EXPECT_EQ(request.lbfgs().memory(), 5);
  EXPECT_EQ(request.lbfgs().initial_step(), 0.5);
  EXPECT_EQ(request.lbfgs().max_trials(), 9);
}

TEST_F(CliExperimentTest, LbfgsExcludesWhatIsOfAdam) {
  ExpectBad(Optimize({"--lbfgs", "--lr", "0.1"}), "--lr");
  ExpectBad(Optimize({"--lbfgs", "--schedule", "constant"}), "--schedule");
  ExpectBad(Optimize({"--lbfgs-memory", "5"}), "--lbfgs");
}

TEST_F(CliExperimentTest, SchedulesHaveNamesAndParameters) {
  const auto schedule = [&](const std::string& word) {
    const CliResult result = Optimize({"--schedule", word, "--warmup", "5"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(server_.seen.optimize.adam().schedule().warmup_steps(), 5);
    return server_.seen.optimize.adam().schedule();
  };

  const auto constant = schedule("constant");
  const auto cosine = schedule("cosine(steps=500,final=0.1)");
  const auto plain_cosine = schedule("cosine(steps=20)");
  const auto exponential = schedule("exponential(factor=0.5, every=100)");

  EXPECT_TRUE(constant.has_constant());
  EXPECT_EQ(cosine.cosine().steps(), 500);
  EXPECT_EQ(cosine.cosine().final_factor(), 0.1);
  EXPECT_EQ(plain_cosine.cosine().final_factor(), 0.0);
  EXPECT_EQ(exponential.exponential().factor(), 0.5);
  EXPECT_EQ(exponential.exponential().every(), 100);
}

TEST_F(CliExperimentTest, SchedulesThatAreNoneAreWrongUsage) {
  for (const char* word : {"linear",
                           "cosine",
                           "cosine(steps=many)",
                           "cosine(steps=1.5)",
                           "cosine(steps=nan)",
                           "cosine(steps=5",
                           "cosine(steps=5,floor=1)",
                           "constant(steps=5)",
                           "exponential(factor=0.5)"}) {
    ExpectBad(Optimize({"--schedule", word}), "--schedule");
  }
}

TEST_F(CliExperimentTest, DetailsOfDecodingNeedLabels) {
  ExpectBad(Optimize({"--decode-folds", "4"}), "--decode");
  ExpectBad(Optimize({"--decode-every", "4"}), "--decode");
  ExpectBad(Optimize({"--decode", "a", "--decode-all"}), "--decode-all");
  ExpectBad(Optimize({"--thresholds"}), "--thresholds");
}

TEST_F(CliExperimentTest, MembersHaveALineEach) {
  server_.script.events = MakeMemberEvents(2, /*with_targets=*/false);

  const CliResult result = Optimize({"--restarts", "2", "--decode", "context"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("members    2\n"));
  EXPECT_THAT(result.out, HasSubstr("best member  1\n"));
  EXPECT_THAT(result.out,
              HasSubstr("member  seed  ridge_r2  steps  stopped by\n"
                        "     0     7    0.5000     10  max steps\n"
                        "     1     8    0.6250     11  max steps\n"));
  EXPECT_THAT(result.out,
              HasSubstr(std::string("ridge_r2  = ") + kMeasure + "\n"));
  EXPECT_THAT(
      result.out,
      HasSubstr("label    chance  accuracy  recording  decodes at score\n"
                "context  0.5000    0.7500     0.8750   0.7500 (1 of 2)\n"));
  EXPECT_THAT(
      result.out,
      HasSubstr("member  passed   score  step  snapshot\n"
                "     0    0.25  0.3000     3  runs/abc/members/0/snapshots/0"
                "\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("half way")));
}

TEST_F(CliExperimentTest, ThresholdsShowWhereComponentsWereCaptured) {
  server_.script.events = MakeMemberEvents(2, /*with_targets=*/false);

  const CliResult result = Optimize({"--components", "1", "--thresholds"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr("component  variance share    half way to 1  half way to "
                "largest\n"
                "        1             0.5  0.3750 (2 of 2)          not "
                "reached\n"));
}

TEST_F(CliExperimentTest, TraceHasMembersAndDecodings) {
  server_.script.events = MakeMemberEvents(2, /*with_targets=*/false);

  const CliResult csv =
      Optimize({"--decode", "context", "--trace", Path("t.csv")});
  const CliResult document =
      Optimize({"--decode", "context", "--trace", Path("t.json")});

  EXPECT_EQ(csv.exit_code, 0) << csv.err;
  const auto lines = Lines(ReadText("t.csv"));
  ASSERT_EQ(lines.size(), 7);
  EXPECT_EQ(lines[0],
            "member,step,objective,"
            "\"ridge_r2(folds=rows_contiguous(5),lambda=1)\",\"cka\","
            "gradient_norm,candidate_norm,pc1_r2,pc2_r2,\"context_accuracy\","
            "elapsed_seconds");
  EXPECT_EQ(lines[2], "1,0,1,0,0.25,0.5,12,0.75,0.125,0.5,0");
  EXPECT_EQ(lines[4], "1,1,1.1,0.1,0.25,0.5,12,0.75,0.125,,0.01");
  EXPECT_EQ(document.exit_code, 0) << document.err;
  const json trace = json::parse(ReadText("t.json"));
  EXPECT_EQ(trace["labels"][0]["label"], "context");
  EXPECT_EQ(trace["members"][1]["seed"], 8);
  EXPECT_EQ(trace["points"][1]["member"], 1);
  EXPECT_EQ(trace["points"][4]["decoding"], json({0.75}));
}

TEST_F(CliExperimentTest, TerminalLineTellsOfTheMembers) {
  server_.script.events = MakeMemberEvents(2, /*with_targets=*/false);
  CliProcess process(
      server_.folder(),
      {"--server", server_.address(), "optimize", "mante", "-m", "cka"},
      {},
      /*with_terminal=*/true);

  const CliResult result = process.Wait();

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("step 0  2 members  best score 0.000000"));
}

TEST_F(CliExperimentTest, GridIsSentWithMeasuresAlone) {
  const CliResult result = Joint({"--target",
                                  "ridge_r2(lambda=1)",
                                  "--target",
                                  "nbs",
                                  "--grid",
                                  "4",
                                  "--boundary",
                                  "--grid-lowest",
                                  "0.1",
                                  "--grid-highest",
                                  "0.9",
                                  "--target-loss",
                                  "squared"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::JointOptimizeRequest& request = server_.seen.joint;
  ASSERT_EQ(request.terms_size(), 2);
  EXPECT_EQ(request.terms(0).measure().id(), "ridge_r2(lambda=1)");
  EXPECT_EQ(request.terms(0).target().loss(), v1::TARGET_LOSS_SQUARED);
  EXPECT_EQ(request.terms(1).measure().id(), "nbs");
  EXPECT_EQ(request.grid().points_per_side(), 4);
  EXPECT_TRUE(request.grid().boundary());
  EXPECT_EQ(request.grid().lowest(), 0.1);
  EXPECT_EQ(request.grid().highest(), 0.9);
}

TEST_F(CliExperimentTest, TargetListNamesItsMeasures) {
  const std::string file = WriteText(
      "targets.csv", "cka,\"ridge_r2(lambda=1,folds=loo)\"\n0.5,0.25\n1,0\n");

  const CliResult result = Joint({"--target-list", file, "--floor", "nbs=0.5"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::JointOptimizeRequest& request = server_.seen.joint;
  ASSERT_EQ(request.terms_size(), 3);
  EXPECT_TRUE(request.terms(0).has_target());
  EXPECT_EQ(request.terms(1).measure().id(), "ridge_r2(lambda=1,folds=loo)");
  EXPECT_TRUE(request.terms(2).has_floor());
  ASSERT_EQ(request.targets().points_size(), 2);
  EXPECT_THAT(request.targets().points(0).values(), ElementsAre(0.5, 0.25));
  EXPECT_THAT(request.targets().points(1).values(), ElementsAre(1, 0));
}

TEST_F(CliExperimentTest, WalksThatAreNoneAreWrongUsage) {
  const std::string list = WriteText("list.csv", "cka\n0.5\n");
  const std::string numbers = WriteText("numbers.csv", "0.1,0.2\n0.5,0.5\n");
  const std::string words = WriteText("words.csv", "cka,nbs\n0.5,high\n");
  const std::string ragged = WriteText("ragged.csv", "cka,nbs\n0.5\n");
  const std::string empty = WriteText("empty.csv", "cka,nbs\n");

  ExpectBad(Joint({"--target", "cka=0.5", "--grid", "4"}), "--grid");
  ExpectBad(Joint({"--maximize", "cka", "--grid", "4"}), "--grid");
  ExpectBad(Joint({"--target", "cka=0.5", "--boundary"}), "--boundary");
  ExpectBad(Joint({"--target", "cka=0.5", "--target-list", list}),
            "--target-list");
  ExpectBad(Joint({"--target-list", list, "--grid", "3"}), "--target-list");
  ExpectBad(Joint({"--target-list", numbers}), "numbers.csv");
  ExpectBad(Joint({"--target-list", words}), "words.csv: target 1: 'high'");
  ExpectBad(Joint({"--target-list", ragged}), "ragged.csv: target 1");
  ExpectBad(Joint({"--target-list", empty}), "empty.csv");
  ExpectBad(Joint({"--target-list", "/nowhere.csv"}), "/nowhere.csv");
}

TEST_F(CliExperimentTest, WalkShowsAVerdictPerTarget) {
  server_.script.events = MakeMemberEvents(2, /*with_targets=*/true);

  const CliResult result =
      Joint({"--target", "cka", "--target", "nbs", "--grid", "2"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr(
          "member  target cka  target nbs     cka     nbs  residual  "
          "reached  steps  stopped by\n"
          "     0      0.0000      0.5000  0.5000  0.5000    0.0000      "
          "yes     10  max steps\n"
          "     1      0.2500      0.5000  0.6250  0.6250    0.2500       "
          "no     11  max steps\n"));
}

TEST_F(CliExperimentTest, LongNamesAreNumberedInTheHead) {
  server_.script.events = MakeMemberEvents(1, /*with_targets=*/true);
  v1::RunEvent& started = server_.script.events.front();
  started.mutable_started()->mutable_run()->set_measures(
      1, "procrustes.angular_score");
  v1::RunResult& result = *server_.script.events.back().mutable_result();
  *result.add_members() = result.members(0);

  const CliResult walk =
      Joint({"--target", "cka", "--target", "nbs", "--grid", "2"});

  EXPECT_THAT(walk.out, HasSubstr("member  target #1  target #2      #1 "));
  EXPECT_THAT(walk.out,
              HasSubstr("#1  = cka(canonical=yes)\n"
                        "#2  = procrustes.angular_score\n"));
}

TEST_F(CliExperimentTest, AllowedRangeIsToldInWords) {
  server_.script.events = MakeMemberEvents(2, /*with_targets=*/true);
  v1::AllowedRange& range =
      *server_.script.events.back().mutable_result()->mutable_allowed_range();
  range.set_first_measure("procrustes.angular_score(a=1)");
  range.set_second_measure("cka");
  range.set_area_share(0.5);
  range.set_coupling(v1::COUPLING_FIRST_IMPLIES_SECOND);
  range.set_second_given_high_first(0.875);
  range.set_unsettled(3);
  v1::TheoreticalBound& holds = *range.add_bounds();
  holds.set_formula("a <= b");
  holds.set_source("Theorem 1");
  v1::TheoreticalBound& violated = *range.add_bounds();
  violated.set_formula("b <= c");
  violated.set_violation(0.25);

  const CliResult result =
      Joint({"--target", "cka", "--target", "nbs", "--grid", "2"});

  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("procrustes.angular_score x cka\n"),
            HasSubstr("0.5000 of the targets' hull\n"),
            HasSubstr("a high procrustes.angular_score forces cka up, not the "
                      "converse\n"),
            HasSubstr("procrustes.angular_score >= 0.9  cka at least 0.8750\n"),
            HasSubstr("cka >= 0.9                       no point got there\n"),
            HasSubstr("3 targets: more steps come nearer\n"),
            HasSubstr("a <= b: holds everywhere\n"),
            HasSubstr("b <= c: violated by 0.25\n")));
}

TEST_F(CliExperimentTest, ArrayOfARunGoesToAFile) {
  const CliResult result = Run(
      {"runs", "array", "abc/members/1/snapshots/0", "--out", Path("x.npy")});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(server_.seen.array_name, "runs/abc/members/1/snapshots/0");
  const auto array = ReadArrayFile(Path("x.npy"));
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->spec,
            (ArraySpec{.type = DataType::kFloat64, .shape = {2, 3}}));
  EXPECT_THAT(result.out, HasSubstr("float64 [2 x 3]"));
}

TEST_F(CliExperimentTest, RunOfOneMemberIsNameEnoughForItsArray) {
  const CliResult one =
      Run({"--json", "runs", "array", "abc", "--out", Path("x.npy")});
  const std::string read = server_.seen.array_name;
  server_.script.events = MakeMemberEvents(3, /*with_targets=*/false);
  const CliResult several =
      Run({"runs", "array", "abc", "--out", Path("y.npy")});

  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(read, "runs/abc/members/0/candidate");
  EXPECT_EQ(json::parse(one.out)["shape"], json({2, 3}));
  EXPECT_EQ(several.exit_code, 2);
  EXPECT_THAT(several.err, HasSubstr("runs/abc has 3 members"));
}

TEST_F(CliExperimentTest, ArrayNeedsAFileThatCanBeWritten) {
  const CliResult none = Run({"runs", "array", "abc"});
  const CliResult nowhere =
      Run({"runs", "array", "abc", "--out", "/nowhere/x.npy"});

  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("--out"));
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_EQ(server_.calls("ReadRunArray"), 0);
}

}  // namespace
}  // namespace repscore::client
