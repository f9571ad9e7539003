#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/cli_fixture.h"

namespace repscore::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using CliTest = CliFixture;

TEST_F(CliTest, HelpAndVersionAreSuccess) {
  const CliResult help = Run({"--help"});
  const CliResult version = Run({"--version"});

  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("joint-optimize"));
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out, std::string(REPSCORE_VERSION) + "\n");
}

TEST_F(CliTest, WrongUsageIsTwo) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{},
        {"frobnicate"},
        {"score"},
        {"optimize", "mante"},
        {"optimize", "mante", "-m", "cka", "--precision", "half"},
        {"optimize", "mante", "-m", "cka", "--max-steps", "many"},
        {"optimize", "mante", "-m", "cka", "--seed", "-1"},
        {"optimize", "mante", "-m", "cka", "--detach", "--trace", "t.csv"},
        {"joint-optimize", "mante"},
        {"joint-optimize", "mante", "--target", "cka"},
        {"joint-optimize", "mante", "--maximize", "cka", "--weight", "nbs=2"},
        {"score", "mante", "/no/such.npy"}}) {
    const CliResult result = Run(arguments);

    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(result.err, StartsWith("repscore: error: "));
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CliTest, NobodyThereIsThree) {
  const CliResult result = CliProcess(server_.folder(),
                                      {"--server",
                                       "unix:/nowhere/socket",
                                       "--connect-timeout",
                                       "0.2",
                                       "info"})
                               .Wait();

  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err,
              StartsWith("repscore: error: cannot connect to unix:/nowhere"));
}

TEST_F(CliTest, ASelfTestThatPassesIsATableOfDevices) {
  const CliResult result = Run({"self-test", "--device", "cuda:1"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("DEVICE"));
  EXPECT_THAT(result.out, HasSubstr("cuda:1"));
  EXPECT_THAT(result.out, HasSubstr("passed"));
  EXPECT_THAT(result.out, Not(HasSubstr("EXPECTED")));
}

TEST_F(CliTest, ASelfTestThatFailsShowsTheNumbersAndIsOne) {
  const std::vector<std::string> arguments = {
      "self-test", "--device", "cpu", "--device", "cuda:1"};

  const CliResult result = Run(arguments);

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("EXPECTED"));
  EXPECT_THAT(result.out, HasSubstr("0.75"));
  EXPECT_THAT(result.err, HasSubstr("failed its self-test"));
}

TEST_F(CliTest, ServerErrorIsOneWithReasonAndField) {
  server_.FailNext("GetServerInfo",
                   MakeError(grpc::StatusCode::PERMISSION_DENIED,
                             "not for you",
                             {"ROLE_MISSING", "role", {}}));

  const CliResult result = Run({"info"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "repscore: error: not for you (ROLE_MISSING, field role)\n");
}

TEST_F(CliTest, ServerAddressComesFromTheEnvironment) {
  const CliResult result =
      CliProcess(
          server_.folder(), {"info"}, {"REPSCORE_SERVER=" + server_.address()})
          .Wait();

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("9.9"));
}

TEST_F(CliTest, RegisterSendsAxesLabelsGroupsAndMetadata) {
  const std::string array =
      WriteArray("x.npy", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {3, 2, 2});
  const std::string times = WriteArray("t.npy", {-10, 0, 10.5}, {3});
  const std::string contrast = WriteArray("c.npy", {0.5, 1}, {2});
  const std::string session = WriteText("session.txt", "monday, early\nfriday");

  const CliResult result = Run({"datasets",
                                "register",
                                "mante",
                                array,
                                "--time-coordinates",
                                times,
                                "--label",
                                "target=left,right",
                                "--label",
                                "contrast=" + contrast,
                                "--group",
                                "session=" + session,
                                "--description",
                                "PFC",
                                "--attribute",
                                "area=FEF"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "registered datasets/mante/versions/1  float64 [3 x 2 x 2]  "
            "d1ce\n");
  const v1::RegisterDatasetHeader& header = server_.seen.header;
  ASSERT_EQ(header.axes_size(), 3);
  EXPECT_EQ(header.axes(0).kind(), v1::AXIS_KIND_TIME);
  EXPECT_EQ(header.axes(0).size(), 3);
  EXPECT_EQ(header.axes(0).unit(), "ms");
  EXPECT_THAT(header.axes(0).coordinates(), ElementsAre(-10, 0, 10.5));
  EXPECT_EQ(header.axes(2).kind(), v1::AXIS_KIND_FEATURE);
  EXPECT_THAT(header.labels(0).values(), ElementsAre("left", "right"));
  EXPECT_THAT(header.labels(1).values(), ElementsAre("0.5", "1"));
  EXPECT_THAT(header.groups(0).values(),
              ElementsAre("monday, early", "friday"));
  EXPECT_EQ(header.metadata().description(), "PFC");
  EXPECT_EQ(header.metadata().attributes().at("area"), "FEF");
}

TEST_F(CliTest, RegisterTakesAxesInWords) {
  const std::string array = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult good =
      Run({"datasets", "register", "a", array, "--axes", "sample,neuron"});
  const CliResult bad =
      Run({"datasets", "register", "a", array, "--axes", "sample,colour"});

  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(server_.seen.header.axes(0).kind(), v1::AXIS_KIND_SAMPLE);
  EXPECT_EQ(bad.exit_code, 2);
}

TEST_F(CliTest, DatasetsAreListedAligned) {
  for (const auto& [name, title] :
       {std::pair("datasets/a/versions/1", "A"),
        std::pair("datasets/long/versions/12", "two\nlines")}) {
    v1::Dataset& dataset = server_.script.datasets.emplace_back();
    dataset.set_name(name);
    dataset.mutable_metadata()->set_display_name(title);
    dataset.mutable_spec()->set_data_type(v1::DATA_TYPE_FLOAT32);
    dataset.mutable_spec()->add_shape(12);
    dataset.mutable_spec()->add_shape(3);
    dataset.mutable_create_time()->set_seconds(1'000'000'000);
  }

  const CliResult table = Run({"datasets", "list"});
  const CliResult document = Run({"--json", "datasets", "list"});

  EXPECT_EQ(
      table.out,
      "dataset                    type     shape   registered            "
      "title\n"
      "datasets/a/versions/1      float32  12 x 3  2001-09-09 01:46:40Z  A\n"
      "datasets/long/versions/12  float32  12 x 3  2001-09-09 01:46:40Z  "
      "two lines\n");
  const json parsed = json::parse(document.out);
  EXPECT_EQ(parsed["datasets"][1]["spec"]["shape"], json({12, 3}));
  EXPECT_EQ(parsed["datasets"][1]["create_time"], "2001-09-09T01:46:40Z");
}

TEST_F(CliTest, ShortNamesAreCompleted) {
  server_.script.datasets.emplace_back().set_name("datasets/mante/versions/1");

  const CliResult shown = Run({"datasets", "show", "mante"});
  const CliResult missing = Run({"datasets", "show", "other"});
  const CliResult deleted = Run({"datasets", "delete", "mante/versions/1"});

  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.err,
            "repscore: error: there is no datasets/other (DATASET_NOT_FOUND, "
            "field name)\n");
  EXPECT_EQ(deleted.out, "deleted datasets/mante/versions/1\n");
}

TEST_F(CliTest, MeasuresAreListedAndDescribed) {
  const CliResult table = Run({"measures"});
  const CliResult details = Run({"measures", "shape_euclidean"});
  const CliResult document = Run({"measures", "shape.euclidean", "--json"});
  const CliResult missing = Run({"measures", "nope"});

  EXPECT_THAT(table.out, HasSubstr("shape.euclidean  distance  [0, inf]"));
  EXPECT_THAT(details.out, HasSubstr("alpha      1        how much"));
  const json parsed = json::parse(document.out);
  EXPECT_EQ(parsed["highest"], "Infinity");
  EXPECT_EQ(parsed["metric"], true);
  EXPECT_EQ(parsed["parameters"][0]["name"], "alpha");
  EXPECT_EQ(missing.exit_code, 1);
}

TEST_F(CliTest, ScoreOfOneFileIsALinePerMeasure) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult result =
      Run({"score", "mante", "-m", "cka", "-m", "nbs(a=1,b=f(2))", file});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "measure               score\n"
            "cka              0.12345679\n"
            "nbs(a=1,b=f(2))  0.37345679\n"
            "warning: cka(canonical=yes): more features than rows "
            "(SATURATED)\n"
            "\n"
            "cka              = cka(canonical=yes)\n"
            "nbs(a=1,b=f(2))  = nbs(a=1,b=f(2))(canonical=yes)\n"
            "\n"
            "datasets/mante/versions/1, float64 on cpu, repscore 9.9\n");
  EXPECT_EQ(server_.seen.score.dataset(), "datasets/mante");
  EXPECT_EQ(server_.seen.score.measures(1).id(), "nbs(a=1,b=f(2))");
}

TEST_F(CliTest, ScoreOfSeveralFilesIsOneTable) {
  const std::string a = WriteArray("a.npy", {1, 2, 3, 4}, {2, 2});
  const std::string b = WriteArray("b.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult table = Run({"score", "mante", a, b, "-m", "cka"});
  const CliResult document =
      Run({"score", "mante", a, b, "-m", "cka", "--json"});

  const auto lines = Lines(table.out);
  EXPECT_THAT(lines[0], HasSubstr("cka"));
  EXPECT_THAT(lines[1], StartsWith(a));
  EXPECT_THAT(lines[2], StartsWith(b));
  EXPECT_THAT(table.out, HasSubstr("\ncka  = cka(canonical=yes)\n"));
  const json parsed = json::parse(document.out);
  ASSERT_EQ(parsed["results"].size(), 2);
  EXPECT_EQ(parsed["results"][1]["file"], b);
  EXPECT_EQ(parsed["results"][1]["scores"][0]["value"], 0.123456789012);
}

TEST_F(CliTest, ScoreHasADefaultSetOfMeasures) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {2, 2});

  const CliResult result = Run({"score", "mante", file});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(server_.seen.score.measures_size(), 6);
  EXPECT_EQ(server_.seen.score.measures(5).id(),
            "ridge_r2(lambda=100,folds=rows_contiguous(5))");
}

TEST_F(CliTest, FilesThatCannotBeScoredDoNotHideTheOthers) {
  const std::string a = WriteArray("a.npy", {1, 2, 3, 4}, {2, 2});
  const std::string b = WriteArray("b.npy", {1, 2, 3, 4}, {2, 2});
  server_.FailNext("Score",
                   MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                             "two rows",
                             {"SHAPE_MISMATCH", "layers[0].candidate", {}}));

  const CliResult result = Run({"score", "mante", a, b, "-m", "cka"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "repscore: error: " + a +
                ": two rows (SHAPE_MISMATCH, field layers[0].candidate)\n");
  EXPECT_THAT(result.out, HasSubstr(b));
  EXPECT_THAT(result.out, Not(HasSubstr(a)));
}

TEST_F(CliTest, ExplicitFoldsGoToTheMeasuresThatWantThem) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {4, 1});
  const std::string lists = WriteText("folds.json", "[[0, 2], [1]]");
  const std::string indices = WriteArray("folds.npy", {0, 1, 0, -1}, {4});
  for (const std::string& folds : {lists, indices}) {
    const CliResult result = Run({"score",
                                  "mante",
                                  file,
                                  "-m",
                                  "cka",
                                  "-m",
                                  "ridge_r2(folds=explicit,lambda=1)",
                                  "--folds",
                                  folds});

    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(server_.seen.score.measures(0).explicit_folds_size(), 0);
    const v1::MeasureSpec& ridge = server_.seen.score.measures(1);
    ASSERT_EQ(ridge.explicit_folds_size(), 2);
    EXPECT_THAT(ridge.explicit_folds(0).rows(), ElementsAre(0, 2));
    EXPECT_THAT(ridge.explicit_folds(1).rows(), ElementsAre(1));
  }
}

TEST_F(CliTest, FoldsThatNobodyUsesOrThatAreNoneAreWrongUsage) {
  const std::string file = WriteArray("x.npy", {1, 2, 3, 4}, {4, 1});
  const std::string good = WriteText("good.json", "[[0, 2], [1]]");
  const std::string bad = WriteText("bad.json", "{\"folds\": 5}");

  const CliResult unused =
      Run({"score", "mante", file, "-m", "cka", "--folds", good});
  const CliResult malformed = Run({"score",
                                   "mante",
                                   file,
                                   "-m",
                                   "ridge_r2(folds=explicit)",
                                   "--folds",
                                   bad});

  EXPECT_EQ(unused.exit_code, 2);
  EXPECT_EQ(malformed.exit_code, 2);
}

}  // namespace
}  // namespace repscore::client
