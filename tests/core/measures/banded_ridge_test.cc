// Banded ridge regression: values of an independent NumPy program on the golden
// pair, what it is for equal weights, and requests that cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/measures/bands.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Through a spectrum of each fold.
constexpr double kTolerance = 1e-10;

Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

TEST(BandedRidgeTest, MatchesAnIndependentProgramOnTheGoldenPair) {
  const struct {
    const char* id;
    double value;
  } golden[] = {
      {"banded_ridge(bands=counts(10,15),lambda=2,weights=deltas(-1,1))",
       -0.3303115972363932},
      {"banded_ridge(lambda=grid(1,10,100),weights=simplex(4))",
       -0.16784851059648115},
      {"banded_ridge(aggregation=uniform,bands=equal(3),lambda=grid(1,10),"
       "per_target=no,pooling=pooled,selection=inner_folds(3),"
       "weights=simplex(2))",
       -0.06830666166009317}};
  for (const auto& [id, value] : golden) {
    for (const Space space : {Space::kFeature, Space::kSample}) {
      EXPECT_NEAR(
          MustEvaluate(id, BToA(), {.space = space}).value, value, kTolerance)
          << id;
    }
  }
}

TEST(BandedRidgeTest, EqualWeightsAreRidge) {
  const Pair pair = MixedPair(30, 7, 5, 1);

  EXPECT_NEAR(
      MustEvaluate("banded_ridge(lambda=3,weights=deltas(0,0))", pair).value,
      MustEvaluate("ridge_r2(lambda=3)", pair).value,
      kTolerance);
  // random(1, seed) is the equal weights of a simplex: half of lambda.
  EXPECT_NEAR(MustEvaluate("banded_ridge(lambda=grid(2,20),per_target=no,"
                           "weights=random(1,5))",
                           pair)
                  .value,
              MustEvaluate("ridge_r2(lambda=grid(4,40))", pair).value,
              kTolerance);
}

TEST(BandedRidgeTest, AnUselessBandIsPenalised) {
  Pair pair = MixedPair(60, 6, 4, 2);
  Table wide = {60, 36, {}};
  const Table noise = Normals(60, 30, 3);
  for (int64_t i = 0; i < 60; ++i) {
    for (int64_t j = 0; j < 36; ++j) {
      wide.values.push_back(j < 6 ? pair.candidate.at(i, j)
                                  : 3.0 * noise.at(i, j - 6));
    }
  }
  pair.candidate = wide;

  EXPECT_GT(
      MustEvaluate("banded_ridge(bands=counts(6,30),"
                   "lambda=log_grid(-2,4,7),weights=simplex(4))",
                   pair)
          .value,
      MustEvaluate("ridge_r2(lambda=log_grid(-2,4,7))", pair).value + 0.05);
}

TEST(BandedRidgeTest, TheSearchIsReportedAndRepeatable) {
  const Pair pair = MixedPair(30, 7, 5, 4);
  const std::string id = "banded_ridge(weights=random(6,3))";

  const Outcome first = MustEvaluate(id, pair);
  const Outcome second = MustEvaluate(id, pair);
  const Outcome other = MustEvaluate("banded_ridge(weights=random(6,4))", pair);

  EXPECT_EQ(first.value, second.value);
  EXPECT_NE(first.value, other.value);
  ASSERT_EQ(first.warnings.size(), 1);
  EXPECT_EQ(first.warnings[0].reason, "BANDS_CHOSEN");
}

TEST(BandedRidgeTest, BadBandsAndWeightsAreNamed) {
  const auto created = [](const std::string& parameters) {
    return std::string(
        CreateMeasure({.id = "banded_ridge(" + parameters + ")"}, "measure")
            .status()
            .message());
  };
  const auto scored = [](const std::string& bands) {
    const Pair pair = MixedPair(20, 5, 3, 1);
    const auto score = StreamedScore("banded_ridge(bands=" + bands + ")", pair);
    return std::string{score.status().message()};
  };

  EXPECT_THAT(created("bands=halves(2)"), HasSubstr("bands=halves(2)"));
  EXPECT_THAT(created("bands=equal(0)"), HasSubstr("bands=equal(0)"));
  EXPECT_THAT(created("weights=deltas(1)"), HasSubstr("there are 2 bands"));
  EXPECT_THAT(created("weights=random(0,1)"), HasSubstr("weights=random(0,1)"));
  EXPECT_THAT(created("bands=equal(9),weights=simplex(90)"),
              HasSubstr("fewer steps"));
  EXPECT_THAT(created("folds=loo"), HasSubstr("folds=loo"));
  EXPECT_THAT(created("lambda=1,selection=loo,weights=deltas(0,0)"),
              HasSubstr("selection=loo"));
  EXPECT_THAT(scored("counts(2,2)"), HasSubstr("column 4"));
  EXPECT_THAT(scored("ranges(0-2,2-4)"), HasSubstr("column 2 lies in two"));
  EXPECT_THAT(scored("ranges(0-2,3-7)"), HasSubstr("has 5 columns"));
  EXPECT_THAT(created("bands=ranges(3-1)"), HasSubstr("bands=ranges(3-1)"));
}

TEST(BandRuleTest, BlocksCountsAndRangesDivideColumns) {
  const auto bands = [](const char* text) {
    return BandRule::Parse(text)->Assign(5).value();
  };

  EXPECT_THAT(bands("equal(2)"), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(bands("counts(1,4)"), ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(bands("ranges(2-4,0-1)"), ElementsAre(1, 1, 0, 0, 0));
}

TEST(BandWeightsTest, SimplexPointsSumToOne) {
  EXPECT_EQ(BandWeights::Parse("simplex(4)")->List(3)->size(), 15);
  for (const char* text : {"simplex(4)", "random(20,3)"}) {
    const auto list = BandWeights::Parse(text)->List(3).value();
    for (const std::vector<double>& weights : list) {
      EXPECT_NEAR(weights[0] + weights[1] + weights[2], 1.0, 1e-15);
    }
  }
}

}  // namespace
}  // namespace repscore::testing
