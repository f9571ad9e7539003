// Nearest neighbours against slow definitions, ties and bounds; means over
// subsets against single evaluations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/measures/registry.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

constexpr double kSameValue = 1e-12;

double Inner(const Table& rows, int64_t i, int64_t j) {
  double sum = 0.0;
  for (int64_t c = 0; c < rows.cols; ++c) {
    sum += rows.at(i, c) * rows.at(j, c);
  }
  return sum;
}

double InnerCosine(const Table& rows, int64_t i, int64_t j) {
  return Inner(rows, i, j) / std::sqrt(Inner(rows, i, i) * Inner(rows, j, j));
}

/// k largest similarities of every row with others, smaller index first.
template <typename Similarity>
std::vector<std::vector<int64_t>> SlowNeighbours(const Table& rows,
                                                 size_t k,
                                                 Similarity similarity) {
  std::vector<std::vector<int64_t>> lists;
  for (int64_t i = 0; i < rows.rows; ++i) {
    std::vector<int64_t> order;
    for (int64_t j = 0; j < rows.rows; ++j) {
      if (j != i) {
        order.push_back(j);
      }
    }
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return similarity(rows, i, a) > similarity(rows, i, b);
    });
    order.resize(k);
    lists.push_back(order);
  }
  return lists;
}

double Closeness(const Table& rows, int64_t i, int64_t j) {
  return 2.0 * Inner(rows, i, j) - Inner(rows, i, i) - Inner(rows, j, j);
}

double SlowMutual(const std::vector<std::vector<int64_t>>& x,
                  const std::vector<std::vector<int64_t>>& y) {
  double shared = 0.0;
  double all = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    for (const int64_t j : x[i]) {
      shared += static_cast<double>(std::count(y[i].begin(), y[i].end(), j));
      all += 1.0;
    }
  }
  return shared / all;
}

TEST(KnnTest, TiesTakeTheSmallerIndex) {
  // Whole numbers: many rows at equal distances, and repeated rows.
  Pair pair = {.candidate = Normals(40, 2, 1), .reference = Normals(40, 2, 2)};
  for (Table* table : {&pair.candidate, &pair.reference}) {
    for (double& value : table->values) {
      value = std::round(1.5 * value) + 3.0;
    }
  }
  for (const size_t k : {1U, 4U, 39U}) {
    const std::string id = "knn.mutual(k=" + std::to_string(k) + ")";
    EXPECT_NEAR(MustEvaluate(id, pair).value,
                SlowMutual(SlowNeighbours(pair.candidate, k, Closeness),
                           SlowNeighbours(pair.reference, k, Closeness)),
                kSameValue)
        << k;
  }
}

TEST(KnnTest, BlocksOfRowsDoNotMatter) {
  const Pair pair = MixedPair(600, 5, 4, 3);

  EXPECT_NEAR(MustEvaluate("knn.mutual(k=7)", pair).value,
              SlowMutual(SlowNeighbours(pair.candidate, 7, Closeness),
                         SlowNeighbours(pair.reference, 7, Closeness)),
              kSameValue);
}

TEST(KnnTest, RankSimilarityOfReversedOrders) {
  // Points on a line, and the same points in a circle of the other order:
  // row 0 has neighbours 1, 2 on one side and 2, 1 on the other.
  const Table x = {3, 1, {0.0, 1.0, 3.0}};
  const Table y = {3, 1, {0.0, 3.0, 1.0}};
  // Row 0: ranks 1, 2 against 2, 1: 2 (2 / (2 * 3)) / (3 / 2) = 4 / 9.
  // Row 1: x has 0, 2; y has 2, 0: 4 / 9. Row 2: x has 1, 0; y has 0, 1: 4 / 9.
  EXPECT_NEAR(
      MustEvaluate("knn.rank(k=2)", {.candidate = x, .reference = y}).value,
      4.0 / 9.0,
      kSameValue);
}

TEST(KnnTest, SecondOrderCosineAgreesWithTheSlowDefinition) {
  const Pair pair = MixedPair(20, 4, 6, 5);
  const auto x = SlowNeighbours(pair.candidate, 4, InnerCosine);
  const auto y = SlowNeighbours(pair.reference, 4, InnerCosine);
  double sum = 0.0;
  for (int64_t i = 0; i < 20; ++i) {
    double ab = 0.0;
    double aa = 0.0;
    double bb = 0.0;
    for (int64_t j = 0; j < 20; ++j) {
      const auto& a = x[static_cast<size_t>(i)];
      const auto& b = y[static_cast<size_t>(i)];
      if (std::count(a.begin(), a.end(), j) +
              std::count(b.begin(), b.end(), j) ==
          0) {
        continue;
      }
      const double left = InnerCosine(pair.candidate, i, j);
      const double right = InnerCosine(pair.reference, i, j);
      ab += left * right;
      aa += left * left;
      bb += right * right;
    }
    sum += ab / std::sqrt(aa * bb) / 20.0;
  }

  EXPECT_NEAR(MustEvaluate("knn.second_order_cosine(k=4)", pair).value,
              sum,
              kSameValue);
}

TEST(KnnTest, CknnaOfAllNeighboursIsRowCentredAlignment) {
  // k = n - 1: all pairs count; with centred columns too, the off-diagonal
  // cosine of XX' and YY'.
  const Pair pair = MixedPair(16, 4, 6, 6);
  const Table x = Centred(pair.candidate);
  const Table y = Centred(pair.reference);
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (int64_t i = 0; i < 16; ++i) {
    for (int64_t j = 0; j < 16; ++j) {
      if (i != j) {
        ab += Inner(x, i, j) * Inner(y, i, j);
        aa += Inner(x, i, j) * Inner(x, i, j);
        bb += Inner(y, i, j) * Inner(y, i, j);
      }
    }
  }

  EXPECT_NEAR(MustEvaluate("knn.cknna(k=15,rows=centred)", pair).value,
              ab / std::sqrt(aa * bb),
              kSameValue);
}

TEST(KnnTest, NeighboursNeedOtherRows) {
  const absl::Status status =
      StreamedScore("knn.mutual(k=20)", MixedPair(20, 3, 3, 7)).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("at least 21 rows"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("have 20 rows"));
}

TEST(KnnTest, EuclideanNeighboursHaveOneSpecification) {
  EXPECT_EQ(MustCreate("knn.mutual(rows=centred)")->id(),
            MustCreate("knn.mutual")->id());
  EXPECT_NE(MustCreate("knn.mutual(metric=cosine,rows=centred)")->id(),
            MustCreate("knn.mutual(metric=cosine)")->id());
}

Table RowsOf(const Table& table, const std::vector<int64_t>& rows) {
  Table subset = {static_cast<int64_t>(rows.size()), table.cols, {}};
  for (const int64_t row : rows) {
    for (int64_t j = 0; j < table.cols; ++j) {
      subset.values.push_back(table.at(row, j));
    }
  }
  return subset;
}

TEST(BrainScoreSubsetTest, IsTheMeanOverTheTrainingRows) {
  const Pair pair = MixedPair(30, 6, 40, 8);
  const absl::StatusOr<FoldRule> rule =
      FoldRule::Parse("split(train=0.8,repeats=4,seed=3)", {});
  ASSERT_TRUE(rule.ok());
  const absl::StatusOr<Folds> folds =
      rule->Assign({.rows = 30, .conditions = 30});
  ASSERT_TRUE(folds.ok());
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"brainscore.vision.cka_cv", "brainscore.vision.cka"},
      {"brainscore.vision.rdm_cv", "brainscore.vision.rdm"},
      {"brainscore.language.cka", "cka"},
      {"brainscore.language.rdm", "rsa(compare=spearman,rdm=correlation)"}};
  for (const auto& [id, base] : pairs) {
    double sum = 0.0;
    for (const Split& split : folds->Splits()) {
      EXPECT_EQ(split.train.size(), 24);
      sum += MustEvaluate(base,
                          {.candidate = RowsOf(pair.candidate, split.train),
                           .reference = RowsOf(pair.reference, split.train)})
                 .value;
    }
    const std::string full = id + "(folds=split(train=0.8,repeats=4,seed=3))";
    const absl::StatusOr<double> streamed = StreamedScore(full, pair);

    EXPECT_NEAR(MustEvaluate(full, pair).value, sum / 4.0, kSameValue) << id;
    ASSERT_TRUE(streamed.ok()) << streamed.status();
    EXPECT_NEAR(*streamed, sum / 4.0, kSameValue) << id;
  }
}

TEST(BrainScoreSubsetTest, SubsetsMustVary) {
  // Only row 0 differs: every subset without it is constant.
  Pair pair = MixedPair(12, 3, 4, 9);
  std::fill(pair.candidate.values.begin(), pair.candidate.values.end(), 1.0);
  pair.candidate.at(0, 1) = 2.0;
  const absl::Status status =
      StreamedScore("brainscore.language.cka", pair).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has no variance"));
}

TEST(BrainScoreCkaTest, UndefinedIsZeroAsTheirs) {
  // Corners of a simplex are equidistant: HSIC(X, X) is 0.
  Table simplex = {6, 6, std::vector<double>(36, 0.0)};
  for (int64_t i = 0; i < 6; ++i) {
    simplex.at(i, i) = 1.0;
  }
  const Pair pair = {.candidate = simplex, .reference = Normals(6, 3, 10)};

  EXPECT_NEAR(MustEvaluate("brainscore.vision.cka", pair).value, 0.0, 1e-3);
  EXPECT_EQ(StreamedScore("cka.debiased", pair).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace repscore::testing
