#include "core/analysis/unit_ceiling.h"

#include <cmath>

#include "core/base/text.h"
#include "core/data/row_matching.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/analysis/context_problem.h"

namespace repscore {
namespace {

using testing::ContextProblem;
using testing::Created;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using testing::MustContexts;
using testing::Normals;
using testing::Prepare;
using testing::Table;
using testing::TimedDataset;

// Reliabilities of noise-free presentations, to rounding.
constexpr double kRounding = 1e-12;

auto Reason(const std::string& reason) {
  return Field(&MeasureWarning::reason, reason);
}

/// Every condition twice: first all of `first`, then all of `second`.
std::shared_ptr<const Dataset> Twice(const Table& first, const Table& second) {
  Table rows = first;
  rows.rows *= 2;
  rows.values.insert(
      rows.values.end(), second.values.begin(), second.values.end());
  std::vector<std::string> ids;
  for (int64_t i = 0; i < rows.rows; ++i) {
    ids.push_back(StrCat("c", i % first.rows));
  }
  absl::StatusOr<std::shared_ptr<const Dataset>> averaged =
      AverageRepetitions(TimedDataset(rows, 1, ids));
  EXPECT_TRUE(averaged.ok()) << averaged.status();
  return *averaged;
}

TEST(CeilUnitsTest, MeanAndMedianOverUnits) {
  UnitScores scores = {.values = {0.5, 0.2, -0.4}};
  const std::vector<std::optional<double>> ceilings = {0.5, 0.8, 0.4};

  const CeiledUnits mean = CeilUnits(scores, ceilings);
  scores.median = true;
  const CeiledUnits median = CeilUnits(scores, ceilings);

  EXPECT_DOUBLE_EQ(*mean.value, (0.5 + 0.05 + 0.4) / 3.0);
  EXPECT_DOUBLE_EQ(*median.value, 0.4);
  EXPECT_EQ(mean.negative, 1);
  EXPECT_EQ(mean.skipped, 0);
}

TEST(CeilUnitsTest, UnitsWithoutScoreOrPositiveCeilingAreLeftOut) {
  const UnitScores scores = {.values = {0.5, std::nullopt, 0.3, 0.3}};

  const CeiledUnits some = CeilUnits(scores, {{0.5, 0.5, std::nullopt, 0.0}});
  const CeiledUnits none = CeilUnits(scores, {{-0.5, 0.5, std::nullopt, 0.0}});
  const CeiledUnits one_for_all = CeilUnits(scores, {{0.5}});

  EXPECT_DOUBLE_EQ(*some.value, 0.5);
  EXPECT_EQ(some.skipped, 3);
  EXPECT_FALSE(none.value.has_value());
  EXPECT_EQ(none.skipped, 4);
  EXPECT_EQ(one_for_all.skipped, 1);
}

TEST(ReliabilityOfUnitsTest, IsOneWithoutNoiseAndEmptyWithoutVariance) {
  Table signal = Normals(20, 3, 1);
  Table noisy = Normals(20, 3, 2);
  for (int64_t i = 0; i < signal.rows; ++i) {
    signal.at(i, 2) = 7.0;
    noisy.at(i, 2) = 7.0;
    noisy.at(i, 0) = signal.at(i, 0);
  }
  constexpr int64_t kSplits = 5;

  const auto reliability =
      ReliabilityOfUnits(*Twice(signal, noisy), kSplits, 3, {});

  ASSERT_TRUE(reliability.ok()) << reliability.status();
  ASSERT_EQ(reliability->units.size(), 3U);
  EXPECT_NEAR(*reliability->units[0], 1.0, kRounding);
  EXPECT_LT(*reliability->units[1], 0.9);
  EXPECT_FALSE(reliability->units[2].has_value());
  EXPECT_EQ(reliability->medians.size(), static_cast<size_t>(kSplits));
}

TEST(ReliabilityOfUnitsTest, EndsWhenItIsTold) {
  const Table signal = Normals(6, 2, 1);

  const auto reliability = ReliabilityOfUnits(*Twice(signal, signal), 3, 3, [] {
    return absl::CancelledError("enough");
  });

  EXPECT_EQ(reliability.status().code(), absl::StatusCode::kCancelled);
}

class PerUnitTest : public ::testing::Test {
 protected:
  static constexpr char kRidge[] =
      "ridge_r(aggregation=mean,folds=rows_contiguous(3),lambda=2)";

  /// With the scores of units that a client's score would have.
  static ContextProblem Problem(const std::shared_ptr<const Dataset>& dataset,
                                const std::vector<UnitScores>& units) {
    std::vector<std::string> ids(units.size(), kRidge);
    ids.back() = units.back().values.empty() ? "cka" : kRidge;
    ContextProblem problem = Prepare(Normals(18, 4, 5), dataset, Created(ids));
    problem.units = units;
    return problem;
  }
};

TEST_F(PerUnitTest, OneCeilingForAllUnits) {
  const ContextProblem problem =
      Problem(testing::MakeDataset(Normals(18, 3, 6)),
              {{.values = {0.5, 0.2, 0.6}, .median = true}});

  const ScoreContext context =
      MustContexts(problem,
                   {.supplied_ceiling = 0.2,
                    .normalisation = Normalisation::kPerUnitRSquaredOverC,
                    .clip = true})[0];

  EXPECT_DOUBLE_EQ(*context.unclipped, 0.25 / 0.2);
  EXPECT_EQ(*context.ceiled, 1.0);
  EXPECT_TRUE(context.ceiling->supplied);
  EXPECT_TRUE(context.notes.empty());
}

TEST_F(PerUnitTest, ReliableUnitsKeepTheirSquaresAndOthersGainMore) {
  Table signal = Normals(18, 2, 7);
  Table noisy = Normals(18, 2, 8);
  for (int64_t i = 0; i < signal.rows; ++i) {
    noisy.at(i, 0) = signal.at(i, 0);
    noisy.at(i, 1) = signal.at(i, 1) + 0.5 * noisy.at(i, 1);
  }
  const auto dataset = Twice(signal, noisy);
  constexpr int64_t kSplits = 8;
  constexpr uint64_t kSeed = 4;
  const ContextProblem problem = Problem(dataset, {{.values = {0.5, -0.4}}});

  const ScoreContext context =
      MustContexts(problem,
                   {.ceiling_splits = kSplits,
                    .normalisation = Normalisation::kPerUnitRSquaredOverC,
                    .seed = kSeed})[0];

  const auto reliability = ReliabilityOfUnits(*dataset, kSplits, kSeed, {});
  ASSERT_TRUE(reliability.ok());
  EXPECT_NEAR(
      *context.ceiled, 0.5 * (0.25 + 0.16 / *reliability->units[1]), kRounding);
  EXPECT_GT(*context.ceiled, 0.5 * (0.25 + 0.16));
  double mean = 0.0;
  for (const double median : reliability->medians) {
    mean += median / static_cast<double>(kSplits);
  }
  EXPECT_NEAR(context.ceiling->value, mean, kRounding);
  EXPECT_EQ(context.ceiling->splits, kSplits);
  EXPECT_TRUE(context.ceiling->error.has_value());
  ASSERT_THAT(context.notes, ElementsAre(Reason("SIGN_LOST")));
  EXPECT_THAT(context.notes[0].message, HasSubstr("1 units"));
}

TEST_F(PerUnitTest, OtherMeasuresKeepTheirCeilingWithANote) {
  const Table signal = Normals(18, 2, 7);
  const ContextProblem problem =
      Problem(Twice(signal, signal), {{.values = {0.5, 0.4}}, {}});

  const auto contexts =
      MustContexts(problem,
                   {.ceiling_splits = 2,
                    .normalisation = Normalisation::kPerUnitRSquaredOverC});

  EXPECT_NEAR(*contexts[0].ceiled, 0.5 * (0.25 + 0.16), kRounding);
  EXPECT_NEAR(contexts[1].ceiling->value, 1.0, kRounding);
  EXPECT_FALSE(contexts[1].ceiled.has_value());
  EXPECT_THAT(contexts[1].notes, ElementsAre(Reason("NO_UNIT_SCORES")));
}

TEST_F(PerUnitTest, UnitsThatAreLeftOutAreCounted) {
  const ContextProblem problem =
      Problem(testing::MakeDataset(Normals(18, 2, 6)),
              {{.values = {0.5, std::nullopt}}});

  const ScoreContext context =
      MustContexts(problem,
                   {.supplied_ceiling = 0.5,
                    .normalisation = Normalisation::kPerUnitRSquaredOverC})[0];

  EXPECT_DOUBLE_EQ(*context.ceiled, 0.5);
  ASSERT_THAT(context.notes, ElementsAre(Reason("UNITS_SKIPPED")));
  EXPECT_THAT(context.notes[0].message, HasSubstr("1 of 2 units"));
}

}  // namespace
}  // namespace repscore
