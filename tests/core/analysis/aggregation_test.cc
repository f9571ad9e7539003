#include "core/analysis/aggregation.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace repscore {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Aggregation Must(const std::vector<double>& scores,
                 int64_t measures,
                 const std::vector<bool>& higher,
                 MissingScores missing) {
  absl::StatusOr<Aggregation> aggregation =
      AggregateScores(scores,
                      static_cast<int64_t>(scores.size()) / measures,
                      measures,
                      higher,
                      missing);
  EXPECT_TRUE(aggregation.ok()) << aggregation.status();
  return aggregation.ok() ? *aggregation : Aggregation{};
}

TEST(AggregationTest, RankCorrelationsWithTiesAreThoseOfSciPy) {
  // scipy.stats.kendalltau of [12, 2, 1, 12, 2], [1, 4, 7, 1, 0]
  const Aggregation a = Must({12, 1, 2, 4, 1, 7, 12, 1, 2, 0},
                             2,
                             {true, true},
                             MissingScores::kCompleteCases);
  const double rho = -5.0 / std::sqrt(9.0 * 9.5);
  EXPECT_THAT(
      a.kendall,
      Pointwise(DoubleNear(1e-14),
                {1.0, -0.47140452079103173, -0.47140452079103173, 1.0}));
  EXPECT_THAT(
      a.spearman,
      Pointwise(DoubleNear(1e-14), std::vector<double>{1.0, rho, rho, 1.0}));
}

TEST(AggregationTest, DistancesAreNegatedAndRanksStartAtTheBest) {
  const Aggregation a = Must({0.9, 0.1, 0.5, 0.4, 0.9, 0.7},
                             2,
                             {true, false},
                             MissingScores::kCompleteCases);
  EXPECT_THAT(a.mean_rank, ElementsAre(1.25, 2.5, 2.25));
  EXPECT_THAT(
      a.arithmetic_mean,
      Pointwise(DoubleNear(1e-15), std::vector<double>{0.4, 0.05, 0.1}));
  double sum = 0.0;
  for (const double z : a.z_score_mean) {
    sum += z;
  }
  EXPECT_NEAR(sum, 0.0, 1e-14);
  EXPECT_GT(a.z_score_mean[0], 0.5);
}

TEST(AggregationTest, ZScoresUsePopulationDeviationAndZeroWhenConstant) {
  const Aggregation a =
      Must({1, 5, 3, 5}, 2, {true, true}, MissingScores::kCompleteCases);
  EXPECT_THAT(a.z_score_mean, ElementsAre(-0.5, 0.5));
  EXPECT_THAT(a.kendall[1], IsNan());
  EXPECT_THAT(a.spearman[1], IsNan());
}

TEST(AggregationTest, MissingScoresFollowTheRule) {
  const std::vector<double> scores = {0.2, 0.4, 0.6, kNaN, 0.8, 0.1};
  const std::vector<bool> higher = {true, true};
  const Aggregation complete =
      Must(scores, 2, higher, MissingScores::kCompleteCases);
  EXPECT_EQ(complete.systems_left_out, 1);
  EXPECT_THAT(complete.arithmetic_mean[1], IsNan());
  EXPECT_THAT(complete.mean_rank, ElementsAre(1.5, IsNan(), 1.5));
  const Aggregation ignored = Must(scores, 2, higher, MissingScores::kIgnore);
  EXPECT_EQ(ignored.systems_left_out, 0);
  EXPECT_DOUBLE_EQ(ignored.arithmetic_mean[1], 0.6);
  EXPECT_THAT(ignored.mean_rank, ElementsAre(2.0, 2.0, 1.5));
  const Aggregation zero = Must(scores, 2, higher, MissingScores::kZero);
  EXPECT_DOUBLE_EQ(zero.arithmetic_mean[1], 0.3);
  EXPECT_THAT(zero.mean_rank, ElementsAre(2.0, 2.5, 1.5));
  // Between measures only over the systems that have both.
  EXPECT_EQ(zero.kendall[1], -1.0);
  EXPECT_EQ(ignored.kendall[1], -1.0);
}

TEST(AggregationTest, NamesWhatDoesNotFit) {
  const auto message = [](const std::vector<double>& scores,
                          int64_t systems,
                          int64_t measures,
                          const std::vector<bool>& higher,
                          MissingScores missing) {
    return std::string(
        AggregateScores(scores, systems, measures, higher, missing)
            .status()
            .message());
  };
  EXPECT_THAT(message({1, 2, 3}, 2, 1, {true}, MissingScores::kIgnore),
              HasSubstr("scores: 3 for 2 systems and 1 measures"));
  EXPECT_THAT(message({}, 0, 1, {true}, MissingScores::kIgnore),
              HasSubstr("scores: 0"));
  EXPECT_THAT(message({1, 2}, 2, 1, {}, MissingScores::kIgnore),
              HasSubstr("higher_is_better: 0 for 1"));
  EXPECT_THAT(message({1, HUGE_VAL}, 2, 1, {true}, MissingScores::kIgnore),
              HasSubstr("system 1, measure 0 is infinite"));
  EXPECT_THAT(message({1, kNaN}, 2, 1, {false}, MissingScores::kZero),
              HasSubstr("missing: system 1 has no value of measure 0"));
}

}  // namespace
}  // namespace repscore
