#include "core/analysis/resampling.h"

#include <algorithm>
#include <cmath>

#include "core/base/random.h"
#include "core/base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/analysis/context_problem.h"

namespace repscore {
namespace {

using testing::ContextProblem;
using testing::ContextsOf;
using testing::Created;
using ::testing::HasSubstr;
using testing::MakeDataset;
using testing::Measures;
using testing::MixedPair;
using testing::MustContexts;
using testing::Normals;
using testing::Pair;
using testing::Prepare;
using testing::Product;
using testing::Sum;
using testing::Table;
using testing::TimedDataset;

std::vector<std::string> AllKinds() {
  return {"cka",
          "cka.debiased",
          "cka.angular",
          "nbs",
          "procrustes.angle",
          "linear_r2",
          "linear_r2(direction=reference_to_candidate)",
          "ridge_r2(folds=none,lambda=2)",
          "ridge_r2(folds=conditions_shuffled(3,5),lambda=2)",
          ("ridge_r2(direction=symmetric_mean,folds=rows_shuffled(4,7),"
           "lambda=2)")};
}

/// The reference with conditions permuted, as a recording of its own.
Table Permuted(const Table& rows,
               int64_t conditions,
               const std::vector<int64_t>& permutation) {
  Table out = rows;
  for (int64_t i = 0; i < rows.rows; ++i) {
    const int64_t condition = permutation[static_cast<size_t>(i % conditions)];
    for (int64_t j = 0; j < rows.cols; ++j) {
      out.at(i, j) = rows.at(i - i % conditions + condition, j);
    }
  }
  return out;
}

TEST(PermutationTest, EveryDrawIsTheScoreOfAPermutedRecording) {
  constexpr int64_t kTimes = 2;
  constexpr int64_t kConditions = 15;
  constexpr uint64_t kSeed = 9;
  // p below and above the rows, q below and above.
  for (const auto& [p, q] :
       {std::pair<int64_t, int64_t>{4, 3}, {7, 40}, {45, 6}, {33, 50}}) {
    const Pair pair = MixedPair(kTimes * kConditions, p, q, 3);
    const Measures measures = Created(AllKinds());
    const ContextProblem problem =
        Prepare(pair.candidate, TimedDataset(pair.reference, kTimes), measures);
    const absl::StatusOr<Resampler> resampler =
        Resampler::Create(*problem.reference, measures);
    ASSERT_TRUE(resampler.ok()) << resampler.status();
    const absl::StatusOr<DrawnScores> drawn =
        resampler->ScorePermutations(problem.sides, 35, kSeed, {});
    ASSERT_TRUE(drawn.ok()) << drawn.status();
    ASSERT_EQ(drawn->draws.size(), 35U);
    for (const size_t draw : {0U, 1U, 34U}) {
      const std::vector<int64_t> permutation =
          Philox(kSeed, RandomStream(RandomUse::kPermutation, draw))
              .Permutation(kConditions);
      const ContextProblem alone = Prepare(
          pair.candidate,
          TimedDataset(Permuted(pair.reference, kConditions, permutation),
                       kTimes),
          measures);
      for (size_t m = 0; m < measures.size(); ++m) {
        ASSERT_TRUE(drawn->draws[draw][m].has_value()) << drawn->failure;
        EXPECT_NEAR(*drawn->draws[draw][m], alone.scores[m], 1e-9)
            << measures[m]->id() << " p=" << p << " q=" << q << " " << draw;
      }
    }
  }
}

TEST(PermutationTest, PValuesOfIndependentDataAreUniform) {
  constexpr int kProblems = 300;
  constexpr int64_t kDraws = 99;
  const Measures measures = Created({"cka", "procrustes.angle"});
  std::vector<std::vector<double>> p_values(2);
  for (int i = 0; i < kProblems; ++i) {
    const auto seed = static_cast<uint64_t>(i);
    const ContextProblem problem =
        Prepare(Normals(12, 3, 2 * seed),
                MakeDataset(Normals(12, 4, 2 * seed + 1)),
                measures);
    const std::vector<ScoreContext> contexts =
        MustContexts(problem, {.permutations = kDraws, .seed = seed});
    for (size_t m = 0; m < 2; ++m) {
      p_values[m].push_back(contexts[m].null->p_value);
    }
  }
  for (std::vector<double>& values : p_values) {
    std::sort(values.begin(), values.end());
    double largest = 0.0;
    for (size_t i = 0; i < values.size(); ++i) {
      // P(p <= k / 100) = k / 100 exactly.
      const auto below = static_cast<double>(
          std::upper_bound(values.begin(), values.end(), values[i]) -
          values.begin());
      largest = std::max(largest, std::abs(below / kProblems - values[i]));
    }
    // Kolmogorov's D at p = 0.01.
    EXPECT_LT(largest, 1.63 / std::sqrt(static_cast<double>(kProblems)));
    ::testing::Test::RecordProperty("kolmogorov_d", std::to_string(largest));
  }
}

TEST(PermutationTest, RelatedDataAreFoundWhicheverWayAMeasurePoints) {
  const Pair pair = MixedPair(30, 5, 5, 4);
  const ContextProblem problem = Prepare(pair.candidate,
                                         MakeDataset(pair.reference),
                                         Created({"nbs", "procrustes.angle"}));
  const std::vector<ScoreContext> contexts =
      MustContexts(problem, {.permutations = 199, .seed = 1});
  for (size_t m = 0; m < 2; ++m) {
    ASSERT_TRUE(contexts[m].null.has_value());
    EXPECT_DOUBLE_EQ(contexts[m].null->p_value, 1.0 / 200.0);
    EXPECT_GT(contexts[m].null->sd, 0.0);
    EXPECT_EQ(contexts[m].null->permutations, 199);
  }
  EXPECT_LT(contexts[0].null->mean, problem.scores[0]);
  EXPECT_GT(contexts[1].null->mean, problem.scores[1]);
}

TEST(PermutationTest, APermutationThatChangesNothingCounts) {
  Table rows = Normals(8, 1, 5);
  for (int64_t i = 0; i < 8; ++i) {
    rows.at(i, 0) = i < 7 ? 1.0 : 0.0;
  }
  // One row differs: it stays at its place in one of 8 permutations, and
  // elsewhere all permutations are alike.
  const ContextProblem problem =
      Prepare(rows, MakeDataset(rows), Created({"cka"}));
  const std::vector<ScoreContext> contexts =
      MustContexts(problem, {.permutations = 2000, .seed = 2});
  EXPECT_NEAR(contexts[0].null->p_value, 1.0 / 8.0, 0.03);
}

TEST(SubsetTest, KernelsOfSubsetsArePartsOfTheKernel) {
  const Pair pair = MixedPair(20, 30, 7, 6);
  // Alone cka needs kernels only; beside nbs it gets rows.
  const ContextProblem kernels = Prepare(
      pair.candidate, TimedDataset(pair.reference, 2), Created({"cka"}));
  const ContextProblem rows = Prepare(
      pair.candidate, TimedDataset(pair.reference, 2), Created({"cka", "nbs"}));
  const ContextRequest request = {.bootstrap_draws = 50, .seed = 3};
  const Interval a = *MustContexts(kernels, request)[0].interval;
  const Interval b = *MustContexts(rows, request)[0].interval;
  EXPECT_NEAR(a.lower, b.lower, 1e-12);
  EXPECT_NEAR(a.upper, b.upper, 1e-12);
  EXPECT_LT(a.lower, a.upper);
  EXPECT_EQ(a.unit, "condition");
  EXPECT_EQ(a.draws, 50);
  EXPECT_EQ(a.confidence, 0.95);
}

TEST(SubsetTest, EqualRowsHaveAnIntervalOfOnePoint) {
  const Table rows = Normals(20, 4, 7);
  const ContextProblem problem =
      Prepare(rows, MakeDataset(rows), Created({"cka", "procrustes.angle"}));
  const std::vector<ScoreContext> contexts =
      MustContexts(problem, {.bootstrap_draws = 30});
  EXPECT_NEAR(contexts[0].interval->lower, 1.0, 1e-12);
  EXPECT_NEAR(contexts[0].interval->upper, 1.0, 1e-12);
  EXPECT_NEAR(contexts[1].interval->upper, 0.0, 1e-12);
}

TEST(SubsetTest, MembersOfAGroupAreDrawnTogether) {
  // Ten sessions of six conditions that are almost copies of one another.
  const Pair sessions = MixedPair(10, 3, 3, 8);
  Pair pair = MixedPair(60, 3, 3, 9);
  NamedValues group = {.name = "session", .values = {}};
  for (int64_t i = 0; i < 60; ++i) {
    group.values.push_back(StrCat("s", i / 6));
    for (int64_t j = 0; j < 3; ++j) {
      pair.candidate.at(i, j) =
          sessions.candidate.at(i / 6, j) + 0.01 * pair.candidate.at(i, j);
      pair.reference.at(i, j) =
          sessions.reference.at(i / 6, j) + 0.01 * pair.reference.at(i, j);
    }
  }
  auto dataset = std::make_shared<Dataset>(*MakeDataset(pair.reference));
  dataset->description.groups = {
      group, {.name = "half", .values = std::vector<std::string>(60, "a")}};
  const ContextProblem problem =
      Prepare(pair.candidate, dataset, Created({"linear_r2"}));
  const auto interval = [&problem](const std::string& name) {
    return MustContexts(problem,
                        {.bootstrap_draws = 300, .bootstrap_group = name})[0];
  };
  const ScoreContext together = interval("session");
  const ScoreContext apart = interval("");
  EXPECT_EQ(together.interval->unit, "session");
  EXPECT_GT(together.interval->upper - together.interval->lower,
            1.7 * (apart.interval->upper - apart.interval->lower));
  const ScoreContext one = interval("half");
  EXPECT_FALSE(one.interval.has_value());
  ASSERT_EQ(one.notes.size(), 1U);
  EXPECT_EQ(one.notes[0].reason, "TOO_FEW_UNITS");
  const absl::Status unknown =
      ContextsOf(problem, {.bootstrap_draws = 30, .bootstrap_group = "day"})
          .status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.message()),
              HasSubstr("context.bootstrap_group: "));
}

/// Correlated gaussians: three dimensions that both sides share, and noise.
Pair Correlated(int64_t n, int64_t p, int64_t q, uint64_t seed) {
  const Table shared = Normals(n, 3, 5 * seed);
  Pair pair;
  pair.candidate = Sum(1.0,
                       Product(shared, Normals(3, p, 1000001)),
                       1.0,
                       Normals(n, p, 5 * seed + 1));
  pair.reference = Sum(1.0,
                       Product(shared, Normals(3, q, 1000002)),
                       1.5,
                       Normals(n, q, 5 * seed + 2));
  return pair;
}

TEST(SubsetTest, IntervalsCoverTheTruthAsOftenAsTheySay) {
  constexpr int kSets = 400;
  const Measures measures =
      Created({"cka.debiased",
               "linear_r2",
               "ridge_r2(lambda=0.05,lambda_scale=per_sample)"});
  const Pair large = Correlated(100000, 4, 5, 1);
  const ContextProblem truth =
      Prepare(large.candidate, MakeDataset(large.reference), measures);
  std::vector<double> coverage(measures.size(), 0.0);
  for (uint64_t set = 0; set < kSets; ++set) {
    const Pair pair = Correlated(60, 4, 5, 100 + set);
    const ContextProblem problem =
        Prepare(pair.candidate, MakeDataset(pair.reference), measures);
    const std::vector<ScoreContext> contexts =
        MustContexts(problem, {.bootstrap_draws = 60, .seed = set});
    for (size_t m = 0; m < measures.size(); ++m) {
      ASSERT_TRUE(contexts[m].interval.has_value());
      const Interval& interval = *contexts[m].interval;
      coverage[m] += (interval.lower <= truth.scores[m] &&
                      truth.scores[m] <= interval.upper) /
                     static_cast<double>(kSets);
    }
  }
  for (size_t m = 0; m < measures.size(); ++m) {
    EXPECT_NEAR(coverage[m], 0.95, 0.03) << measures[m]->id();
    ::testing::Test::RecordProperty(StrCat("coverage_", m),
                                    std::to_string(coverage[m]));
  }
}

}  // namespace
}  // namespace repscore
