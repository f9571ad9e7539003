// Intrinsic multi-scale distance: an independent program on the golden pair,
// and graphs whose heat traces are known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// Differences of means of 30 exponentials, times at most exp(-4).
constexpr double kTolerance = 1e-16;

TEST(ImdTest, MatchesAnIndependentProgramOnTheGoldenPair) {
  const GoldenPair golden = MakeGoldenPair();
  const Pair pair = {.candidate = golden.b, .reference = golden.a};

  EXPECT_NEAR(
      MustEvaluate("imd", pair).value, 1.1747485401943532e-05, kTolerance);
  EXPECT_NEAR(
      MustEvaluate("imd(k=3)", pair).value, 1.1662933026233596e-05, kTolerance);
}

TEST(ImdTest, AllNeighboursMakeEqualGraphs) {
  EXPECT_NEAR(
      MustEvaluate("imd(k=9)", MixedPair(10, 3, 4, 1)).value, 0.0, kTolerance);
}

TEST(ImdTest, DoesNotSeeWhichRowIsWhich) {
  const Table rows = Normals(20, 3, 1);
  Table reversed = rows;
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      reversed.at(i, j) = rows.at(19 - i, j);
    }
  }

  EXPECT_NEAR(
      MustEvaluate("imd", {.candidate = rows, .reference = reversed}).value,
      0.0,
      kTolerance);
}

TEST(ImdTest, NeedsMoreRowsThanNeighbours) {
  EXPECT_THAT(
      std::string(
          StreamedScore("imd", MixedPair(5, 3, 3, 1)).status().message()),
      HasSubstr("at least 6 rows"));
}

}  // namespace
}  // namespace repscore::testing
