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

class CliScoreTest : public CliFixture {
 protected:
  std::string WriteMatrix(const std::string& name) {
    return WriteArray(name, {1, 2, 3, 4}, {2, 2});
  }

  // `repscore score mante FILE ...`
  CliResult Score(std::vector<std::string> more) {
    more.insert(more.begin(), {"score", "mante", WriteMatrix("x.npy")});
    return Run(std::move(more));
  }
};

TEST_F(CliScoreTest, ContextFlagsGoToTheServer) {
  const CliResult result = Score({"-m",
                                  "cka",
                                  "--ceiling-splits",
                                  "20",
                                  "--ceiling",
                                  "0.75",
                                  "--normalization",
                                  "r2/c2",
                                  "--clip",
                                  "--bootstrap",
                                  "200",
                                  "--confidence",
                                  "0.9",
                                  "--bootstrap-group",
                                  "session",
                                  "--permutations",
                                  "500",
                                  "--baseline",
                                  "--companion",
                                  "--seed",
                                  "11"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::ContextOptions& context = server_.seen.score.context();
  EXPECT_EQ(context.ceiling_splits(), 20);
  EXPECT_EQ(context.supplied_ceiling(), 0.75);
  EXPECT_EQ(context.normalization(),
            v1::NORMALIZATION_R_SQUARED_OVER_C_SQUARED);
  EXPECT_TRUE(context.clip());
  EXPECT_EQ(context.bootstrap_draws(), 200);
  EXPECT_EQ(context.confidence(), 0.9);
  EXPECT_EQ(context.bootstrap_group(), "session");
  EXPECT_EQ(context.permutations(), 500);
  EXPECT_TRUE(context.baseline());
  EXPECT_TRUE(context.companion());
  EXPECT_EQ(context.seed(), 11);
}

TEST_F(CliScoreTest, NothingIsAskedForByDefault) {
  const CliResult result = Score({"-m", "cka"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(server_.seen.score.context().ByteSizeLong(), 0);
  EXPECT_TRUE(server_.seen.score.row_ids().empty());
}

TEST_F(CliScoreTest, NormalizationsHaveNames) {
  for (const auto& [word, value] :
       {std::pair("none", v1::NORMALIZATION_NONE),
        std::pair("r/c", v1::NORMALIZATION_R_OVER_C),
        std::pair("r2/c", v1::NORMALIZATION_R_SQUARED_OVER_C),
        std::pair("per_unit_r2/c",
                  v1::NORMALIZATION_PER_UNIT_R_SQUARED_OVER_C)}) {
    const CliResult result =
        Score({"-m", "cka", "--ceiling", "1", "--normalization", word});

    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(server_.seen.score.context().normalization(), value);
  }
}

TEST_F(CliScoreTest, TableHasColumnsForAllThatIsThere) {
  const CliResult result = Score({"-m",
                                  "cka",
                                  "-m",
                                  "halves",
                                  "--ceiling-splits",
                                  "20",
                                  "--normalization",
                                  "r/c",
                                  "--bootstrap",
                                  "200",
                                  "--permutations",
                                  "99",
                                  "--baseline",
                                  "--companion"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = Lines(result.out);
  EXPECT_EQ(lines[0],
            "measure       score     error    95% interval     p  null mean  "
            "ceiling  ceiled  baseline   debiased");
  EXPECT_EQ(lines[1],
            "cka      0.12345679            [0.0625, 0.25]  0.01    0.03125  "
            "    0.8     0.5      0.75  0.0078125");
  EXPECT_EQ(lines[2],
            "halves   0.37345679  0.015625  [0.0625, 0.25]  0.01    0.03125  "
            "    0.8     0.5      0.75");
  EXPECT_THAT(result.out,
              HasSubstr("cka debiased  = cka.debiased(canonical=yes)\n"));
}

TEST_F(CliScoreTest, TableHasNoColumnsForWhatIsNotThere) {
  const CliResult result =
      Score({"-m", "cka", "--bootstrap", "200", "--confidence", "0.9"});

  EXPECT_EQ(Lines(result.out)[0], "measure       score    90% interval");
}

TEST_F(CliScoreTest, NotesSayWhyAPartIsNotThere) {
  const CliResult result = Score({"-m", "cka", "--ceiling-splits", "1"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Lines(result.out)[0], "measure       score");
  EXPECT_THAT(result.out,
              HasSubstr("note: cka(canonical=yes): the dataset has no "
                        "repetitions (NO_REPETITIONS)\n"));
}

TEST_F(CliScoreTest, JsonHasEverything) {
  const CliResult result = Score({"-m",
                                  "cka",
                                  "--ceiling-splits",
                                  "20",
                                  "--bootstrap",
                                  "200",
                                  "--companion",
                                  "--json"});

  const json context =
      json::parse(result.out)["results"][0]["scores"][0]["context"];
  EXPECT_EQ(context["ceiling"]["error"], 0.01);
  EXPECT_EQ(context["ceiling"]["splits"], 20);
  EXPECT_EQ(context["interval"]["lower"], 0.0625);
  EXPECT_EQ(context["companion"]["value"], 0.0078125);
}

TEST_F(CliScoreTest, RowIdsComeFromALinePerId) {
  const std::string ids = WriteText("ids.txt", "s1, left\r\ns2\n");

  const CliResult result = Score({"-m", "cka", "--row-ids", ids});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(server_.seen.score.row_ids(), ElementsAre("s1, left", "s2"));
  EXPECT_THAT(result.out,
              HasSubstr("datasets/mante/versions/1 (12 x 3, effective "
                        "dimensionality 2.5), float64 on cpu"));
}

TEST_F(CliScoreTest, SeveralFilesGoAsLayersOfOneCall) {
  const std::string a = WriteMatrix("a.npy");
  const std::string b = WriteArray("b.npy", {1, 2, 3, 4, 5, 6}, {2, 3});

  const CliResult result = Run({"score", "mante", a, b, "-m", "cka", "--json"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(server_.calls("Score"), 1);
  EXPECT_EQ(server_.seen.score.layers(1).name(), b);
  const json results = json::parse(result.out)["results"];
  EXPECT_EQ(results[0]["file"], a);
  EXPECT_EQ(results[1]["file"], b);
  EXPECT_EQ(results[1]["candidate"]["features"], 3);
  EXPECT_EQ(results[1]["provenance"]["backend"], "cpu");
  EXPECT_FALSE(results[1].contains("layers"));
}

TEST_F(CliScoreTest, FilesThatDoNotFitTogetherGoInSeveralCalls) {
  const std::vector<double> values(400'000);
  const std::string large = WriteArray("l.npy", values, {1000, 400});
  const std::string small = WriteMatrix("s.npy");

  const CliResult result =
      Run({"score", "mante", large, large, small, "-m", "cka", "--json"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(server_.seen.scores.size(), 2);
  EXPECT_TRUE(server_.seen.scores[0].layers().empty());
  EXPECT_EQ(server_.seen.scores[1].layers_size(), 2);
  EXPECT_EQ(json::parse(result.out)["results"][2]["file"], small);
}

TEST_F(CliScoreTest, ContextOfSeveralFilesIsALinePerScore) {
  const std::string a = WriteMatrix("a.npy");
  const std::string b = WriteMatrix("b.npy");

  const CliResult result = Run({"score",
                                "mante",
                                a,
                                b,
                                "-m",
                                "cka",
                                "-m",
                                "nbs",
                                "--permutations",
                                "9"});

  const auto lines = Lines(result.out);
  EXPECT_THAT(lines[0], HasSubstr("measure       score     p  null mean"));
  EXPECT_THAT(lines[2], StartsWith(a + "  nbs"));
  EXPECT_THAT(lines[3], StartsWith(b + "  cka"));
}

TEST_F(CliScoreTest, LayersThatCannotBeScoredDoNotHideTheOthers) {
  const std::string a = WriteMatrix("a.npy");
  const std::string b = WriteMatrix("b.npy");
  const std::string c = WriteMatrix("c.npy");
  server_.FailNext("Score",
                   MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                             "two rows",
                             {"SHAPE_MISMATCH", "layers[1].candidate", {}}));

  const CliResult result =
      Run({"score", "mante", a, b, c, "/no/such.npy", "-m", "cka"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr(b + ": two rows (SHAPE_MISMATCH, field "
                            "layers[1].candidate)\n"));
  EXPECT_THAT(result.err, HasSubstr("/no/such.npy"));
  EXPECT_THAT(result.out, HasSubstr(a));
  EXPECT_THAT(result.out, HasSubstr(c));
  EXPECT_THAT(result.out, Not(HasSubstr(b)));
  EXPECT_EQ(server_.calls("Score"), 2);
}

TEST_F(CliScoreTest, ErrorsOfTheQuestionAreToldOnce) {
  const std::string a = WriteMatrix("a.npy");
  const std::string b = WriteMatrix("b.npy");
  server_.FailNext("Score",
                   MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                             "there is no measure 'nope'",
                             {"UNKNOWN_MEASURE", "measures[0].id", {}}));

  const CliResult result = Run({"score", "mante", a, b, "-m", "nope"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "repscore: error: there is no measure 'nope' (UNKNOWN_MEASURE, "
            "field measures[0].id)\n");
  EXPECT_EQ(server_.calls("Score"), 1);
}

TEST_F(CliScoreTest, ErrorsOfNobodyInParticularAreFoundOneByOne) {
  const std::string a = WriteMatrix("a.npy");
  const std::string b = WriteMatrix("b.npy");
  server_.FailNext("Score", {grpc::StatusCode::INTERNAL, "no convergence"}, 2);

  const CliResult result = Run({"score", "mante", a, b, "-m", "cka"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "repscore: error: " + a + ": no convergence\n");
  EXPECT_THAT(result.out, HasSubstr(b));
  EXPECT_EQ(server_.calls("Score"), 3);
}

TEST_F(CliScoreTest, FoldsMayNameTheirTrainingRows) {
  const std::string folds =
      WriteText("folds.json",
                R"([{"validation": [0], "training": [1, 2]},
          {"validation": [1], "training": [0]}])");

  const CliResult result =
      Score({"-m", "ridge_r2(folds=explicit)", "--folds", folds});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::MeasureSpec& measure = server_.seen.score.measures(0);
  ASSERT_EQ(measure.explicit_training_size(), 2);
  EXPECT_THAT(measure.explicit_folds(1).rows(), ElementsAre(1));
  EXPECT_THAT(measure.explicit_training(0).rows(), ElementsAre(1, 2));
}

TEST_F(CliScoreTest, WrongUsageIsTwo) {
  const std::string empty = WriteText("empty.txt", "");
  const std::string half =
      WriteText("half.json", R"([{"validation": [0]}, {"validation": [1]}])");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--normalization", "r/c"},
        {"--clip"},
        {"--ceiling", "1", "--normalization", "r3"},
        {"--ceiling", "high"},
        {"--ceiling-splits", "many"},
        {"--confidence", "0.9"},
        {"--bootstrap-group", "session"},
        {"--seed", "-1"},
        {"--row-ids", "/no/such.txt"},
        {"--row-ids", empty},
        {"-m", "ridge_r2(folds=explicit)", "--folds", half}}) {
    const CliResult result = Score(arguments);

    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(result.err, StartsWith("repscore: error: "));
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(server_.calls("Score"), 0);
}

TEST_F(CliScoreTest, RowIdsAreRegisteredAndShown) {
  const std::string array = WriteMatrix("x.npy");
  const std::string ids = WriteText("ids.txt", "s1\ns1\n");
  v1::Dataset& dataset = server_.script.datasets.emplace_back();
  dataset.set_name("datasets/mante/versions/1");
  dataset.set_rows(2);
  dataset.set_scored_rows(1);
  dataset.add_row_ids("s1");
  dataset.add_row_ids("s1");

  const CliResult registered =
      Run({"datasets", "register", "mante", array, "--row-ids", ids});
  const CliResult missing =
      Run({"datasets", "register", "mante", array, "--row-ids", "/no/ids"});
  const CliResult shown = Run({"datasets", "show", "mante"});

  EXPECT_EQ(registered.exit_code, 0) << registered.err;
  EXPECT_THAT(server_.seen.header.row_ids(), ElementsAre("s1", "s1"));
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(shown.out, HasSubstr("scored rows  1\n"));
  EXPECT_THAT(shown.out, HasSubstr("2 values, 1 distinct: s1\n"));
}

TEST_F(CliScoreTest, EstimatesNeedNoData) {
  const std::vector<std::string> words = {"estimate",
                                          "mante",
                                          "--shape",
                                          "3200x4096",
                                          "--dtype",
                                          "float32",
                                          "-m",
                                          "cka",
                                          "--bootstrap",
                                          "10"};
  std::vector<std::string> json_words = words;
  json_words.emplace_back("--json");

  const CliResult result = Run(words);
  const CliResult document = Run(json_words);

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("0.25 s\n"));
  EXPECT_THAT(result.out, HasSubstr("candidate moments   4096\n"));
  EXPECT_EQ(json::parse(document.out)["peak_bytes"], 8192);
  EXPECT_EQ(json::parse(document.out)["duration"], 0.25);
  const v1::EstimateScoreRequest& request = server_.seen.estimate;
  EXPECT_EQ(request.dataset(), "datasets/mante");
  EXPECT_THAT(request.candidate().shape(), ElementsAre(3200, 4096));
  EXPECT_EQ(request.candidate().data_type(), v1::DATA_TYPE_FLOAT32);
  EXPECT_EQ(request.context().bootstrap_draws(), 10);
}

TEST_F(CliScoreTest, EstimatesOfNoShapeAreWrongUsage) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"estimate", "mante"},
        {"estimate", "mante", "--shape", "3200by4096"},
        {"estimate", "mante", "--shape", "3200x"},
        {"estimate", "mante", "--shape", "9x9", "--dtype", "float99"}}) {
    const CliResult result = Run(arguments);

    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_EQ(server_.calls("EstimateScore"), 0);
  }
}

TEST_F(CliScoreTest, MeasuresAreDescribedBySpecification) {
  const CliResult by_word = Run({"measures", "describe", "shape_euclidean"});
  const CliResult direct = Run({"measures", "shape_euclidean"});
  const CliResult other =
      Run({"measures", "describe", "rsa(rdm=cosine)", "--json"});
  const CliResult unknown = Run({"measures", "describe", "nope"});
  const CliResult nothing = Run({"measures", "describe"});

  EXPECT_EQ(by_word.exit_code, 0) << by_word.err;
  EXPECT_EQ(by_word.out, direct.out);
  EXPECT_THAT(by_word.out, HasSubstr("at equality  exactly 0\n"));
  EXPECT_THAT(by_word.out, HasSubstr("known as     shapes: Euclidean\n"));
  EXPECT_EQ(json::parse(other.out)["canonical"],
            "rsa(rdm=cosine)(canonical=yes)");
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(nothing.exit_code, 2);
}

}  // namespace
}  // namespace repscore::client
