#include "core/analysis/context.h"

#include <cmath>

#include "core/base/text.h"
#include "core/data/row_matching.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/analysis/context_problem.h"

namespace repscore {
namespace {

using testing::ContextProblem;
using testing::ContextsOf;
using testing::Created;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using testing::MakeDataset;
using testing::MixedPair;
using testing::MustContexts;
using testing::Normals;
using testing::Pair;
using testing::Prepare;
using testing::StreamedScore;
using testing::Table;
using testing::TimedDataset;

auto Reason(const std::string& reason) {
  return Field(&MeasureWarning::reason, reason);
}

/// `times` bins of `conditions` conditions, each presented `count` times with
/// noise; presentations of a condition lie far apart.
std::shared_ptr<const Dataset> Presented(const Table& signal,
                                         int64_t times,
                                         int64_t count,
                                         double noise) {
  const int64_t conditions = signal.rows / times;
  Table rows = Normals(signal.rows * count, signal.cols, 31);
  std::vector<std::string> ids;
  for (int64_t i = 0; i < rows.rows; ++i) {
    const int64_t time = i / (conditions * count);
    const int64_t condition = i % conditions;
    for (int64_t j = 0; j < rows.cols; ++j) {
      rows.at(i, j) =
          signal.at(time * conditions + condition, j) + noise * rows.at(i, j);
    }
    if (time == 0) {
      ids.push_back(StrCat("c", condition));
    }
  }
  absl::StatusOr<std::shared_ptr<const Dataset>> averaged =
      AverageRepetitions(TimedDataset(rows, times, ids));
  EXPECT_TRUE(averaged.ok()) << averaged.status();
  return *averaged;
}

TEST(ContextTest, ScoresAreThoseOfAClient) {
  const Pair pair = MixedPair(20, 4, 30, 1);
  const ContextProblem problem = Prepare(
      pair.candidate, MakeDataset(pair.reference), Created({"cka", "nbs"}));
  EXPECT_NEAR(problem.scores[0], *StreamedScore("cka", pair), 1e-12);
  EXPECT_NEAR(problem.scores[1], *StreamedScore("nbs", pair), 1e-12);
}

TEST(ContextTest, NothingAskedNothingGiven) {
  const Pair pair = MixedPair(20, 4, 3, 1);
  const ContextProblem problem =
      Prepare(pair.candidate, MakeDataset(pair.reference), Created({"cka"}));
  const ScoreContext context = MustContexts(problem, {})[0];
  EXPECT_FALSE(context.ceiling.has_value() || context.ceiled.has_value() ||
               context.interval.has_value() || context.null.has_value() ||
               context.baseline.has_value());
  EXPECT_TRUE(context.notes.empty());
}

TEST(CeilingTest, OneFeatureHasTheReliabilityOfPsychometrics) {
  // cka of one feature is r^2; r of halves is 1 / (1 + noise^2 / half).
  const Table signal = Normals(4000, 1, 2);
  for (const int64_t count : {2, 4}) {
    const ContextProblem problem =
        Prepare(signal, Presented(signal, 2, count, 0.8), Created({"cka"}));
    const ScoreContext context =
        MustContexts(problem, {.ceiling_splits = 4})[0];
    ASSERT_TRUE(context.ceiling.has_value());
    const double r = 1.0 / (1.0 + 0.64 / (0.5 * static_cast<double>(count)));
    EXPECT_NEAR(context.ceiling->value, 2 * r * r / (1 + r * r), 0.03);
    EXPECT_GT(context.ceiling->error.value_or(0.0), 1e-5);
    EXPECT_LT(*context.ceiling->error, 0.01);
    EXPECT_EQ(context.ceiling->splits, 4);
    EXPECT_FALSE(context.ceiling->supplied);
  }
}

TEST(CeilingTest, PerfectRepetitionsAgreeAndDistancesAreNotCorrected) {
  const Table signal = Normals(12, 30, 3);
  const auto measures = Created({"cka", "procrustes.angle"});
  for (const int64_t count : {2, 3}) {
    const ContextProblem problem =
        Prepare(Normals(12, 4, 4), Presented(signal, 1, count, 0.0), measures);
    const std::vector<ScoreContext> contexts =
        MustContexts(problem, {.ceiling_splits = 1});
    EXPECT_NEAR(contexts[0].ceiling->value, 1.0, 1e-12);
    EXPECT_FALSE(contexts[0].ceiling->error.has_value());
    EXPECT_EQ(contexts[0].ceiling->error_reason, "one split");
    EXPECT_NEAR(contexts[1].ceiling->value, 0.0, 1e-7);
    EXPECT_THAT(contexts[1].notes,
                ElementsAre(Reason("CEILING_OF_A_DISTANCE")));
  }
  const ContextProblem noisy =
      Prepare(Normals(12, 4, 4), Presented(signal, 1, 3, 1.0), measures);
  const std::vector<ScoreContext> contexts =
      MustContexts(noisy, {.ceiling_splits = 5});
  EXPECT_LT(contexts[0].ceiling->value, 0.99);
  EXPECT_GT(contexts[1].ceiling->value, 0.1);
}

TEST(CeilingTest, NeedsTwoPresentationsOfEveryCondition) {
  const Table signal = Normals(6, 3, 5);
  const ContextProblem none =
      Prepare(signal, MakeDataset(signal), Created({"cka"}));
  EXPECT_THAT(MustContexts(none, {.ceiling_splits = 3})[0].notes,
              ElementsAre(Reason("NO_REPETITIONS")));
  const auto some = AverageRepetitions(
      TimedDataset(signal, 1, {"a", "b", "c", "a", "b", "d"}));
  ASSERT_TRUE(some.ok());
  const ContextProblem partly =
      Prepare(Normals(4, 3, 6), *some, Created({"cka"}));
  const ScoreContext context = MustContexts(partly, {.ceiling_splits = 3})[0];
  EXPECT_FALSE(context.ceiling.has_value());
  ASSERT_THAT(context.notes, ElementsAre(Reason("NO_REPETITIONS")));
  EXPECT_THAT(context.notes[0].message, HasSubstr("one presentation of 'c'"));
}

TEST(CeilingTest, NormalisationsAndClipping) {
  const Pair pair = MixedPair(20, 4, 3, 7);
  ContextProblem problem = Prepare(pair.candidate,
                                   MakeDataset(pair.reference),
                                   Created({"cka", "cka.angular"}));
  problem.scores = {0.6, 0.3};
  const auto ceiled = [&problem](Normalisation normalisation, bool clip) {
    return MustContexts(problem,
                        {.supplied_ceiling = 0.5,
                         .normalisation = normalisation,
                         .clip = clip})[0];
  };
  EXPECT_FALSE(ceiled(Normalisation::kNone, true).ceiled.has_value());
  EXPECT_DOUBLE_EQ(*ceiled(Normalisation::kROverC, false).ceiled, 1.2);
  EXPECT_DOUBLE_EQ(*ceiled(Normalisation::kRSquaredOverC, false).ceiled, 0.72);
  EXPECT_DOUBLE_EQ(*ceiled(Normalisation::kRSquaredOverC2, false).ceiled, 1.44);
  const ScoreContext clipped = ceiled(Normalisation::kROverC, true);
  EXPECT_EQ(*clipped.ceiled, 1.0);
  EXPECT_DOUBLE_EQ(*clipped.unclipped, 1.2);
  EXPECT_TRUE(clipped.ceiling->supplied);
  EXPECT_FALSE(clipped.ceiling->error.has_value());
  EXPECT_EQ(clipped.ceiling->error_reason, "supplied by the caller");
  problem.scores = {-0.6, 0.3};
  EXPECT_THAT(ceiled(Normalisation::kRSquaredOverC, false).notes,
              ElementsAre(Reason("SIGN_LOST")));
}

TEST(CeilingTest, ADistanceIsNotDivided) {
  const Pair pair = MixedPair(20, 4, 3, 7);
  const ContextProblem problem = Prepare(pair.candidate,
                                         MakeDataset(pair.reference),
                                         Created({"procrustes.angle"}));
  const ScoreContext context = MustContexts(
      problem,
      {.supplied_ceiling = 0.5, .normalisation = Normalisation::kROverC})[0];
  EXPECT_FALSE(context.ceiled.has_value());
  EXPECT_THAT(context.notes, ElementsAre(Reason("NOT_A_SCORE")));
}

TEST(BaselineTest, IsTheScoreOfTheAverageOverConditions) {
  for (const int64_t q : {5, 30}) {
    const Table reference = Normals(24, q, 8);
    Table average = reference;
    for (int64_t i = 0; i < 24; ++i) {
      for (int64_t j = 0; j < q; ++j) {
        average.at(i, j) = 0.0;
        for (int64_t c = 0; c < 6; ++c) {
          average.at(i, j) += reference.at(i - i % 6 + c, j) / 6.0;
        }
      }
    }
    const ContextProblem problem = Prepare(
        Normals(24, 3, 9), TimedDataset(reference, 4), Created({"cka", "nbs"}));
    const std::vector<ScoreContext> contexts =
        MustContexts(problem, {.baseline = true});
    const Pair pair = {.candidate = average, .reference = reference};
    EXPECT_NEAR(*contexts[0].baseline, *StreamedScore("cka", pair), 1e-12);
    EXPECT_NEAR(*contexts[1].baseline, *StreamedScore("nbs", pair), 1e-12);
  }
}

TEST(BaselineTest, NeedsTimeBins) {
  const Table rows = Normals(8, 3, 10);
  const ContextProblem problem =
      Prepare(rows, MakeDataset(rows), Created({"cka"}));
  const ScoreContext context = MustContexts(problem, {.baseline = true})[0];
  EXPECT_FALSE(context.baseline.has_value());
  EXPECT_THAT(context.notes, ElementsAre(Reason("NO_CONDITION_AXIS")));
}

TEST(ContextTest, RefusesNumbersOutOfTheirDomain) {
  const auto message = [](const ContextRequest& request) {
    const absl::Status status = ValidateContext(request);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return StrCat(status.message());
  };
  EXPECT_TRUE(ValidateContext({}).ok());
  EXPECT_THAT(message({.ceiling_splits = -1}),
              HasSubstr("context.ceiling_splits: -1"));
  EXPECT_THAT(message({.bootstrap_draws = 19}),
              HasSubstr("context.bootstrap_draws: 19"));
  EXPECT_THAT(message({.permutations = 2'000'000}),
              HasSubstr("context.permutations: 2000000"));
  EXPECT_THAT(message({.confidence = 1.0}), HasSubstr("context.confidence: 1"));
  EXPECT_THAT(message({.confidence = std::nan("")}),
              HasSubstr("context.confidence"));
  EXPECT_THAT(message({.supplied_ceiling = 0.0}),
              HasSubstr("context.supplied_ceiling: 0"));
  EXPECT_THAT(message({.normalisation = Normalisation::kROverC}),
              HasSubstr("context.normalization: needs a ceiling"));
}

TEST(ContextTest, StopsBetweenDraws) {
  const Table signal = Normals(12, 3, 11);
  const ContextProblem problem = Prepare(
      Normals(12, 2, 12), Presented(signal, 2, 2, 0.1), Created({"cka"}));
  for (const ContextRequest& request : {ContextRequest{.ceiling_splits = 50},
                                        ContextRequest{.bootstrap_draws = 50},
                                        ContextRequest{.permutations = 50}}) {
    int calls = 0;
    const absl::Status status =
        ContextsOf(problem, request, [&calls] {
          return ++calls < 10 ? absl::OkStatus()
                              : absl::DeadlineExceededError("late");
        }).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(calls, 10);
  }
}

TEST(ContextTest, TheSeedDecides) {
  const Pair pair = MixedPair(20, 4, 3, 13);
  const ContextProblem problem =
      Prepare(pair.candidate, MakeDataset(pair.reference), Created({"cka"}));
  const auto lower = [&problem](uint64_t seed) {
    return MustContexts(problem, {.bootstrap_draws = 20, .seed = seed})[0]
        .interval->lower;
  };
  EXPECT_EQ(lower(1), lower(1));
  EXPECT_NE(lower(1), lower(2));
}

}  // namespace
}  // namespace repscore
