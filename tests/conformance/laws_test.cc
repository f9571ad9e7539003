// What measures claim of themselves, checked on random data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

bool Contains(const std::vector<std::string_view>& names,
              std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool Claims(const MeasureInfo& info, std::string_view invariance) {
  return Contains(info.invariances, invariance);
}

/// A measure that predicts in the other direction has the invariances of its
/// target side there.
bool IsForward(const std::string& id) {
  return id.find("direction=reference") == std::string::npos &&
         id.find("direction=symmetric") == std::string::npos;
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
  if (!info_.symmetric && IsForward(GetParam().id) &&
      IsDefined(GetParam().id, {40, 12, 5}) &&
      IsDefined(GetParam().id, {40, 5, 12})) {
    const Pair pair = MixedPair(40, 12, 5, 401);
    EXPECT_GT(std::abs(Value(pair) - Value({.candidate = pair.reference,
                                            .reference = pair.candidate})),
              kDifferent);
  }
}

TEST_P(LawsTest, InvariancesAreAsClaimed) {
  if (!IsForward(GetParam().id)) {
    GTEST_SKIP() << "claims are about the side that predicts";
  }
  if (!IsDefined(GetParam().id, {40, 8, 6})) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  Pair pair = MixedPair(40, 8, 6, 500);
  const double value = Value(pair);
  const Table original = pair.candidate;
  const auto check = [&](std::string_view invariance, Table changed) {
    pair.candidate = std::move(changed);
    const double now = Value(pair);
    if (Claims(info_, invariance)) {
      EXPECT_NEAR(now, value, kSameValue) << invariance;
    } else if (Contains(info_.nearly_invariant, invariance)) {
      EXPECT_NEAR(now, value, kNearlyInvariant) << invariance;
    } else if (std::find(info_.weak_dependences.begin(),
                         info_.weak_dependences.end(),
                         invariance) != info_.weak_dependences.end()) {
      EXPECT_NE(now, value) << invariance;
    } else {
      EXPECT_GT(std::abs(now - value), kDifferent) << invariance;
    }
  };

  check("orthogonal", Product(original, RandomOrthogonal(8, 501)));
  check("scale", Sum(3.0, original, 0.0, original));
  Table shifted = original;
  for (int64_t i = 0; i < shifted.rows; ++i) {
    for (int64_t j = 0; j < shifted.cols; ++j) {
      shifted.at(i, j) += 4.0 * (static_cast<double>(j) - 2.5);
    }
  }
  check("translation", shifted);
  check("invertible", Product(original, Normals(8, 8, 502)));
  Table permuted = original;
  for (int64_t i = 0; i < permuted.rows; ++i) {
    std::rotate(permuted.values.begin() + i * 8,
                permuted.values.begin() + i * 8 + 3,
                permuted.values.begin() + (i + 1) * 8);
  }
  check("permutation", permuted);
}

TEST_P(LawsTest, LargeOffsetsDoNotMatter) {
  if (!Claims(info_, "translation")) {
    GTEST_SKIP() << "depends on the offset";
  }
  if (!IsDefined(GetParam().id, {40, 8, 6})) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Pair pair = MixedPair(40, 8, 6, 600);
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
  if (!IsDefined(GetParam().id, {40, 8, 6})) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Pair pair = MixedPair(40, 8, 6, 700);
  for (const double scale : {1e-70, 1e70}) {
    const Pair scaled = {
        .candidate = Sum(scale, pair.candidate, 0.0, pair.candidate),
        .reference = pair.reference};
    EXPECT_NEAR(Value(scaled), Value(pair), kSameValue) << scale;
  }
}

TEST_P(LawsTest, TriangleInequalityHoldsForMetrics) {
  if (!info_.metric) {
    GTEST_SKIP() << "not a metric";
  }
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Table a = Normals(12, 4, 10 * seed);
    Table b = Normals(12, 5, 10 * seed + 1);
    const Table c = Normals(12, 3, 10 * seed + 2);
    if (seed % 4 == 0) {
      // Nearly on the way from a to another point.
      b = Sum(1.0, a, 1e-3, Normals(12, 4, 10 * seed + 3));
    }
    const double ab = Value({.candidate = a, .reference = b});
    const double bc = Value({.candidate = b, .reference = c});
    const double ac = Value({.candidate = a, .reference = c});
    ASSERT_LE(ac, ab + bc + kTriangleSlack) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Registered,
                         LawsTest,
                         ::testing::ValuesIn(AllCases()),
                         CaseName);

}  // namespace
}  // namespace repscore::testing
