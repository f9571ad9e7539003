// Measures of measures, and specifications as values of parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/base/text.h"
#include "core/measures/specification.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

constexpr double kSameValue = 1e-12;

absl::StatusOr<std::shared_ptr<const Measure>> Create(const std::string& id) {
  return CreateMeasure({.id = id}, "measures[2]");
}

std::string Message(const std::string& id) {
  return std::string{Create(id).status().message()};
}

TEST(NestedSpecificationTest, CanonicalFormWritesOutBothLevels) {
  const std::string expected =
      "bidirectional(measure=" + MustCreate("ridge_r2(lambda=2)")->id() + ")";

  EXPECT_EQ(MustCreate("bidirectional(ridge_r2(lambda=2))")->id(), expected);
  EXPECT_EQ(MustCreate("bidirectional(measure=ridge_r2(lambda=2))")->id(),
            expected);
  EXPECT_EQ(MustCreate("bidirectional( ridge_r2( lambda = 2 )@1 )@1")->id(),
            expected);
  EXPECT_EQ(MustCreate(expected)->id(), expected);
}

TEST(NestedSpecificationTest, AliasesAndOtherParametersStand) {
  EXPECT_EQ(MustCreate("noise_corrected(cka_debiased,ceiling=.5)")->id(),
            "noise_corrected(ceiling=0.5,clip=none,measure=cka.debiased,"
            "normalisation=none)");
}

TEST(NestedSpecificationTest, ErrorsNameTheLevelAtFault) {
  EXPECT_THAT(Message("bidirectional(nothing)"),
              HasSubstr("measures[2].id: measure.id: there is no measure"));
  EXPECT_EQ(Create("bidirectional(nothing)").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_THAT(Message("bidirectional(ridge_r2(lambda=-1))"),
              HasSubstr("measures[2].id: measure.id: lambda=-1"));
  EXPECT_THAT(Message("noise_corrected(bidirectional(cka(a=1)),ceiling=1)"),
              HasSubstr("measure.id: measure.id: cka has no parameter a"));
  EXPECT_THAT(Message("bidirectional(cka,measure=nbs)"),
              HasSubstr("measure is given twice"));
  EXPECT_THAT(Message("cka(nbs)"), HasSubstr("\"nbs\" should be parameter="));
  EXPECT_THAT(Message("bidirectional(measure=cka,nbs)"),
              HasSubstr("\"nbs\" should be parameter="));
  EXPECT_THAT(Message("bidirectional(cka@2)"), HasSubstr("@1"));
  EXPECT_THAT(Message("bidirectional(cka"), HasSubstr("not closed"));
}

TEST(NestedSpecificationTest, DepthIsLimited) {
  std::string id = "cka";
  for (int depth = 0; depth < kDeepestNesting; ++depth) {
    id = StrCat("bidirectional(", id, ")");
  }

  EXPECT_TRUE(Create(id).ok());
  EXPECT_THAT(Message("bidirectional(" + id + ")"), HasSubstr("nest deeper"));
}

TEST(NestedSpecificationTest, ExplicitFoldsBelongToTheInnerMeasure) {
  const std::vector<std::vector<int64_t>> folds = {{0, 1, 2, 3, 4, 5, 6},
                                                   {7, 8, 9, 10, 11, 12, 13}};
  const Pair pair = MixedPair(14, 3, 3, 1);
  const std::string inner = "ridge_r2(folds=explicit,lambda=2)";
  const auto value = [&](const std::string& id) {
    return Evaluate(*MustCreate(id, folds), pair)->value;
  };

  EXPECT_NEAR(
      value("noise_corrected(" + inner + ",ceiling=0.5,normalisation=r/c)"),
      2.0 * value(inner),
      kSameValue);
  EXPECT_THAT(std::string(CreateMeasure({.id = "bidirectional(cka)",
                                         .explicit_folds = folds},
                                        "m")
                              .status()
                              .message()),
              HasSubstr("explicit folds were given, but cka has no folds"));
}

TEST(BidirectionalTest, IsTheMeanOfBothDirections) {
  const Pair pair = MixedPair(30, 6, 4, 2);
  const Pair swapped = {.candidate = pair.reference,
                        .reference = pair.candidate};
  for (const std::string inner :
       {"linear_r2", "pwcca", "ridge_r(folds=rows_contiguous(3))", "nbs"}) {
    EXPECT_NEAR(MustEvaluate("bidirectional(" + inner + ")", pair).value,
                0.5 * (MustEvaluate(inner, pair).value +
                       MustEvaluate(inner, swapped).value),
                kSameValue)
        << inner;
  }
  EXPECT_NEAR(MustEvaluate("bidirectional(ridge_r2)", pair).value,
              MustEvaluate("ridge_r2(direction=symmetric_mean)", pair).value,
              kSameValue);
}

TEST(BidirectionalTest, ClaimsWhatBothDirectionsAllow) {
  const MeasureInfo linear = MustCreate("bidirectional(linear_r2)")->info();
  const MeasureInfo pls =
      MustCreate("bidirectional(pls_r(components=2))")->info();

  EXPECT_EQ(linear.id, "bidirectional");
  EXPECT_TRUE(linear.symmetric);
  EXPECT_TRUE(linear.differentiable);
  EXPECT_THAT(
      linear.invariances,
      ::testing::Not(::testing::Contains(std::string_view("invertible"))));
  EXPECT_FALSE(pls.differentiable);
  EXPECT_THAT(
      pls.invariances,
      ::testing::Not(::testing::Contains(std::string_view("orthogonal"))));
}

TEST(NoiseCorrectedTest, NormalisationsByHand) {
  const Pair pair = MixedPair(30, 6, 4, 3);
  const double r = MustEvaluate("cka", pair).value;
  const auto value = [&](const std::string& rest) {
    return MustEvaluate("noise_corrected(cka,ceiling=0.25" + rest + ")", pair)
        .value;
  };

  EXPECT_EQ(value(""), r);
  EXPECT_NEAR(value(",normalisation=r/c"), r / 0.25, kSameValue);
  EXPECT_NEAR(value(",normalisation=r2/c"), r * r / 0.25, kSameValue);
  EXPECT_NEAR(value(",normalisation=r2/c2"), r * r / 0.0625, kSameValue);
  EXPECT_EQ(value(",clip=unit_interval,normalisation=r2/c2"), 1.0);
}

TEST(NoiseCorrectedTest, WarnsAboveTheCeilingAndOfLostSigns) {
  // Debiased CKA of the hand-checked design is negative.
  const Pair negative = {.candidate = {4, 2, {1, 2, 1, -2, -1, 2, -1, -2}},
                         .reference = {4, 2, {1, 1, 1, -1, -1, -1, -1, 1}}};

  const Outcome outcome = MustEvaluate(
      "noise_corrected(cka.debiased,ceiling=0.5,normalisation=r2/c)", negative);

  ASSERT_EQ(outcome.warnings.size(), 2);
  EXPECT_EQ(outcome.warnings[0].reason, "NEGATIVE_SQUARED");
  EXPECT_EQ(outcome.warnings[1].reason, "ABOVE_CEILING");
}

TEST(NoiseCorrectedTest, ErrorsScaleWithTheScore) {
  const Pair pair = MixedPair(30, 6, 4, 3);
  const auto error = [&](const std::string& id) {
    const std::shared_ptr<const Measure> measure = MustCreate(id);
    return Evaluate(*measure, pair)->error;
  };
  const std::string inner = "ridge_r(folds=rows_contiguous(3))";
  const double r = MustEvaluate(inner, pair).value;

  ASSERT_TRUE(error(inner).has_value());
  EXPECT_NEAR(
      *error("noise_corrected(" + inner + ",ceiling=0.5,normalisation=r2/c)"),
      *error(inner) * 2.0 * std::abs(r) / 0.5,
      kSameValue);
}

TEST(NoiseCorrectedTest, CeilingsAndDistancesAreRefused) {
  EXPECT_THAT(Message("noise_corrected(cka,ceiling=0)"),
              HasSubstr("ceiling=0 is outside"));
  EXPECT_THAT(Message("noise_corrected(cka,ceiling=1.2)"),
              HasSubstr("ceiling=1.2 is outside"));
  EXPECT_THAT(Message("noise_corrected(procrustes.angle)"),
              HasSubstr("is a distance"));
  EXPECT_THAT(Message("noise_corrected(cka,normalisation=per_unit_r2/c)"),
              HasSubstr("normalisation=per_unit_r2/c is none of"));
}

}  // namespace
}  // namespace repscore::testing
