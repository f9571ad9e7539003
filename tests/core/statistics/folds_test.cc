#include "core/statistics/folds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/base/text.h"

namespace repscore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

FoldRule MustParse(const std::string& text) {
  absl::StatusOr<FoldRule> rule = FoldRule::Parse(text, {});
  EXPECT_TRUE(rule.ok()) << rule.status();
  return *rule;
}

TEST(FoldRuleTest, ContiguousRowsGiveTheFirstFoldsTheRest) {
  const absl::StatusOr<Folds> folds =
      MustParse("rows_contiguous(3)").Assign({.rows = 8, .conditions = 4});

  ASSERT_TRUE(folds.ok());
  EXPECT_THAT(folds->fold_of_row, ElementsAre(0, 0, 0, 1, 1, 1, 2, 2));
}

TEST(FoldRuleTest, ConditionsStayTogetherOverTime) {
  // Two time bins of four conditions.
  const absl::StatusOr<Folds> folds = MustParse("conditions_contiguous(2)")
                                          .Assign({.rows = 8, .conditions = 4});

  ASSERT_TRUE(folds.ok());
  EXPECT_THAT(folds->fold_of_row, ElementsAre(0, 0, 1, 1, 0, 0, 1, 1));
}

TEST(FoldRuleTest, ShufflesAreBalancedAndFollowTheSeed) {
  const Folds first =
      *MustParse("rows_shuffled(4,1)").Assign({.rows = 22, .conditions = 22});
  const Folds again =
      *MustParse("rows_shuffled(4,1)").Assign({.rows = 22, .conditions = 22});
  const Folds other =
      *MustParse("rows_shuffled(4,2)").Assign({.rows = 22, .conditions = 22});

  EXPECT_EQ(first.fold_of_row, again.fold_of_row);
  EXPECT_NE(first.fold_of_row, other.fold_of_row);
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_NE(first.digest, other.digest);
  EXPECT_THAT(first.Sizes(), ElementsAre(6, 6, 5, 5));
}

TEST(FoldRuleTest, CanonicalFormWritesTheSeedAndTakesAliases) {
  EXPECT_EQ(MustParse("rows_shuffled(5)").ToString(), "rows_shuffled(5,0)");
  EXPECT_EQ(MustParse("rows_shuffled(k=5,seed=9)").ToString(),
            "rows_shuffled(5,9)");
  EXPECT_EQ(MustParse("by_condition_contiguous(5)").ToString(),
            "conditions_contiguous(5)");
  EXPECT_EQ(MustParse("none").ToString(), "none");
}

TEST(FoldRuleTest, ExplicitFoldsAreKnownByTheirCanonicalForm) {
  const FoldRule::Lists lists = {.test = {{4, 1}, {0}}};
  const auto rule = FoldRule::Parse("explicit", lists);
  ASSERT_TRUE(rule.ok());
  const std::string canonical = rule->ToString();

  const auto again = FoldRule::Parse(canonical, lists);
  const auto other = FoldRule::Parse(canonical, {.test = {{4}, {0}}});

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ToString(), canonical);
  EXPECT_THAT(other.status().message(), HasSubstr("names other folds"));
  EXPECT_FALSE(FoldRule::Parse(canonical, {}).ok());
}

TEST(FoldRuleTest, ExplicitFoldsMayLeaveRowsToTraining) {
  const absl::StatusOr<FoldRule> rule =
      FoldRule::Parse("explicit", {.test = {{4, 1}, {0}}});
  ASSERT_TRUE(rule.ok());

  const absl::StatusOr<Folds> folds =
      rule->Assign({.rows = 6, .conditions = 6});

  ASSERT_TRUE(folds.ok());
  EXPECT_THAT(folds->fold_of_row, ElementsAre(1, 0, -1, -1, 0, -1));
}

TEST(FoldRuleTest, TrainingListsMayOverlap) {
  const absl::StatusOr<FoldRule> rule = FoldRule::Parse(
      "explicit", {.test = {{4, 1}, {1}}, .train = {{0, 2}, {3, 5}}});
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_FALSE(rule->is_partition());

  const absl::StatusOr<Folds> folds =
      rule->Assign({.rows = 6, .conditions = 6});

  ASSERT_TRUE(folds.ok()) << folds.status();
  EXPECT_THAT(folds->Splits()[0].train, ElementsAre(0, 2));
  EXPECT_THAT(folds->Splits()[1].test, ElementsAre(1));
}

TEST(FoldRuleTest, SplitsKeepClassesInProportion) {
  const std::vector<std::string> object = {
      "a", "b", "a", "b", "a", "b", "a", "b", "a", "b"};
  const absl::StatusOr<FoldRule> rule =
      FoldRule::Parse("split(train=0.6,repeats=3,seed=5,stratify=object)", {});
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->ToString(),
            "split(train=0.6,repeats=3,seed=5,stratify=object)");

  const absl::StatusOr<Folds> folds = rule->Assign(
      {.rows = 20, .conditions = 10, .labels = {{"object", object}}});

  ASSERT_TRUE(folds.ok()) << folds.status();
  ASSERT_EQ(folds->count, 3);
  for (const Split& split : folds->Splits()) {
    EXPECT_EQ(split.train.size(), 12);
    ASSERT_EQ(split.test.size(), 8);
    int64_t odd = 0;
    for (size_t i = 0; i < 4; ++i) {
      odd += split.test[i] % 2;
      // Both time bins of a condition stay together.
      EXPECT_EQ(split.test[i] + 10, split.test[i + 4]);
    }
    EXPECT_EQ(odd, 2);
  }
  EXPECT_NE(folds->Splits()[0].test, folds->Splits()[1].test);
}

TEST(FoldRuleTest, StratifiedFoldsDealEveryClass) {
  const std::vector<std::string> object = {
      "a", "a", "a", "a", "b", "b", "b", "b"};
  const absl::StatusOr<FoldRule> rule =
      FoldRule::Parse("stratified(2,object,3)", {});
  ASSERT_TRUE(rule.ok()) << rule.status();

  const absl::StatusOr<Folds> folds = rule->Assign(
      {.rows = 8, .conditions = 8, .labels = {{"object", object}}});
  const absl::Status unknown =
      rule->Assign({.rows = 8, .conditions = 8}).status();

  ASSERT_TRUE(folds.ok()) << folds.status();
  for (const Split& split : folds->Splits()) {
    EXPECT_EQ(std::count_if(split.test.begin(),
                            split.test.end(),
                            [](int64_t row) { return row < 4; }),
              2);
  }
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("no label \"object\""));
}

TEST(FoldRuleTest, LeaveOneOutHasAFoldPerRow) {
  const absl::StatusOr<Folds> folds =
      FoldRule::Parse("loo", {})->Assign({.rows = 5, .conditions = 5});

  ASSERT_TRUE(folds.ok());
  EXPECT_THAT(folds->fold_of_row, ElementsAre(0, 1, 2, 3, 4));
}

TEST(FoldRuleTest, TrajectoriesAreConditionsAndNeedTime) {
  const FoldRule rule = FoldRule::Trajectories();

  const absl::StatusOr<Folds> folds = rule.Assign({.rows = 6, .conditions = 2});
  const absl::StatusOr<Folds> one = rule.Assign({.rows = 3, .conditions = 1});
  const absl::Status none = rule.Assign({.rows = 6, .conditions = 6}).status();

  ASSERT_TRUE(folds.ok() && one.ok());
  EXPECT_EQ(folds->count, 2);
  EXPECT_THAT(folds->fold_of_row, ElementsAre(0, 1, 0, 1, 0, 1));
  EXPECT_THAT(one->fold_of_row, ElementsAre(0, 0, 0));
  EXPECT_EQ(none.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(none.message()), HasSubstr("no time axis"));
  EXPECT_FALSE(FoldRule::Parse("trajectories", {}).ok());
}

TEST(FoldRuleTest, RowBatchesLeaveOutWhatDoesNotFillOne) {
  const FoldRule rule = FoldRule::RowBatches(3);
  const absl::StatusOr<Folds> folds = rule.Assign({.rows = 8, .conditions = 4});
  const absl::StatusOr<Folds> one = rule.Assign({.rows = 3, .conditions = 3});
  const absl::StatusOr<Folds> none = rule.Assign({.rows = 2, .conditions = 2});

  EXPECT_EQ(rule.ToString(), "row_batches(3)");
  EXPECT_TRUE(rule.is_partition());
  ASSERT_TRUE(folds.ok() && one.ok());
  EXPECT_THAT(folds->fold_of_row, ElementsAre(0, 0, 0, 1, 1, 1, -1, -1));
  EXPECT_EQ(folds->count, 2);
  EXPECT_THAT(one->fold_of_row, ElementsAre(0, 0, 0));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("batch of 3"));
}

TEST(FoldRuleTest, BadExplicitFoldsAreNamed) {
  const auto failure = [](std::vector<std::vector<int64_t>> lists) {
    absl::StatusOr<FoldRule> rule =
        FoldRule::Parse("explicit", {.test = std::move(lists)});
    const absl::Status status =
        rule.ok() ? rule->Assign({.rows = 6, .conditions = 6}).status()
                  : rule.status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return StrCat(status.message());
  };

  EXPECT_THAT(failure({}), HasSubstr("at least two"));
  EXPECT_THAT(failure({{0}, {}}), HasSubstr("explicit_folds[1]"));
  EXPECT_THAT(failure({{0}, {6}}), HasSubstr("row 6"));
  EXPECT_THAT(failure({{0, 1}, {1}}), HasSubstr("already in fold 0"));
  EXPECT_THAT(failure({{0, 1, 2, 3, 4}, {5}}), HasSubstr("training rows"));
}

TEST(FoldRuleTest, BadRulesAreNamed) {
  for (const char* text : {"rows_contiguous",
                           "rows_contiguous(1)",
                           "rows_contiguous(x)",
                           "rows_contiguous(5,1)",
                           "rows_shuffled(5,-1)",
                           "kfold(5)",
                           "",
                           "rows_contiguous(5",
                           "rows_shuffled(2,3,4)"}) {
    EXPECT_EQ(FoldRule::Parse(text, {}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_EQ(MustParse("rows_contiguous(9)")
                .Assign({.rows = 8, .conditions = 8})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MustParse("conditions_contiguous(5)")
                .Assign({.rows = 8, .conditions = 4})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace repscore
