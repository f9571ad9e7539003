#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/client/cli_fixture.h"

namespace repscore::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class CliComparisonTest : public CliFixture {
 protected:
  std::string WriteMatrix(const std::string& name) {
    return WriteArray(name, {1, 2, 3, 4}, {2, 2});
  }

  void ExpectWrongUsage(const std::vector<std::string>& arguments) {
    const CliResult result = Run(arguments);

    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(result.err, StartsWith("repscore: error: "));
    EXPECT_EQ(result.out, "");
  }

  // What `pairwise --json` gives of three systems.
  std::string WritePairwise() {
    return WriteText("pairwise.json", R"json({
      "names": ["a", "b", "c"],
      "matrices": [{"measure": "nbs(canonical=yes)",
                    "values": [0, 1, 2, 1, 0, 3, 2, 3, "NaN"]}],
      "provenance": {"backend": "cpu"}, "more": 1})json");
  }

  std::string file_ = WriteMatrix("x.npy");
};

TEST_F(CliComparisonTest, CompareIsALinePerMeasure) {
  const std::string other = WriteArray("y.npy", {1, 2, 3, 4, 5, 6}, {2, 3});

  const CliResult result = Run({"compare",
                                file_,
                                other,
                                "-m",
                                "cka",
                                "-m",
                                "nbs",
                                "--permutations",
                                "9"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "measure       score     p  null mean\n"
            "cka      0.12345679  0.01    0.03125\n"
            "nbs      0.37345679  0.01    0.03125\n"
            "warning: cka(canonical=yes): more features than rows "
            "(SATURATED)\n"
            "\n"
            "cka  = cka(canonical=yes)\n"
            "nbs  = nbs(canonical=yes)\n"
            "\n"
            "float64 on cpu, repscore 9.9\n");
  const v1::CompareRequest& request = server_.seen.compare;
  EXPECT_THAT(request.candidate().spec().shape(), ElementsAre(2, 2));
  EXPECT_THAT(request.reference().spec().shape(), ElementsAre(2, 3));
  EXPECT_EQ(request.context().permutations(), 9);
}

TEST_F(CliComparisonTest, CompareHasDefaultsAndJson) {
  const CliResult result = Run({"compare", file_, file_, "--json"});

  const json document = json::parse(result.out);
  EXPECT_EQ(document["candidate_file"], file_);
  EXPECT_EQ(document["scores"].size(), 6);
  EXPECT_EQ(document["provenance"]["backend"], "cpu");
}

TEST_F(CliComparisonTest, ArraysTooLargeForAMessageAreWrongUsage) {
  const std::vector<double> values(600'000);
  const std::string large = WriteArray("l.npy", values, {1000, 600});

  const CliResult compared = Run({"compare", large, large, "-m", "cka"});
  const CliResult pairwise =
      Run({"pairwise", "a=" + large, "b=" + large, "-m", "nbs"});

  EXPECT_EQ(compared.exit_code, 2);
  EXPECT_THAT(compared.err,
              HasSubstr("the arrays have 9600000 bytes, a message to the "
                        "server 8388608 at most"));
  EXPECT_EQ(pairwise.exit_code, 2);
  EXPECT_THAT(pairwise.err, HasSubstr("NAME=datasets/DATASET"));
  EXPECT_EQ(server_.calls("Compare") + server_.calls("ComparePairwise"), 0);
}

TEST_F(CliComparisonTest, PairwiseIsAMatrixPerMeasure) {
  const CliResult result = Run({"pairwise",
                                "a=" + file_,
                                "long=datasets/mante",
                                "c=" + file_,
                                "-m",
                                "nbs",
                                "-m",
                                "cka"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "nbs(canonical=yes)\n"
            "system    a  long    c\n"
            "a         0   0.5    1\n"
            "long    0.5     0  0.5\n"
            "c         1   0.5    0\n"
            "\n"
            "cka(canonical=yes)\n"
            "system    a  long    c\n"
            "a         0   0.5    1\n"
            "long    0.5     0  0.5\n"
            "c         1   0.5    0\n"
            "\n"
            "float64 on cpu, repscore 9.9\n");
  EXPECT_EQ(server_.seen.pairwise.systems(1).dataset(), "datasets/mante");
  EXPECT_TRUE(server_.seen.pairwise.systems(2).has_tensor());
  EXPECT_EQ(server_.seen.pairwise.known_systems(), 0);
}

TEST_F(CliComparisonTest, PairwiseAsCsvHasExactNumbersAndQuotes) {
  const CliResult result = Run(
      {"pairwise", "a,b=" + file_, "c=" + file_, "-m", "f(a=1,b=2)", "--csv"});

  EXPECT_EQ(result.out,
            "measure,system,\"a,b\",c\n"
            "\"f(a=1,b=2)(canonical=yes)\",\"a,b\",0,0.5\n"
            "\"f(a=1,b=2)(canonical=yes)\",c,0.5,0\n");
}

TEST_F(CliComparisonTest, PairwiseJsonIsKnownNextTime) {
  const CliResult first =
      Run({"pairwise", "a=" + file_, "b=" + file_, "-m", "nbs", "--json"});
  const std::string known = WriteText("known.json", first.out);

  const CliResult second = Run({"pairwise",
                                "new=" + file_,
                                "b=" + file_,
                                "a=" + file_,
                                "--known",
                                known,
                                "--json"});

  EXPECT_EQ(second.exit_code, 0) << second.err;
  const v1::ComparePairwiseRequest& request = server_.seen.pairwise;
  EXPECT_EQ(request.known_systems(), 2);
  EXPECT_EQ(request.measures(0).id(), "nbs(canonical=yes)");
  EXPECT_THAT(request.known(0).values(), ElementsAre(0, 0.5, 0.5, 0));
  EXPECT_EQ(request.systems(0).name(), "a");
  EXPECT_EQ(request.systems(2).name(), "new");
  EXPECT_EQ(json::parse(second.out)["names"], json({"a", "b", "new"}));
}

TEST_F(CliComparisonTest, KnownPairsAreThoseOfTheSystemsThatAreGiven) {
  const CliResult result = Run({"pairwise",
                                "c=" + file_,
                                "d=" + file_,
                                "a=" + file_,
                                "-m",
                                "nbs",
                                "--known",
                                WritePairwise()});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::ComparePairwiseRequest& request = server_.seen.pairwise;
  EXPECT_EQ(server_.calls("DescribeMeasure"), 1);
  EXPECT_EQ(request.known_systems(), 2);
  EXPECT_EQ(request.known(0).measure(), "nbs(canonical=yes)");
  EXPECT_THAT(request.known(0).values(),
              ElementsAre(0, 2, 2, testing::IsNan()));
  EXPECT_EQ(request.systems(1).name(), "c");
}

TEST_F(CliComparisonTest, KnownMatricesMustBeOfTheMeasure) {
  const CliResult result = Run({"pairwise",
                                "a=" + file_,
                                "b=" + file_,
                                "-m",
                                "cka",
                                "--known",
                                WritePairwise()});

  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              HasSubstr("no matrix of cka; the file has matrices of "
                        "nbs(canonical=yes)"));
}

TEST_F(CliComparisonTest, ProgressIsForTerminals) {
  const CliResult result = CliProcess(server_.folder(),
                                      {"--server",
                                       server_.address(),
                                       "pairwise",
                                       "a=" + file_,
                                       "b=" + file_,
                                       "-m",
                                       "nbs"},
                                      {},
                                      /*with_terminal=*/true)
                               .Wait();

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("\r\x1b[Kpair 1 of 3"));
  EXPECT_THAT(result.err, EndsWith("\r\x1b[K"));
}

TEST_F(CliComparisonTest, WrongUsageOfPairwise) {
  const std::string a = "a=" + file_;
  const std::string short_matrix = WriteText(
      "short.json",
      R"({"names": ["a", "b"], "matrices": [{"measure": "m", "values": [1]}]})");
  ExpectWrongUsage({"pairwise"});
  ExpectWrongUsage({"pairwise", a, a});
  ExpectWrongUsage({"pairwise", file_, a, "-m", "nbs"});
  ExpectWrongUsage({"pairwise", a, "b=/no/such.npy", "-m", "nbs"});
  ExpectWrongUsage({"pairwise", a, a, "-m", "nbs", "--csv", "--json"});
  ExpectWrongUsage({"pairwise", a, a, "-m", "nbs", "--known", "/no/such"});
  ExpectWrongUsage({"pairwise", a, a, "-m", "nbs", "--known", file_});
  ExpectWrongUsage({"pairwise", a, a, "-m", "nbs", "--known", short_matrix});
  EXPECT_EQ(server_.calls("ComparePairwise"), 0);
}

TEST_F(CliComparisonTest, EmbedShowsPointsClustersAndNeighbours) {
  const CliResult result = Run({"embed",
                                WritePairwise(),
                                "--dimensions",
                                "2",
                                "--method",
                                "metric",
                                "--clusters",
                                "1",
                                "--neighbors",
                                "2"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "system  x1    x2  cluster of  nearest\n"
            "a        0  0.25  b           b, c\n"
            "b        1  1.25  b           c, a\n"
            "c        2  2.25  b           a, b\n"
            "\n"
            "measure         nbs(canonical=yes)\n"
            "stress          0.125\n"
            "distortion      1.5\n"
            "explained       0.75\n"
            "non-Euclidean   0\n"
            "silhouette      0.5\n"
            "Frechet medoid  b\n");
  EXPECT_EQ(server_.seen.embed.method(), v1::MDS_METHOD_METRIC);
  EXPECT_EQ(server_.seen.embed.distances(5), 3);
}

TEST_F(CliComparisonTest, EmbedChoosesAMatrix) {
  const std::string two = WriteText("two.json",
                                    R"({"names": ["a", "b"],
          "matrices": [{"measure": "m1", "values": [0, 1, 1, 0]},
                       {"measure": "m2", "values": [0, 2, 2, 0]}]})");

  const CliResult chosen = Run({"embed", two, "-m", "m2", "--json"});
  const CliResult undecided = Run({"embed", two});
  const CliResult unknown = Run({"embed", two, "-m", "m3"});

  EXPECT_EQ(chosen.exit_code, 0) << chosen.err;
  EXPECT_THAT(server_.seen.embed.distances(), ElementsAre(0, 2, 2, 0));
  EXPECT_EQ(server_.seen.embed.method(), v1::MDS_METHOD_CLASSICAL);
  const json document = json::parse(chosen.out);
  EXPECT_EQ(document["measure"], "m2");
  EXPECT_EQ(document["names"], json({"a", "b"}));
  EXPECT_EQ(document["points"].size(), 4);
  const CliResult shorthand =
      Run({"embed", WritePairwise(), "--measure", "nbs"});
  EXPECT_EQ(shorthand.exit_code, 0) << shorthand.err;
  EXPECT_EQ(server_.calls("DescribeMeasure"), 2);
  EXPECT_EQ(undecided.exit_code, 2);
  EXPECT_THAT(undecided.err,
              HasSubstr("--measure is required; the file has "
                        "matrices of m1, m2"));
  EXPECT_EQ(unknown.exit_code, 2);
  ExpectWrongUsage({"embed"});
  ExpectWrongUsage({"embed", "/no/such.json"});
  ExpectWrongUsage({"embed", WritePairwise(), "--method", "nonmetric"});
}

TEST_F(CliComparisonTest, MeanIsWrittenAndSummarised) {
  const std::string out = Path("mean.npy");

  const CliResult result = Run({"mean",
                                "a=" + file_,
                                "b=datasets/mante",
                                "--out",
                                out,
                                "--unit-norm",
                                "--tolerance",
                                "1e-6",
                                "--max-iterations",
                                "7"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "system  distance\n"
            "a           0.25\n"
            "b            0.5\n"
            "\n"
            "mean        " +
                out +
                "  float64 [2 x 2]\n"
                "variance    0.0625\n"
                "iterations  7, not converged\n");
  const auto mean = ReadArrayFile(out);
  ASSERT_TRUE(mean.ok()) << mean.status();
  std::vector<double> values(4);
  ConvertToDouble(mean->spec.type, mean->data, absl::MakeSpan(values));
  EXPECT_THAT(values, ElementsAre(1, 2, 3, 4.5));
  EXPECT_TRUE(server_.seen.mean.unit_norm());
  EXPECT_EQ(server_.seen.mean.tolerance(), 1e-6);
  EXPECT_EQ(server_.seen.mean.max_iterations(), 7);
}

TEST_F(CliComparisonTest, MeanAsJson) {
  const CliResult result = Run({"mean",
                                "a=" + file_,
                                "b=" + file_,
                                "--out",
                                Path("mean.npy"),
                                "--json"});

  const json document = json::parse(result.out);
  EXPECT_EQ(document["file"], Path("mean.npy"));
  EXPECT_EQ(document["names"], json({"a", "b"}));
  EXPECT_EQ(document["mean"]["spec"]["shape"], json({2, 2}));
  EXPECT_FALSE(server_.seen.mean.has_tolerance());
}

TEST_F(CliComparisonTest, MeansThatCannotBeAreNotWritten) {
  const std::string a = "a=" + file_;
  server_.script.short_mean = true;

  const CliResult broken = Run({"mean", a, "b=" + file_, "--out", Path("m")});

  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(Path("m")));
  ExpectWrongUsage({"mean", a, a});
  ExpectWrongUsage({"mean", "--out", Path("m")});
  ExpectWrongUsage({"mean", a, a, "--out", "/no/such/mean.npy"});
  ExpectWrongUsage({"mean", a, "b", "--out", Path("m")});
  EXPECT_EQ(server_.calls("ComputeFrechetMean"), 1);
}

TEST_F(CliComparisonTest, AggregateReadsATableOfScores) {
  const std::string scores = WriteText("scores.csv",
                                       "system,\"f(a=1,b=2)\",nbs\r\n"
                                       "\"one, or \"\"two\"\"\",0.5,0.25\r\n"
                                       "\r\n"
                                       "other, ,1e-1\r\n");

  const CliResult result = Run({"aggregate", scores, "--missing", "ignore"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "system          mean  mean z-score  mean rank\n"
            "one, or \"two\"  0.375             0          1\n"
            "other            nan          -0.5        nan\n"
            "systems left out: 1\n"
            "\n"
            "Kendall     f(a=1,b=2)   nbs\n"
            "f(a=1,b=2)        0.25  0.25\n"
            "nbs               0.25  0.25\n"
            "\n"
            "Spearman    f(a=1,b=2)  nbs\n"
            "f(a=1,b=2)         0.5  0.5\n"
            "nbs                0.5  0.5\n");
  const v1::AggregateScoresRequest& request = server_.seen.aggregate;
  EXPECT_THAT(request.systems(), ElementsAre("one, or \"two\"", "other"));
  EXPECT_EQ(request.measures(0).id(), "f(a=1,b=2)");
  EXPECT_THAT(request.scores(), ElementsAre(0.5, 0.25, testing::IsNan(), 0.1));
  EXPECT_EQ(request.missing(), v1::MISSING_SCORES_IGNORE);
}

TEST_F(CliComparisonTest, AggregateAsJson) {
  const std::string scores = WriteText("scores.csv", "system,cka\na,0.5\nb,\n");

  const CliResult result = Run({"aggregate", scores, "--json"});

  const json document = json::parse(result.out);
  EXPECT_EQ(document["systems"], json({"a", "b"}));
  EXPECT_EQ(document["measures"], json::array({"cka"}));
  EXPECT_EQ(document["arithmetic_mean"][1], "NaN");
  EXPECT_EQ(document["systems_left_out"], 1);
  EXPECT_EQ(server_.seen.aggregate.missing(),
            v1::MISSING_SCORES_COMPLETE_CASES);
}

TEST_F(CliComparisonTest, TablesThatAreNoneAreWrongUsage) {
  ExpectWrongUsage({"aggregate"});
  ExpectWrongUsage({"aggregate", "/no/such.csv"});
  ExpectWrongUsage({"aggregate", WriteText("1.csv", "")});
  ExpectWrongUsage({"aggregate", WriteText("2.csv", "system,cka\n")});
  ExpectWrongUsage({"aggregate", WriteText("3.csv", "system\na\n")});
  ExpectWrongUsage({"aggregate", WriteText("4.csv", "system,cka\na,1,2\n")});
  ExpectWrongUsage({"aggregate", WriteText("5.csv", "system,cka\na,much\n")});
  ExpectWrongUsage({"aggregate", WriteText("6.csv", "system,\"cka\na,1\n")});
  const std::string good = WriteText("7.csv", "system,cka\na,1\n");
  ExpectWrongUsage({"aggregate", good, "--missing", "guess"});
  EXPECT_EQ(server_.calls("AggregateScores"), 0);
}

TEST_F(CliComparisonTest, ErrorsOfTheServerAreOne) {
  const grpc::Status refused = MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                                         "not so",
                                         {"BAD_INPUT", "systems", {}});
  const std::string a = "a=" + file_;
  const std::string scores = WriteText("s.csv", "system,cka\na,1\n");
  const std::vector<std::pair<std::string, std::vector<std::string>>> calls = {
      {"Compare", {"compare", file_, file_, "-m", "cka"}},
      {"ComparePairwise", {"pairwise", a, a, "-m", "cka"}},
      {"EmbedDistances", {"embed", WritePairwise()}},
      {"ComputeFrechetMean", {"mean", a, a, "--out", Path("m.npy")}},
      {"AggregateScores", {"aggregate", scores}},
      {"EstimateScore", {"estimate", "mante", "--shape", "2x2"}}};
  for (const auto& [method, arguments] : calls) {
    server_.FailNext(method, refused);

    const CliResult result = Run(arguments);

    EXPECT_EQ(result.exit_code, 1) << method;
    EXPECT_EQ(result.err,
              "repscore: error: not so (BAD_INPUT, field systems)\n");
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace repscore::client
