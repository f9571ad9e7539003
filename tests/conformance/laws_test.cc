// What measures claim of themselves, checked on random data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/conformance/cases.h"

namespace repscore::testing {
namespace {

// Two algorithms for one number, relative to 1.
constexpr double kSameValue = 1e-10;
// A transformation that a measure must see changes it by more than this.
constexpr double kDifferent = 1e-3;
// An absolute epsilon of a published formula moves values of ordinary data by
// less than this.
constexpr double kNearlyInvariant = 1e-9;
// Slack of the triangle inequality.
constexpr double kTriangleSlack = 1e-10;
constexpr int kFewestTriples = 1000;

bool Contains(const std::vector<std::string_view>& names,
              std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool Claims(const MeasureInfo& info, std::string_view invariance) {
  return Contains(info.invariances, invariance);
}

struct Transformed {
  std::string_view invariance;
  Table rows;
};

/// `original` after every transformation that measures may be invariant to.
std::vector<Transformed> Transformations(const Table& original) {
  const int64_t cols = original.cols;
  Table shifted = original;
  Table permuted = original;
  for (int64_t i = 0; i < original.rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      shifted.at(i, j) += 4.0 * (static_cast<double>(j) - 2.5);
      permuted.at(i, j) = original.at(i, (j + 3) % cols);
    }
  }
  return {{"orthogonal", Product(original, RandomOrthogonal(cols, 501))},
          {"scale", Sum(3.0, original, 0.0, original)},
          {"translation", std::move(shifted)},
          {"invertible", Product(original, Normals(cols, cols, 502))},
          {"permutation", std::move(permuted)}};
}

class LawsTest : public ::testing::TestWithParam<Case> {
 protected:
  double Value(const Pair& pair) const {
    return MustEvaluate(GetParam().id, pair, {.space = GetParam().space}).value;
  }
  std::shared_ptr<const Measure> measure_ = MustCreate(GetParam().id);
  const MeasureInfo& info_ = measure_->info();
};

TEST_P(LawsTest, ValueIsInRangeOnEveryShape) {
  uint64_t seed = 100;
  for (const Shape& shape :
       DefinedShapes(GetParam().id, ShapesFor(info_, AllShapes()))) {
    const double value = Value(MixedPair(shape.n, shape.p, shape.q, seed++));

    EXPECT_GE(value, info_.lowest) << shape.n << "," << shape.p;
    EXPECT_LE(value, info_.highest) << shape.n << "," << shape.p;
  }
}

TEST_P(LawsTest, SpacesAgreeAndTheStreamAgrees) {
  uint64_t seed = 200;
  for (const Shape& shape :
       DefinedShapes(GetParam().id, ShapesFor(info_, AllShapes()))) {
    const Pair pair = MixedPair(shape.n, shape.p, shape.q, seed++);

    const double feature =
        MustEvaluate(GetParam().id, pair, {.space = Space::kFeature}).value;
    const absl::StatusOr<double> streamed = StreamedScore(GetParam().id, pair);

    EXPECT_NEAR(Value(pair), feature, kSameValue);
    ASSERT_TRUE(streamed.ok()) << streamed.status();
    EXPECT_NEAR(*streamed, feature, kSameValue) << shape.n << "," << shape.p;
  }
}

TEST_P(LawsTest, SelfScoreIsTheBestThereIs) {
  if (!IsDefined(GetParam().id, {40, 9, 9})) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Table rows = MixedPair(40, 9, 9, 300).reference;
  const double value = Value({.candidate = rows, .reference = rows});

  if (!info_.exact_at_equality) {
    EXPECT_LE(value, info_.highest);
  } else if (info_.orientation == Orientation::kDistance) {
    EXPECT_NEAR(value, 0.0, 1e-12);
  } else {
    EXPECT_NEAR(value, 1.0, 1e-12);
  }
}

TEST_P(LawsTest, SymmetryIsAsClaimed) {
  uint64_t seed = 400;
  for (const Shape& shape :
       DefinedShapes(GetParam().id, ShapesFor(info_, AllShapes()))) {
    if (!info_.symmetric) {
      continue;
    }
    const Pair pair = MixedPair(shape.n, shape.p, shape.q, seed++);
    EXPECT_NEAR(
        Value(pair),
        Value({.candidate = pair.reference, .reference = pair.candidate}),
        kSameValue);
  }
  if (!info_.symmetric && IsDefined(GetParam().id, {40, 12, 5}) &&
      IsDefined(GetParam().id, {40, 5, 12})) {
    const Pair pair = MixedPair(40, 12, 5, 401);
    EXPECT_GT(std::abs(Value(pair) - Value({.candidate = pair.reference,
                                            .reference = pair.candidate})),
              kDifferent);
  }
}

TEST_P(LawsTest, InvariancesAreAsClaimed) {
  const Shape shape = ShapeFor(info_, {40, 8, 6});
  if (!IsDefined(GetParam().id, shape)) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  Pair pair = MixedPair(shape.n, shape.p, shape.q, 500);
  const double value = Value(pair);
  for (auto& [invariance, rows] : Transformations(pair.candidate)) {
    pair.candidate = std::move(rows);
    const double now = Value(pair);
    if (Claims(info_, invariance)) {
      EXPECT_NEAR(now, value, kSameValue) << invariance;
    } else if (Contains(info_.nearly_invariant, invariance)) {
      EXPECT_NEAR(now, value, kNearlyInvariant) << invariance;
    } else if (Contains(info_.weak_dependences, invariance)) {
      EXPECT_NE(now, value) << invariance;
    } else {
      EXPECT_GT(std::abs(now - value), kDifferent) << invariance;
    }
  }
}

TEST_P(LawsTest, InvariancesOfTheReferenceAreAsClaimed) {
  if (info_.symmetric) {
    GTEST_SKIP() << "the same as of the candidate";
  }
  const Shape shape = ShapeFor(info_, {40, 8, 6});
  if (!IsDefined(GetParam().id, shape)) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  EXPECT_FALSE(info_.reference_invariances.empty());
  Pair pair = MixedPair(shape.n, shape.p, shape.q, 550);
  const double value = Value(pair);
  for (auto& [invariance, rows] : Transformations(pair.reference)) {
    pair.reference = std::move(rows);
    if (Contains(info_.reference_invariances, invariance)) {
      EXPECT_NEAR(Value(pair), value, kSameValue) << invariance;
    }
  }
}

TEST_P(LawsTest, LargeOffsetsDoNotMatter) {
  if (!Claims(info_, "translation")) {
    GTEST_SKIP() << "depends on the offset";
  }
  const Shape shape = ShapeFor(info_, {40, 8, 6});
  if (!IsDefined(GetParam().id, shape)) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Pair pair = MixedPair(shape.n, shape.p, shape.q, 600);
  Pair shifted = pair;
  for (double& value : shifted.candidate.values) {
    value += 1e6;
  }

  const absl::StatusOr<double> near = StreamedScore(GetParam().id, pair);
  const absl::StatusOr<double> far = StreamedScore(GetParam().id, shifted);

  ASSERT_TRUE(near.ok() && far.ok());
  EXPECT_NEAR(*near, *far, 1e-9);
}

TEST_P(LawsTest, TinyAndHugeEntriesKeepScaleFreeMeasures) {
  if (!Claims(info_, "scale")) {
    GTEST_SKIP() << "depends on the scale";
  }
  const Shape shape = ShapeFor(info_, {40, 8, 6});
  if (!IsDefined(GetParam().id, shape)) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Pair pair = MixedPair(shape.n, shape.p, shape.q, 700);
  for (const double scale : {1e-70, 1e70}) {
    const Pair scaled = {
        .candidate = Sum(scale, pair.candidate, 0.0, pair.candidate),
        .reference = pair.reference};
    EXPECT_NEAR(Value(scaled), Value(pair), kSameValue) << scale;
  }
}

/// Points whose triples are generic, nearly equal, and nearly collinear.
std::vector<Table> TrianglePoints(bool equal_features) {
  constexpr int64_t kRows = 12;
  std::vector<Table> points;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const auto cols = equal_features ? 4 : 3 + static_cast<int64_t>(seed % 3);
    points.push_back(Normals(kRows, cols, 800 + seed));
  }
  // On the way between two points, and close to one.
  const Table from = Normals(kRows, 4, 820);
  const Table to = Normals(kRows, 4, 821);
  for (const double share : {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}) {
    points.push_back(Sum(1.0 - share, from, share, to));
  }
  for (const double distance : {1e-2, 1e-3, 2e-3, 1e-6}) {
    points.push_back(Sum(1.0, from, distance, to));
  }
  return points;
}

TEST_P(LawsTest, TriangleInequalityHoldsForMetrics) {
  if (!info_.metric) {
    GTEST_SKIP() << "not a metric";
  }
  const std::vector<Table> points = TrianglePoints(info_.equal_features);
  const size_t count = points.size();
  std::vector<std::vector<double>> distances(count,
                                             std::vector<double>(count, 0.0));
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < i; ++j) {
      distances[i][j] = Value({.candidate = points[i], .reference = points[j]});
      distances[j][i] = distances[i][j];
    }
  }
  int triples = 0;
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < i; ++j) {
      for (size_t k = 0; k < j; ++k) {
        ++triples;
        const double ij = distances[i][j];
        const double jk = distances[j][k];
        const double ik = distances[i][k];
        // The longest side is at most as long as both others.
        const double longest = std::max({ij, jk, ik});
        ASSERT_LE(2.0 * longest, ij + jk + ik + kTriangleSlack)
            << i << ", " << j << ", " << k;
      }
    }
  }
  EXPECT_GE(triples, kFewestTriples);
}

INSTANTIATE_TEST_SUITE_P(Registered,
                         LawsTest,
                         ::testing::ValuesIn(AllCases()),
                         CaseName);

}  // namespace
}  // namespace repscore::testing
