// Shape metrics and canonical correlations where data or parameters leave
// little: warnings, refusals, ranks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

std::string Reason(const std::string& id, const Pair& pair) {
  const Outcome outcome = MustEvaluate(id, pair);
  return outcome.warnings.empty() ? "" : outcome.warnings[0].reason;
}

void ExpectInvalid(const absl::Status& status, const std::string& text) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}

absl::Status Creation(const std::string& id) {
  return CreateMeasure({.id = id}, "measure").status();
}

Pair Normal(int64_t n, int64_t p, int64_t q) {
  return {.candidate = Normals(n, p, 1), .reference = Normals(n, q, 2)};
}

TEST(ShapeDegenerateTest, SaturatedCorrelationsAreAWarning) {
  EXPECT_EQ(Reason("cca", Normal(20, 9, 10)), "");
  EXPECT_EQ(Reason("cca", Normal(20, 10, 10)), "SATURATED");
  EXPECT_EQ(Reason("cca(centring=none)", Normal(20, 10, 10)), "");
  EXPECT_EQ(Reason("cca(centring=none)", Normal(20, 10, 11)), "SATURATED");
  EXPECT_EQ(Reason("svcca(components=variance(1))", Normal(20, 10, 10)),
            "SATURATED");
  EXPECT_EQ(Reason("shape.angular(alpha=0)", Normal(20, 18, 3)), "");
  EXPECT_EQ(Reason("shape.angular(alpha=0)", Normal(20, 20, 19)), "SATURATED");
  EXPECT_EQ(Reason("shape.angular(alpha=0.1)", Normal(20, 20, 19)), "");
}

TEST(ShapeDegenerateTest, MoreFeaturesThanRowsMakeThemOneAndZero) {
  const Pair pair = Normal(12, 20, 15);

  EXPECT_NEAR(MustEvaluate("cca", pair).value, 1.0, 1e-12);
  EXPECT_NEAR(MustEvaluate("shape.angular(alpha=0)", pair).value, 0.0, 1e-12);
}

TEST(ShapeDegenerateTest, TiedCorrelationsMakePwccaIllDefined) {
  EXPECT_EQ(Reason("pwcca", Normal(60, 5, 4)), "");
  EXPECT_EQ(Reason("pwcca", Normal(20, 12, 12)), "ILL_DEFINED");
}

TEST(ShapeDegenerateTest, LowRankCountsByItsRank) {
  // Two directions in six columns.
  const Table basis = Normals(30, 2, 3);
  const Table reference = Normals(30, 4, 4);
  const Pair low = {.candidate = Product(basis, Normals(2, 6, 5)),
                    .reference = reference};

  for (const char* id : {"cca", "cca(statistic=mean_rho2)"}) {
    EXPECT_NEAR(
        MustEvaluate(id, low).value,
        MustEvaluate(id, {.candidate = basis, .reference = reference}).value,
        1e-12)
        << id;
  }
}

TEST(ShapeDegenerateTest, ConstantColumnsWithOffsetsHaveNoRank) {
  Pair pair = Normal(30, 4, 3);
  const double value = MustEvaluate("cca", pair).value;
  Table wider = {30, 5, {}};
  for (int64_t i = 0; i < 30; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      wider.values.push_back(pair.candidate.at(i, j));
    }
    wider.values.push_back(1e6 / 3.0);
  }
  pair.candidate = wider;

  EXPECT_NEAR(MustEvaluate("cca", pair).value, value, 1e-9);
  const Outcome matched = MustEvaluate("match.hard", pair);
  ASSERT_EQ(matched.warnings.size(), 1);
  EXPECT_EQ(matched.warnings[0].reason, "SKIPPED_COLUMNS");
}

TEST(ShapeDegenerateTest, ComponentsMustExist) {
  const std::shared_ptr<const Measure> measure =
      MustCreate("svcca(components=5)");

  ExpectInvalid(Evaluate(*measure, Normal(30, 4, 9)).status(),
                "4 candidate and 9 reference features");
  ExpectInvalid(Evaluate(*measure, Normal(5, 9, 9)).status(), "at most 4");
  const Table low = Product(Normals(30, 2, 3), Normals(2, 6, 5));
  ExpectInvalid(
      Evaluate(*measure, {.candidate = low, .reference = Normals(30, 6, 6)})
          .status(),
      "candidate has rank 2");
}

TEST(ShapeDegenerateTest, ParametersOutsideTheirRangeAreRefused) {
  ExpectInvalid(Creation("shape.angular(alpha=1.5)"), "alpha=1.5 is outside");
  ExpectInvalid(Creation("shape.angular(eigen_floor=-1)"), "eigen_floor");
  ExpectInvalid(Creation("rcca(kappa=-1)"), "kappa=-1 is outside");
  ExpectInvalid(Creation("rcca(kappa=0)"), "cca");
  ExpectInvalid(Creation("svcca(components=0)"), "outside");
  ExpectInvalid(Creation("svcca(components=variance(1.1))"), "outside");
  ExpectInvalid(Creation("svcca(components=half)"), "no whole number");
  ExpectInvalid(Creation("cca(centring=row)"), "none of column, none");
}

TEST(ShapeDegenerateTest, CanonicalTextIsComplete) {
  EXPECT_EQ(MustCreate("svcca(components=variance(0.950))")->id(),
            "svcca(components=variance(0.95),normaliser=min,statistic=rho)");
  EXPECT_EQ(MustCreate("shape(alpha=0.50)")->id(),
            "shape.angular(alpha=0.5,eigen_floor=1e-07,scale=unit_norm)");
  EXPECT_EQ(MustCreate("cca")->id(), "cca(centring=column,statistic=mean_rho)");
}

TEST(ShapeDegenerateTest, MeanCorrelationHasNoGradient) {
  EXPECT_FALSE(MustCreate("cca")->info().differentiable);
  EXPECT_TRUE(MustCreate("cca(statistic=mean_rho2)")->info().differentiable);
}

TEST(ShapeDegenerateTest, CouplingsHaveALimit) {
  const std::shared_ptr<const Measure> measure = MustCreate("match.transport");
  const auto check = [&](int64_t p, int64_t q) {
    return measure->CheckSize({.rows = 10,
                               .candidate_features = p,
                               .reference_features = q,
                               .space = Space::kSample});
  };

  EXPECT_TRUE(check(512, 3).ok());
  EXPECT_TRUE(check(4000, 4000).ok());
  ExpectInvalid(check(513, 3), "513 and 3");
}

TEST(ShapeDegenerateTest, UnpairedUnitsAreReported) {
  EXPECT_EQ(Reason("shape.permutation", Normal(20, 5, 5)), "");
  EXPECT_EQ(Reason("shape.permutation", Normal(20, 5, 7)), "UNPAIRED_COLUMNS");
}

TEST(ShapeDegenerateTest, AnticorrelatedUnitsAreFarApart) {
  const Table unit = Normals(20, 1, 7);
  const Pair pair = {.candidate = Sum(-1.0, unit, 0.0, unit),
                     .reference = unit};
  const Outcome outcome =
      MustEvaluate("shape.permutation", pair, {.candidate_gradient = true});

  EXPECT_NEAR(outcome.value, M_PI, 1e-7);
  EXPECT_TRUE(std::isfinite(Norm(outcome.candidate_gradient)));
}

TEST(ShapeDegenerateTest, SinglePrecisionRowsGiveTheSameGradient) {
  for (const Pair& pair : {MixedPair(40, 9, 7, 61), MixedPair(20, 30, 7, 62)}) {
    for (const char* id : {"procrustes.size_shape",
                           "procrustes.chord",
                           "shape.angular",
                           "shape.permutation",
                           "cca(statistic=mean_rho2)",
                           "cca(centring=none,statistic=mean_rho2)",
                           "rcca"}) {
      const Outcome exact =
          MustEvaluate(id, pair, {.candidate_gradient = true});
      const Outcome fast = MustEvaluate(id,
                                        pair,
                                        {.candidate_gradient = true,
                                         .storage = ScalarType::kFloat32,
                                         .accuracy = Accuracy::kFast});
      EXPECT_NEAR(fast.value, exact.value, 1e-5 * (1 + exact.value)) << id;
      EXPECT_LT(
          Norm(Sum(
              1.0, fast.candidate_gradient, -1.0, exact.candidate_gradient)),
          1e-3 * Norm(exact.candidate_gradient) + 1e-5)
          << id;
    }
  }
}

TEST(ShapeDegenerateTest, EigenvaluesBelowTheFloorStillHaveAGradient) {
  // The last two of five directions lie below the floor.
  Pair pair = Normal(30, 5, 5);
  for (int64_t i = 0; i < 30; ++i) {
    pair.candidate.at(i, 3) *= 0.05;
    pair.candidate.at(i, 4) *= 0.03;
  }
  const std::string id = "shape.angular(alpha=0.4,eigen_floor=0.01)";
  const Table gradient =
      MustEvaluate(id, pair, {.candidate_gradient = true}).candidate_gradient;
  constexpr double kStep = 1e-4;
  for (uint64_t seed = 50; seed < 56; ++seed) {
    const Table direction = Normals(30, 5, seed);
    const double scale = kStep / Norm(direction);
    const auto value = [&](double steps) {
      return MustEvaluate(id,
                          {.candidate = Sum(
                               1.0, pair.candidate, steps * scale, direction),
                           .reference = pair.reference})
          .value;
    };
    const double difference =
        (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * kStep);
    EXPECT_NEAR(difference,
                Dot(gradient, direction) / Norm(direction),
                1e-8 * Norm(gradient));
  }
}

}  // namespace
}  // namespace repscore::testing
