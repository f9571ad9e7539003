// Representation topology divergence: filtrations whose loops are known, an
// independent library on the golden pair, and random rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/analysis/score_stream.h"
#include "core/base/random.h"
#include "core/measures/rips_loops.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using Eigen::MatrixXd;
using ::testing::HasSubstr;

// Sums of some hundred differences of distances up to 2.
constexpr double kTolerance = 1e-12;

double ChordOf(int64_t corners, int64_t steps) {
  return 2.0 * std::sin(std::numbers::pi * static_cast<double>(steps) /
                        static_cast<double>(corners));
}

/// Corners of a regular polygon in the unit circle.
MatrixXd Polygon(int64_t corners) {
  MatrixXd distances(corners, corners);
  for (int64_t i = 0; i < corners; ++i) {
    for (int64_t j = 0; j < corners; ++j) {
      distances(i, j) = ChordOf(corners, std::abs(i - j));
    }
  }
  return distances;
}

TEST(RipsLoopsTest, APolygonHasOneLoopFromItsSideToItsThirdPart) {
  // Three corners that reach round the centre fill it: steps of a third of the
  // corners, rounded up.
  for (const int64_t corners : {4, 5, 6, 9, 20}) {
    EXPECT_NEAR(SumOfLoops(Polygon(corners)),
                ChordOf(corners, (corners + 2) / 3) - ChordOf(corners, 1),
                kTolerance)
        << corners;
  }
}

TEST(RipsLoopsTest, TwoPolygonsFarApartHaveTwoLoops) {
  const MatrixXd one = Polygon(8);
  MatrixXd both = MatrixXd::Constant(16, 16, 100.0);
  both.topLeftCorner(8, 8) = one;
  both.bottomRightCorner(8, 8) = one;

  EXPECT_NEAR(SumOfLoops(both), 2.0 * SumOfLoops(one), kTolerance);
}

TEST(RipsLoopsTest, FewPointsHaveNone) {
  EXPECT_EQ(SumOfLoops(MatrixXd::Zero(1, 1)), 0.0);
  EXPECT_EQ(SumOfLoops(Polygon(2)), 0.0);
  EXPECT_EQ(SumOfLoops(Polygon(3)), 0.0);
}

TEST(RtdTest, MatchesGudhiOnTheGoldenPair) {
  const GoldenPair golden = MakeGoldenPair();
  const Pair pair = {.candidate = golden.b, .reference = golden.a};

  EXPECT_NEAR(MustEvaluate("rtd", pair).value, 1.760428331080194, kTolerance);
  EXPECT_NEAR(MustEvaluate("rtd(direction=candidate_to_reference)", pair).value,
              1.964719281487893,
              kTolerance);
  EXPECT_NEAR(MustEvaluate("rtd(direction=reference_to_candidate)", pair).value,
              1.556137380672495,
              kTolerance);
}

Table RowsOf(const Table& table, const std::vector<int64_t>& rows) {
  Table chosen{.rows = static_cast<int64_t>(rows.size()),
               .cols = table.cols,
               .values = std::vector<double>(rows.size() *
                                             static_cast<size_t>(table.cols))};
  for (int64_t i = 0; i < chosen.rows; ++i) {
    for (int64_t j = 0; j < chosen.cols; ++j) {
      chosen.at(i, j) = table.at(rows[static_cast<size_t>(i)], j);
    }
  }
  return chosen;
}

TEST(RtdTest, TrialsAreAveragedOverTheSameRandomRowsOfBothSides) {
  constexpr int64_t kTrials = 4;
  constexpr uint64_t kRowStream = 0x727464;
  const Pair pair = MixedPair(25, 4, 3, 1);
  std::vector<double> values;
  for (uint64_t trial = 0; trial < kTrials; ++trial) {
    std::vector<int64_t> rows = Philox(7, kRowStream + trial).Permutation(25);
    rows.resize(12);
    values.push_back(MustEvaluate("rtd",
                                  {.candidate = RowsOf(pair.candidate, rows),
                                   .reference = RowsOf(pair.reference, rows)})
                         .value);
  }
  double mean = 0.0;
  double squares = 0.0;
  for (const double value : values) {
    mean += value / kTrials;
    squares += value * value / kTrials;
  }

  const Outcome evaluation = MustEvaluate(
      absl::StrCat("rtd(rows=12,seed=7,trials=", kTrials, ")"), pair);

  EXPECT_NEAR(evaluation.value, mean, kTolerance);
  ASSERT_TRUE(evaluation.error.has_value());
  EXPECT_NEAR(*evaluation.error,
              std::sqrt((squares - mean * mean) / kTrials),
              kTolerance);
  EXPECT_FALSE(MustEvaluate("rtd(rows=25)", pair).error.has_value());
}

TEST(RtdTest, StopsBetweenTrialsWhenNobodyWaitsAnyMore) {
  const Pair pair = MixedPair(25, 4, 3, 1);
  const auto reference =
      Reference::Create(TestBackend(), MakeDataset(pair.reference));
  ASSERT_TRUE(reference.ok()) << reference.status();
  const HostArray candidate = ToHostArray(pair.candidate);
  int asked = 0;
  ScoreOptions options;
  options.keep_going = [&asked] {
    return ++asked < 3 ? absl::OkStatus() : absl::CancelledError("gone");
  };
  const auto stream =
      ScoreStream::Create(*reference,
                          {MustCreate("rtd(rows=12,seed=7,trials=1000)")},
                          candidate.spec,
                          options);
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_TRUE((*stream)->Append(candidate.data).ok());

  const auto report = (*stream)->Finish();

  EXPECT_EQ(report.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(asked, 3);
}

TEST(RtdTest, RowsThatAreNearlyAllEqualHaveNoScale) {
  Pair pair = MixedPair(40, 3, 3, 1);
  for (int64_t i = 1; i < 40; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      pair.candidate.at(i, j) = pair.candidate.at(1, j);
    }
  }

  EXPECT_THAT(std::string(StreamedScore("rtd", pair).status().message()),
              HasSubstr("candidate: nine in ten of its distances are 0"));
}

}  // namespace
}  // namespace repscore::testing
