// Gradients against central differences, and the exact laws that invariances
// put on them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/conformance/cases.h"

namespace repscore::testing {
namespace {

// Error of 4th-order central differences against the gradient's norm.
constexpr double kDifferenceTolerance = 1e-7;
constexpr double kStep = 1e-3;
// Consequences of invariances, against |G| |X|.
constexpr double kLawTolerance = 1e-11;
constexpr int kDirections = 24;

std::vector<Shape> GradientShapes() {
  return {{40, 12, 9}, {40, 9, 12}, {15, 25, 20}, {30, 6, 40}, {30, 1, 5}};
}

bool Claims(const MeasureInfo& info, std::string_view invariance) {
  return std::find(info.invariances.begin(),
                   info.invariances.end(),
                   invariance) != info.invariances.end();
}

enum class Side { kCandidate, kReference };

Table& RowsOf(Pair& pair, Side side) {
  return side == Side::kCandidate ? pair.candidate : pair.reference;
}

/// Worst error of <G, D> over directions D, against |G|; D of unit norm.
double WorstError(const Case& parameter,
                  const Pair& pair,
                  const Table& gradient,
                  Side side,
                  double step) {
  const double norm = Norm(gradient);
  double worst = 0.0;
  for (int d = 0; d < kDirections + 3; ++d) {
    Table direction = gradient;
    if (d < kDirections) {
      direction = Normals(gradient.rows,
                          gradient.cols,
                          uint64_t{900} + static_cast<uint64_t>(d));
    } else {
      std::fill(direction.values.begin(), direction.values.end(), 0.0);
      direction.values[static_cast<size_t>(d * 7) % direction.values.size()] =
          1.0;
    }
    const double scale = 1.0 / Norm(direction);
    const auto value = [&](double distance) {
      Pair moved = pair;
      Table& rows = RowsOf(moved, side);
      rows = Sum(1.0, rows, distance * scale, direction);
      return MustEvaluate(parameter.id, moved, {.space = parameter.space})
          .value;
    };
    const double difference = (8 * (value(step) - value(-step)) -
                               (value(2 * step) - value(-2 * step))) /
                              (12 * step);
    const double exact = scale * Dot(gradient, direction);
    worst = std::max(worst, std::abs(difference - exact) / norm);
  }
  return worst;
}

class GradientTest : public ::testing::TestWithParam<Case> {
 protected:
  Outcome Gradients(const Pair& pair) const {
    return MustEvaluate(GetParam().id,
                        pair,
                        {.candidate_gradient = true,
                         .reference_gradient = true,
                         .space = GetParam().space});
  }
  /// linear_r2 is flat where the predictor has full row rank.
  static bool IsFlat(const Table& gradient) { return Norm(gradient) < 1e-9; }

  std::shared_ptr<const Measure> measure_ = MustCreate(GetParam().id);
};

TEST_P(GradientTest, MatchesCentralDifferencesOnBothSides) {
  if (!measure_->info().gradient_exact) {
    GTEST_SKIP() << "the gradient holds a bandwidth fixed";
  }
  uint64_t seed = 1000;
  for (const Shape& shape : ShapesFor(measure_->info(), GradientShapes())) {
    const Pair pair = MixedPair(shape.n, shape.p, shape.q, seed++);
    const Outcome outcome = Gradients(pair);
    for (const Side side : {Side::kCandidate, Side::kReference}) {
      const Table& gradient = side == Side::kCandidate
                                  ? outcome.candidate_gradient
                                  : outcome.reference_gradient;
      if (IsFlat(gradient)) {
        continue;
      }
      double error = WorstError(GetParam(), pair, gradient, side, kStep);
      if (error > kDifferenceTolerance) {
        error = WorstError(GetParam(), pair, gradient, side, kStep / 2);
      }
      EXPECT_LT(error, kDifferenceTolerance)
          << "n, p, q = " << shape.n << ", " << shape.p << ", " << shape.q
          << (side == Side::kCandidate ? " candidate" : " reference");
    }
  }
}

TEST_P(GradientTest, ValueIsTheSameToTheLastBitWithAndWithoutIt) {
  const Pair pair = MixedPair(40, 12, 9, 1100);

  const double plain =
      MustEvaluate(GetParam().id, pair, {.space = GetParam().space}).value;
  const double first = Gradients(pair).value;
  const double second = Gradients(pair).value;

  EXPECT_EQ(plain, first);
  EXPECT_EQ(first, second);
}

TEST_P(GradientTest, InvariancesHoldInfinitesimally) {
  const MeasureInfo& info = measure_->info();
  uint64_t seed = 1200;
  for (const Shape& shape : ShapesFor(measure_->info(), GradientShapes())) {
    const Pair pair = MixedPair(shape.n, shape.p, shape.q, seed++);
    // Scale and rotations are about the origin, which only measures that do
    // not see translations may move.
    const Table x =
        Claims(info, "translation") ? Centred(pair.candidate) : pair.candidate;
    const Table gradient = Gradients(pair).candidate_gradient;
    if (IsFlat(gradient)) {
      continue;
    }
    const double limit = kLawTolerance * Norm(gradient) * Norm(x);
    const Table xg = Product(Transposed(x), gradient);
    if (Claims(info, "translation")) {
      for (int64_t j = 0; j < gradient.cols; ++j) {
        double sum = 0.0;
        for (int64_t i = 0; i < gradient.rows; ++i) {
          sum += gradient.at(i, j);
        }
        EXPECT_LE(std::abs(sum), limit);
      }
    }
    // With a bandwidth that follows the rows held fixed, the scale counts.
    if (Claims(info, "scale") && info.gradient_exact) {
      EXPECT_LE(std::abs(Dot(gradient, x)), limit);
    }
    if (Claims(info, "orthogonal")) {
      EXPECT_LE(Norm(Sum(1.0, xg, -1.0, Transposed(xg))), limit);
    }
    if (Claims(info, "invertible")) {
      EXPECT_LE(Norm(xg), limit);
    }
  }
}

TEST_P(GradientTest, SymmetricMeasuresSwapTheirGradients) {
  if (!measure_->info().symmetric) {
    GTEST_SKIP() << "not symmetric";
  }
  const Pair pair = MixedPair(40, 12, 9, 1300);
  const Outcome forward = Gradients(pair);
  const Outcome backward =
      Gradients({.candidate = pair.reference, .reference = pair.candidate});

  EXPECT_LT(
      Norm(Sum(
          1.0, forward.reference_gradient, -1.0, backward.candidate_gradient)),
      1e-10 * Norm(forward.reference_gradient));
}

TEST_P(GradientTest, RotatesWithTheCandidate) {
  if (!Claims(measure_->info(), "orthogonal")) {
    GTEST_SKIP() << "not invariant to rotations";
  }
  const Pair pair = MixedPair(40, 8, 9, 1400);
  const Table rotation = RandomOrthogonal(8, 1401);
  const Table gradient = Gradients(pair).candidate_gradient;
  const Table rotated =
      Gradients({.candidate = Product(pair.candidate, rotation),
                 .reference = pair.reference})
          .candidate_gradient;

  EXPECT_LT(Norm(Sum(1.0, rotated, -1.0, Product(gradient, rotation))),
            1e-9 * Norm(gradient));
}

INSTANTIATE_TEST_SUITE_P(Registered,
                         GradientTest,
                         ::testing::ValuesIn(DifferentiableCases()),
                         CaseName);

TEST(GradientCheckerTest, FindsAGradientWithOneWrongSign) {
  const Case parameter = {"cka", Space::kFeature};
  const Pair pair = MixedPair(40, 12, 9, 1500);
  Table gradient =
      MustEvaluate(parameter.id, pair, {.candidate_gradient = true})
          .candidate_gradient;
  gradient.values[17] = -gradient.values[17];

  EXPECT_GT(WorstError(parameter, pair, gradient, Side::kCandidate, kStep),
            kDifferenceTolerance);
}

TEST(GradientSpecialPointsTest, RepeatedSingularValuesAreSmooth) {
  // Equal spectrum: the candidate is a rotation mixed with the reference.
  Pair pair;
  Table selection = {20, 5, std::vector<double>(100, 0.0)};
  for (int64_t j = 0; j < 5; ++j) {
    selection.at(j, j) = 1.0;
  }
  pair.reference = Product(RandomOrthogonal(20, 1), selection);
  pair.candidate = Sum(1.0,
                       Product(pair.reference, RandomOrthogonal(5, 4)),
                       0.3,
                       Normals(20, 5, 5));
  for (const char* id : {"nbs", "procrustes.angular_score", "cka"}) {
    const Outcome outcome =
        MustEvaluate(id, pair, {.candidate_gradient = true});
    EXPECT_LT(WorstError({id, Space::kFeature},
                         pair,
                         outcome.candidate_gradient,
                         Side::kCandidate,
                         kStep),
              kDifferenceTolerance)
        << id;
  }
}

TEST(GradientSpecialPointsTest, EqualityGivesZeroGradientAndAFlag) {
  const Table rows = Normals(30, 6, 6);
  for (const char* id : {"cka.angular",
                         "cka.angular_score",
                         "procrustes.angle",
                         "procrustes.angular_score"}) {
    for (const Space space : {Space::kFeature, Space::kSample}) {
      const Outcome outcome =
          MustEvaluate(id,
                       {.candidate = rows, .reference = rows},
                       {.candidate_gradient = true, .space = space});
      EXPECT_TRUE(outcome.at_optimum) << id;
      EXPECT_EQ(Norm(outcome.candidate_gradient), 0.0) << id;
    }
  }
}

TEST(GradientSpecialPointsTest, RankDeficientCandidateIsFinite) {
  const Table reference = Normals(30, 6, 7);
  const Table candidate = Product(Normals(30, 2, 8), Normals(2, 6, 9));
  for (const std::string& id : Specifications()) {
    if (!MustCreate(id)->info().differentiable) {
      continue;
    }
    for (const Space space : {Space::kFeature, Space::kSample}) {
      const Outcome outcome =
          MustEvaluate(id,
                       {.candidate = candidate, .reference = reference},
                       {.candidate_gradient = true, .space = space});
      EXPECT_TRUE(std::isfinite(Norm(outcome.candidate_gradient))) << id;
    }
  }
}

}  // namespace
}  // namespace repscore::testing
