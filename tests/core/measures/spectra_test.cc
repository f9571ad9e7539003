// GULP, effective dimensions and the geometry of rows on the golden pair G0
// (values: nacloos/similarity-repository and independent float64
// computations), closed forms, degenerate inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// Sums of a few hundred products of numbers near 1.
constexpr double kValueTolerance = 1e-12;
// Through factors of matrices.
constexpr double kFactorTolerance = 1e-11;
// Two formulas of one gradient, against its norm.
constexpr double kGradientTolerance = 1e-10;

/// Candidate B0, reference A0.
Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

Pair FourRows() {
  Pair pair;
  pair.candidate = {4, 2, {1, 2, 1, -2, -1, 2, -1, -2}};
  pair.reference = {4, 2, {1, 1, 1, -1, -1, -1, -1, 1}};
  return pair;
}

std::string Name(const std::string& id, size_t index) {
  std::string name = std::to_string(index);
  name += "_";
  name += id;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

struct GoldenValue {
  std::string id;
  double value;
  double tolerance;
};

class SpectraGoldenTest : public ::testing::TestWithParam<GoldenValue> {};

TEST_P(SpectraGoldenTest, MatchesInBothSpacesAndThroughTheStream) {
  const GoldenValue& golden = GetParam();
  const Pair pair = BToA();
  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(MustEvaluate(golden.id, pair, {.space = space}).value,
                golden.value,
                golden.tolerance);
  }
  const absl::StatusOr<double> streamed = StreamedScore(golden.id, pair);
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_NEAR(*streamed, golden.value, golden.tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    SpectraGoldenTest,
    ::testing::Values(
        GoldenValue{"gulp(lambda=0)", 7.08499286842233, kFactorTolerance},
        GoldenValue{"gulp(lambda=1e-3)", 6.86838443446037, kFactorTolerance},
        GoldenValue{"gulp(lambda=1e-2)", 6.47833867699261, kFactorTolerance},
        GoldenValue{"gulp(lambda=1e-1)", 1.86563145726755, kFactorTolerance},
        GoldenValue{"gulp(lambda=1)", .06091686213621, kFactorTolerance},
        GoldenValue{"gulp(form=distance,lambda=1)",
                    std::sqrt(.06091686213621),
                    kFactorTolerance},
        GoldenValue{"ensd", 6.75079323842767, kFactorTolerance},
        GoldenValue{"participation_ratio",
                    14.016403827427888 - 13.578341112648642,
                    kFactorTolerance},
        // As CCA without centring: mean squared canonical correlation.
        GoldenValue{"eigenspace_overlap", 0.8310349228244543, kFactorTolerance},
        GoldenValue{"eigenspace_overlap(centring=column)",
                    0.8583001426315532,
                    kFactorTolerance}),
    [](const auto& test) { return Name(test.param.id, test.index); });

struct GoldenGradient {
  std::string id;
  double norm;
  double entry;  ///< [3][4]
};

class SpectraGradientTest : public ::testing::TestWithParam<GoldenGradient> {};

TEST_P(SpectraGradientTest, MatchesInBothSpaces) {
  const GoldenGradient& golden = GetParam();
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const Table gradient =
        MustEvaluate(
            golden.id, BToA(), {.candidate_gradient = true, .space = space})
            .candidate_gradient;
    EXPECT_NEAR(Norm(gradient), golden.norm, kGradientTolerance * golden.norm);
    EXPECT_NEAR(
        gradient.at(3, 4), golden.entry, kGradientTolerance * golden.norm);
  }
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    SpectraGradientTest,
    ::testing::Values(
        GoldenGradient{
            "gulp(lambda=.1)", 0.522728951980255, -.0212171216516768},
        GoldenGradient{"ensd", 2.41416927407492, 0.0682929648079012}),
    [](const auto& test) { return Name(test.param.id, test.index); });

TEST(SpectraClosedFormTest, FourRows) {
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const auto value = [&](const std::string& id) {
      return MustEvaluate(id, FourRows(), {.space = space}).value;
    };
    EXPECT_NEAR(value("gulp(lambda=0)"), 2.0, 1e-14);
    EXPECT_NEAR(value("ensd"), 5.0 / 17, 1e-14);
    // (4 + 16)^2 / (4^2 + 16^2) against 2.
    EXPECT_NEAR(value("participation_ratio"), 2.0 - 400.0 / 272, 1e-14);
    EXPECT_NEAR(value("eigenspace_overlap"), 0.5, 1e-14);
  }
}

/// u_k(i) = sqrt(2/n) cos(pi (2i+1) k / 2n): orthonormal with zero mean.
double Cosine(int64_t n, int64_t k, int64_t i) {
  return std::sqrt(2.0 / static_cast<double>(n)) *
         std::cos(M_PI * static_cast<double>((2 * i + 1) * k) /
                  static_cast<double>(2 * n));
}

TEST(SpectraClosedFormTest, GulpOfTheCosineDesign) {
  // Columns s_j u_j against t_j (c_j u_j + sqrt(1 - c_j^2) u_{20+j}).
  constexpr int64_t kRows = 60;
  constexpr int64_t kCandidateColumns = 7;
  constexpr int64_t kReferenceColumns = 5;
  const auto s = [](int64_t j) { return 2.0 / static_cast<double>(j + 1); };
  const auto t = [](int64_t j) { return 1.0 + 0.2 * static_cast<double>(j); };
  const auto c = [](int64_t j) { return 0.9 - 0.15 * static_cast<double>(j); };
  Pair pair;
  pair.candidate = {
      kRows, kCandidateColumns, std::vector<double>(kRows * kCandidateColumns)};
  pair.reference = {
      kRows, kReferenceColumns, std::vector<double>(kRows * kReferenceColumns)};
  double s2 = 0.0;
  double t2 = 0.0;
  for (int64_t j = 0; j < kCandidateColumns; ++j) {
    s2 += s(j) * s(j);
    t2 += j < kReferenceColumns ? t(j) * t(j) : 0.0;
    for (int64_t i = 0; i < kRows; ++i) {
      pair.candidate.at(i, j) = s(j) * Cosine(kRows, j + 1, i);
      if (j < kReferenceColumns) {
        pair.reference.at(i, j) =
            t(j) * (c(j) * Cosine(kRows, j + 1, i) +
                    std::sqrt(1 - c(j) * c(j)) * Cosine(kRows, 20 + j, i));
      }
    }
  }
  pair.candidate =
      Product(pair.candidate, RandomOrthogonal(kCandidateColumns, 1));
  pair.reference =
      Product(pair.reference, RandomOrthogonal(kReferenceColumns, 2));
  const auto expected = [&](double x_scale, double y_scale, double lambda) {
    double sum = 0.0;
    for (int64_t j = 0; j < kCandidateColumns; ++j) {
      const double a = s(j) * s(j) / x_scale;
      const double x = a / (a + lambda);
      sum += x * x;
      if (j < kReferenceColumns) {
        const double b = t(j) * t(j) / y_scale;
        const double y = b / (b + lambda);
        sum += y * y - 2.0 * c(j) * c(j) * x * y;
      }
    }
    return sum;
  };
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const auto value = [&](const std::string& id) {
      return MustEvaluate(id, pair, {.space = space}).value;
    };
    EXPECT_NEAR(value("gulp(lambda=0.03)"), expected(s2, t2, 0.03), 1e-12);
    EXPECT_NEAR(value("gulp(lambda=0.03,scale=raw)"),
                expected(kRows, kRows, 0.03),
                1e-12);
    EXPECT_NEAR(value("gulp(lambda=0)"), expected(s2, t2, 0.0), 1e-12);
  }
}

TEST(GulpTest, IsExactlyZeroAtEqualityAndFlat) {
  const Table rows = MixedPair(40, 6, 9, 3).reference;
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const Outcome outcome = MustEvaluate("gulp(form=distance)",
                                         {.candidate = rows, .reference = rows},
                                         {.candidate_gradient = true,
                                          .reference_gradient = true,
                                          .space = space});
    EXPECT_EQ(outcome.value, 0.0);
    EXPECT_TRUE(outcome.at_optimum);
    EXPECT_EQ(Norm(outcome.candidate_gradient), 0.0);
    EXPECT_EQ(Norm(outcome.reference_gradient), 0.0);
  }
}

TEST(GulpTest, NearEqualityIsAsExactAsTheDefinition) {
  // In sample space the difference of kernels is formed directly.
  const Table rows = MixedPair(40, 6, 9, 3).reference;
  for (const double step : {1e-5, 1e-7}) {
    const Pair pair = {.candidate = Sum(1.0, rows, step, Normals(40, 9, 5)),
                       .reference = rows};
    const auto value = [&](Space space) {
      return MustEvaluate("gulp(form=distance)", pair, {.space = space}).value;
    };
    const double sample = value(Space::kSample);
    EXPECT_GT(sample, 0.0);
    EXPECT_NEAR(value(Space::kFeature), sample, 1e-6 * sample);
  }
}

TEST(GulpTest, WithoutPenaltyAndWithManyFeaturesIsSaturated) {
  const Pair wide = {.candidate = Normals(10, 20, 1),
                     .reference = Normals(10, 3, 2)};
  const Outcome outcome = MustEvaluate("gulp(lambda=0)", wide);

  // 9 + 3 - 2 * 3 directions.
  EXPECT_NEAR(outcome.value, 6.0, 1e-10);
  ASSERT_EQ(outcome.warnings.size(), 1);
  EXPECT_EQ(outcome.warnings[0].reason, "SATURATED");
  EXPECT_TRUE(MustEvaluate("gulp", wide).warnings.empty());
}

TEST(GulpTest, RefusesNegativePenaltiesAndUnknownForms) {
  for (const std::string bad :
       {"gulp(lambda=-1)", "gulp(form=root)", "gulp(scale=none)"}) {
    EXPECT_EQ(CreateMeasure({.id = bad}, "measure").status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(EnsdTest, IsTheParticipationRatioAtEquality) {
  const Table rows = MixedPair(30, 4, 6, 8).reference;
  const Table x = Centred(rows);
  const Table gram = Product(Transposed(x), x);

  EXPECT_NEAR(
      MustEvaluate("ensd", {.candidate = rows, .reference = rows}).value,
      std::pow(Dot(x, x), 2) / Dot(gram, gram),
      kValueTolerance);
}

TEST(RowGeometryTest, FollowsItsDefinition) {
  // Rows (3, 0), (0, 4) and (1, 1), (2, 2): means (1.5, 2) and (1.5, 1.5).
  const Pair pair = {.candidate = {2, 2, {3, 0, 0, 4}},
                     .reference = {2, 2, {1, 1, 2, 2}}};
  const auto value = [&](const std::string& id) {
    return MustEvaluate(id, pair).value;
  };

  EXPECT_NEAR(value("magnitude"), 2.5 - 1.5 * std::sqrt(2.0), 1e-14);
  // Cosines .6 and .8 against 1 and 1.
  EXPECT_NEAR(value("concentricity"), 0.3, 1e-14);
  // Squared distances 25 and 2; of directions 2 and 0.
  EXPECT_NEAR(value("uniformity(rows=raw,t=0.1)"),
              std::log((1 + std::exp(-0.2)) / (1 + std::exp(-2.5))),
              1e-14);
  EXPECT_NEAR(value("uniformity"), std::log(2 / (1 + std::exp(-4.0))), 1e-14);
}

TEST(RowGeometryTest, UndefinedDirectionsAreToldOf) {
  Pair pair;
  pair.reference = Normals(4, 3, 1);
  pair.candidate = {4, 2, {1, 2, 0, 0, 3, 1, 2, 2}};
  const Outcome zero_row = MustEvaluate("concentricity", pair);
  ASSERT_EQ(zero_row.warnings.size(), 1);
  EXPECT_EQ(zero_row.warnings[0].reason, "ZERO_ROWS");

  pair.candidate = {4, 2, {1, 2, -1, -2, 3, 1, -3, -1}};
  const absl::Status status =
      Evaluate(*MustCreate("concentricity"), pair).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("candidate: the mean"));
}

TEST(RowGeometryTest, SharpKernelsOfRawRowsAreAWarning) {
  const Pair pair = {.candidate = Normals(10, 50, 1),
                     .reference = Normals(10, 50, 2)};
  const Outcome outcome = MustEvaluate("uniformity(rows=raw,t=2)", pair);

  EXPECT_EQ(outcome.value, 0.0);
  ASSERT_EQ(outcome.warnings.size(), 2);
  EXPECT_EQ(outcome.warnings[0].reason, "KERNEL_UNDERFLOW");
}

TEST(EigenspaceOverlapTest, CountsTheSharedDirections) {
  const Table rows = Normals(20, 4, 1);
  const Table half = Product(rows, {4, 2, {1, 0, 0, 1, 0, 0, 0, 0}});
  const Outcome outcome = MustEvaluate("eigenspace_overlap",
                                       {.candidate = half, .reference = rows});
  EXPECT_NEAR(outcome.value, 0.5, 1e-13);
  EXPECT_TRUE(outcome.warnings.empty());

  const Outcome deficient = MustEvaluate(
      "eigenspace_overlap",
      {.candidate = Product(half, Normals(2, 5, 2)), .reference = rows});
  EXPECT_NEAR(deficient.value, 2.0 / 5, 1e-13);
  ASSERT_EQ(deficient.warnings.size(), 1);
  EXPECT_EQ(deficient.warnings[0].reason, "RANK_DEFICIENT");
}

}  // namespace
}  // namespace repscore::testing
