// Maximum mean discrepancy: values of an independent NumPy program on the
// golden pair, and what makes it a distance of sets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// Means of a thousand kernel values.
constexpr double kTolerance = 1e-12;
// The root of a difference of means that is near 0.04.
constexpr double kRootTolerance = 1e-11;

Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

TEST(MmdTest, MatchesAnIndependentProgramOnTheGoldenPair) {
  const struct {
    const char* id;
    double value;
  } golden[] = {
      {"mmd(kernel=linear)", 0.46707171362695976},
      {"mmd(bias=unbiased,form=squared,kernel=linear)", 0.07621167372676396},
      {"mmd", 0.191942705567467},
      {"mmd(kernel=rbf(absolute(1)))", 0.2612822089390597},
      {"mmd(bias=unbiased,form=squared,kernel=rbf(absolute(1)))",
       0.010542874231467825},
      {"mmd(form=squared,kernel=laplace(absolute(2)))", 0.04961698035627138},
      {"mmd(bias=unbiased,form=squared,kernel=rbf(median_offdiagonal(1)))",
       0.010999126708823415}};
  for (const auto& [id, value] : golden) {
    const absl::StatusOr<double> streamed = StreamedScore(id, BToA());

    EXPECT_NEAR(MustEvaluate(id, BToA()).value, value, kRootTolerance) << id;
    ASSERT_TRUE(streamed.ok()) << streamed.status();
    EXPECT_NEAR(*streamed, value, kRootTolerance) << id;
  }
}

TEST(MmdTest, TwoPointsByHand) {
  // Rows 0 and 2 against 1 and 3: means 1 and 2.
  const Pair pair = {.candidate = {2, 1, {0.0, 2.0}},
                     .reference = {2, 1, {1.0, 3.0}}};

  EXPECT_NEAR(MustEvaluate("mmd(kernel=linear)", pair).value, 1.0, kTolerance);
  // Unbiased: x.x' = 0, y.y' = 3, mean x.y = 2.
  EXPECT_NEAR(
      MustEvaluate("mmd(bias=unbiased,form=squared,kernel=linear)", pair).value,
      0.0 + 3.0 - 2.0 * 2.0,
      kTolerance);
  // exp(-d^2/2): within 1 and e^-2; between d = 1, 3, 1, 1.
  EXPECT_NEAR(
      MustEvaluate("mmd(form=squared,kernel=rbf(absolute(1)))", pair).value,
      (1.0 + std::exp(-2.0)) - 0.5 * (3.0 * std::exp(-0.5) + std::exp(-4.5)),
      kTolerance);
}

TEST(MmdTest, TheOrderOfRowsDoesNotMatter) {
  const Pair pair = MixedPair(20, 4, 4, 1);
  Pair reversed = pair;
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      reversed.candidate.at(i, j) = pair.candidate.at(19 - i, j);
    }
  }

  EXPECT_NEAR(MustEvaluate("mmd", pair).value,
              MustEvaluate("mmd", reversed).value,
              kTolerance);
}

TEST(MmdTest, UnbiasedHasMeanZeroForOneDistribution) {
  constexpr int kDraws = 200;
  std::vector<double> values;
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    values.push_back(
        MustEvaluate("mmd(bias=unbiased,form=squared,kernel=rbf(absolute(2)))",
                     {.candidate = Normals(12, 3, 2 * draw),
                      .reference = Normals(12, 3, 2 * draw + 1)})
            .value);
  }
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / kDraws;
  double variance = 0.0;
  for (const double value : values) {
    variance += (value - mean) * (value - mean) / (kDraws - 1);
  }

  EXPECT_LT(std::abs(mean), 4.0 * std::sqrt(variance / kDraws));
}

TEST(MmdTest, BadRequestsNameWhatIsWrong) {
  const absl::StatusOr<std::shared_ptr<const Measure>> root =
      CreateMeasure({.id = "mmd(bias=unbiased)"}, "measure");
  const absl::StatusOr<double> sizes = StreamedScore(
      "mmd", {.candidate = Normals(10, 3, 1), .reference = Normals(10, 4, 2)});
  Pair repeated = {.candidate = Normals(10, 2, 1), .reference = {}};
  for (int64_t i = 0; i < 9; ++i) {
    repeated.candidate.at(i, 0) = 1.0;
    repeated.candidate.at(i, 1) = 2.0;
  }
  repeated.reference = repeated.candidate;
  const absl::StatusOr<double> median = StreamedScore("mmd", repeated);

  EXPECT_THAT(std::string(root.status().message()),
              HasSubstr("measure.id: form=distance"));
  EXPECT_THAT(std::string(sizes.status().message()),
              HasSubstr("candidate has 3 and reference 4"));
  EXPECT_THAT(std::string(median.status().message()),
              HasSubstr("absolute bandwidth"));
}

}  // namespace
}  // namespace repscore::testing
