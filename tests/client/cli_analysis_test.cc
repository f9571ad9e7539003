// repscore decode, baselines, perturb
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/cli_fixture.h"

namespace repscore::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using CliAnalysisTest = CliFixture;

TEST_F(CliAnalysisTest, DecodeSendsWhatTheFlagsSay) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult result = Run({"decode",
                                "mante",
                                file,
                                "--label",
                                "context",
                                "choice",
                                "--folds",
                                "4",
                                "--seed",
                                "3",
                                "--c",
                                "0.5",
                                "--pool-time-bins",
                                "--folds-of",
                                "session",
                                "--components",
                                "1",
                                "2",
                                "4",
                                "--repeats",
                                "5",
                                "--device",
                                "cpu"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::DecodeLabelsRequest& request = server_.seen.decode;
  EXPECT_EQ(request.dataset(), "datasets/mante");
  EXPECT_THAT(request.decoding().labels(), ElementsAre("context", "choice"));
  EXPECT_EQ(request.decoding().folds(), 4);
  EXPECT_EQ(request.decoding().seed(), 3);
  EXPECT_EQ(request.decoding().c(), 0.5);
  EXPECT_TRUE(request.decoding().pool_time_bins());
  EXPECT_EQ(request.decoding().folds_of(), "session");
  EXPECT_THAT(request.components(), ElementsAre(1, 2, 4));
  EXPECT_EQ(request.repeats(), 5);
  EXPECT_EQ(request.device(), "cpu");
  EXPECT_EQ(request.candidate().data().size(), 32);
}

TEST_F(CliAnalysisTest, DecodeLeavesTheRestToTheServer) {
  const CliResult result = Run({"decode", "mante"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::DecodeLabelsRequest& request = server_.seen.decode;
  EXPECT_FALSE(request.has_candidate());
  EXPECT_FALSE(request.has_repeats());
  EXPECT_FALSE(request.decoding().has_folds());
  EXPECT_TRUE(request.decoding().labels().empty());
}

TEST_F(CliAnalysisTest, DecodeOfADatasetHasNoColumnForItself) {
  const CliResult result = Run({"decode", "mante"});

  EXPECT_EQ(result.out,
            "label    classes  chance  accuracy      sd\n"
            "context        2  0.5000    0.2500  0.0625\n"
            "choice         2  0.5000    0.5000  0.0625\n"
            "note: mante: label 'cue' has one class (SINGLE_CLASS)\n"
            "\n"
            "datasets/mante/versions/1, float64 on cpu, repscore 9.9\n");
}

TEST_F(CliAnalysisTest, DecodeOfAnArrayStandsBesideTheRecording) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult result =
      Run({"decode", "mante", file, "--components", "1", "4", "--bins"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      StartsWith("label    classes  chance  accuracy      sd  recording\n"
                 "context        2  0.5000    0.2500  0.0625     0.8750\n"));
  EXPECT_THAT(result.out,
              HasSubstr("\nrecording, from its first components\n"
                        "components  context  choice\n"
                        "         1   0.2500  0.5000\n"
                        "         4   0.0625  0.1250\n"));
  EXPECT_THAT(result.out,
              HasSubstr("\ntime bin  context  choice\n"
                        "       0   0.1250  0.2500\n"
                        "       1   1.0000  1.0000\n"));
}

TEST_F(CliAnalysisTest, DecodeIsADocumentForPrograms) {
  const CliResult result = Run({"decode", "mante", "--json"});

  const json document = json::parse(result.out);
  EXPECT_EQ(document["labels"][1]["label"]["label"], "choice");
  EXPECT_EQ(document["labels"][1]["accuracy"], 0.5);
  EXPECT_EQ(document["notes"][0]["reason"], "SINGLE_CLASS");
}

TEST_F(CliAnalysisTest, BaselinesSendsWhatTheFlagsSay) {
  const CliResult result = Run({"baselines",
                                "mante",
                                "-m",
                                "cka",
                                "-m",
                                "nbs",
                                "--kind",
                                "noise",
                                "split_half",
                                "--draws",
                                "50",
                                "--seed",
                                "9",
                                "--device",
                                "cpu"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::ComputeBaselinesRequest& request = server_.seen.baselines;
  EXPECT_EQ(request.dataset(), "datasets/mante");
  EXPECT_EQ(request.measures(1).id(), "nbs");
  EXPECT_THAT(request.kinds(), ElementsAre("noise", "split_half"));
  EXPECT_EQ(request.draws(), 50);
  EXPECT_EQ(request.seed(), 9);
  EXPECT_EQ(request.device(), "cpu");
}

TEST_F(CliAnalysisTest, BaselinesAreSortedUnderTheirMeasure) {
  const CliResult table = Run({"baselines", "mante", "-m", "cka"});
  const CliResult document = Run({"baselines", "mante", "-m", "cka", "--json"});

  EXPECT_THAT(table.out,
              StartsWith("cka(canonical=yes)\n"
                         "landmark            value      sd\n"
                         "noise              0.1250  0.0625\n"
                         "condition_average  0.7500\n"));
  EXPECT_THAT(
      table.out,
      HasSubstr(
          "note: mante: time_shuffle needs a time axis (NO_TIME_AXIS)\n"));
  EXPECT_EQ(json::parse(document.out)["measures"][0]["landmarks"][1]["kind"],
            "noise");
}

TEST_F(CliAnalysisTest, PerturbSendsWhatTheFlagsSay) {
  const CliResult result = Run({"perturb",
                                "mante",
                                "-m",
                                "nbs",
                                "--components",
                                "20",
                                "--draws",
                                "30",
                                "--seed",
                                "9",
                                "--device",
                                "cpu"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::PerturbComponentsRequest& request = server_.seen.perturb;
  EXPECT_EQ(request.dataset(), "datasets/mante");
  EXPECT_EQ(request.measures(0).id(), "nbs");
  EXPECT_EQ(request.components(), 20);
  EXPECT_EQ(request.draws(), 30);
  EXPECT_EQ(request.seed(), 9);
  EXPECT_EQ(request.device(), "cpu");
}

TEST_F(CliAnalysisTest, PerturbShowsTheoryWhereThereIsOne) {
  const CliResult table = Run({"perturb", "mante"});
  const CliResult document = Run({"perturb", "mante", "--json"});

  EXPECT_EQ(server_.seen.perturb.measures_size(), 3);
  EXPECT_THAT(table.out,
              StartsWith("cka(canonical=yes)\n"
                         "component  variance share   score      sd  theory\n"
                         "        1             0.5  0.7500  0.1250  0.7000\n"
                         "        2            0.25  0.7500  0.1250\n"));
  const json components =
      json::parse(document.out)["measures"][0]["components"];
  EXPECT_EQ(components[0]["theory"], 0.7);
  EXPECT_FALSE(components[1].contains("theory"));
}

TEST_F(CliAnalysisTest, WrongUsageNamesTheFlag) {
  for (const auto& [arguments, flag] :
       {std::pair(std::vector<std::string>{"decode"}, "DATASET"),
        {{"decode", "mante", "--folds", "many"}, "--folds"},
        {{"decode", "mante", "--seed", "-1"}, "--seed"},
        {{"decode", "mante", "--components", "few"}, "--components"},
        {{"decode", "mante", "/no/such.npy"}, "/no/such.npy"},
        {{"baselines", "mante", "--draws", "x"}, "--draws"},
        {{"baselines", "mante", "--seed", "-1"}, "--seed"},
        {{"perturb", "mante", "--draws", "x"}, "--draws"},
        {{"perturb", "mante", "--folds", "f.json"}, "f.json"}}) {
    const CliResult result = Run(arguments);

    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(result.err, HasSubstr(flag));
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CliAnalysisTest, ServerErrorsNameTheField) {
  server_.FailNext("DecodeLabels",
                   MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                             "there is no label 'nope'",
                             {"INVALID_ARGUMENT", "decoding.labels[0]", {}}));

  const CliResult result = Run({"decode", "mante", "--label", "nope"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "repscore: error: there is no label 'nope' (INVALID_ARGUMENT, "
            "field decoding.labels[0])\n");
  EXPECT_EQ(result.out, "");
}

TEST_F(CliAnalysisTest, DeviceGoesWithComparisonsAndEstimates) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  Run({"score", "mante", file, "-m", "cka", "--device", "cuda:0"});
  Run({"compare", file, file, "-m", "cka", "--device", "cuda:0"});
  Run({"pairwise", "a=" + file, "b=" + file, "-m", "cka", "--device", "cpu"});
  const CliResult estimate = Run({"estimate",
                                  "mante",
                                  "--shape",
                                  "2x2",
                                  "-m",
                                  "cka",
                                  "--device",
                                  "cuda:0"});

  EXPECT_EQ(server_.seen.score.device(), "cuda:0");
  EXPECT_EQ(server_.seen.compare.device(), "cuda:0");
  EXPECT_EQ(server_.seen.pairwise.device(), "cpu");
  EXPECT_EQ(server_.seen.estimate.device(), "cuda:0");
  EXPECT_THAT(estimate.out, HasSubstr("device       cuda:0\n"));
}

}  // namespace
}  // namespace repscore::client
