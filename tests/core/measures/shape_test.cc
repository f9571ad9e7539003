// Shape metrics and canonical correlations on the golden pair G0 (NumPy legacy
// seed 0, two 30 x 25 uniform arrays): values of the public table
// nacloos/similarity-repository and independent float64 computations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// Through singular values.
constexpr double kFactorTolerance = 1e-11;
// Values given to 13 digits.
constexpr double kDigitsTolerance = 6e-14;
// Two formulas of one gradient, against its norm.
constexpr double kGradientTolerance = 1e-10;

/// Candidate B0, reference A0.
Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

struct GoldenValue {
  std::string id;
  double value;
};

std::string Name(const ::testing::TestParamInfo<GoldenValue>& info) {
  std::string name = std::to_string(info.index) + "_" + info.param.id;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

class ShapeGoldenTest : public ::testing::TestWithParam<GoldenValue> {};

TEST_P(ShapeGoldenTest, MatchesInBothSpacesAndThroughTheStream) {
  const GoldenValue& golden = GetParam();
  const Pair pair = BToA();

  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(MustEvaluate(golden.id, pair, {.space = space}).value,
                golden.value,
                kFactorTolerance);
  }
  const absl::StatusOr<double> streamed = StreamedScore(golden.id, pair);
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_NEAR(*streamed, golden.value, kFactorTolerance);
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    ShapeGoldenTest,
    ::testing::Values(
        GoldenValue{"procrustes.size_shape", 5.851126077853428},
        GoldenValue{"procrustes.size_shape(form=squared)", 34.23567637893643},
        GoldenValue{"procrustes.size_shape(form=squared_per_sample)",
                    1.1411892126312144},
        GoldenValue{"procrustes.chord", 0.7446090012894869},
        GoldenValue{"procrustes.chord(form=squared)", 0.5544425648013271},
        GoldenValue{"procrustes.chord(form=one_minus)", 0.2772212824006636},
        GoldenValue{"shape.angular(alpha=0,scale=raw)", 0.4732208798503},
        GoldenValue{"shape.angular(alpha=0.25,scale=raw)", 0.5193834814155},
        GoldenValue{"shape.angular(alpha=0.5,scale=raw)", 0.6095597798691},
        GoldenValue{"shape.angular(alpha=0.75,scale=raw)", 0.6952583455010},
        GoldenValue{"shape.angular(alpha=1,scale=raw)", 0.7629815799341},
        GoldenValue{"shape.angular(alpha=0.25)", 0.4742737255142},
        GoldenValue{"shape.angular", 0.4834537879359},
        GoldenValue{"shape.angular(alpha=0.75)", 0.5280621327740},
        GoldenValue{"shape.permutation(form=cosine)", 0.3343991144629963},
        GoldenValue{"shape.permutation", 1.2298287595147772},
        GoldenValue{"shape.permutation(form=euclidean)", 9.066236076125277},
        GoldenValue{"match.hard", 0.3363914592542919},
        GoldenValue{"match.hard(absolute=yes)", 0.3864960603718011},
        GoldenValue{"match.soft_mean_max", 0.3761355416924347},
        // A's units look for partners in B, which is the candidate here; the
        // two directions average to the line above.
        GoldenValue{"match.soft_mean_max(direction=reference_to_candidate)",
                    0.3782635313751},
        GoldenValue{"match.soft_mean_max(direction=candidate_to_reference)",
                    0.3740075520098},
        GoldenValue{"cca", 0.8901049738157810},
        GoldenValue{"cca(statistic=mean_rho2)", 0.8583001426315532},
        GoldenValue{"cca(centring=none)", 0.8695779041892},
        GoldenValue{"cca(centring=none,statistic=mean_rho2)",
                    0.8310349228244543},
        GoldenValue{"svcca", 0.7831814122650433},
        GoldenValue{"svcca(components=variance(0.95))", 0.7281605586835191},
        GoldenValue{
            "svcca(components=variance(0.95),normaliser=geometric_mean)",
            0.7064195049084510},
        GoldenValue{"svcca(components=variance(0.95),normaliser=max)",
                    0.6853275846433121},
        GoldenValue{"svcca(components=10)", 0.5379744461044428},
        GoldenValue{"svcca(components=10,statistic=rho2)", 0.3739568340150687},
        GoldenValue{"rcca(kappa=0.001)", .8323903539308417},
        GoldenValue{"rcca(kappa=0.001,statistic=rho2)", .757121294097487},
        GoldenValue{"rcca(kappa=0.01)", .6383050572101764},
        GoldenValue{"rcca(kappa=0.01,statistic=rho2)", .4754949714966555},
        GoldenValue{"rcca(kappa=0.1)", .2863033882618292},
        GoldenValue{"rcca(kappa=0.1,statistic=rho2)", .1151893227003836}),
    Name);

TEST(CcaGoldenTest, TwentyOneOfTwentyFiveCorrelationsAreOne) {
  // Ranks 25 + 25 of at most 29: 21 are 1 for any data.
  constexpr double kOthers =
      0.4873994667734 + 0.3511957379444 + 0.2808278975997 + 0.1332012430771;
  const Outcome outcome = MustEvaluate("cca", BToA());

  EXPECT_NEAR(outcome.value * 25, 21 + kOthers, 25 * kDigitsTolerance);
  ASSERT_EQ(outcome.warnings.size(), 1);
  EXPECT_EQ(outcome.warnings[0].reason, "SATURATED");
  EXPECT_THAT(outcome.warnings[0].message, HasSubstr("at least 21"));
}

struct GoldenGradient {
  std::string id;
  double norm;
  double entry;  ///< [3][4]
  double factor = 1.0;
};

class ShapeGradientTest : public ::testing::TestWithParam<GoldenGradient> {};

TEST_P(ShapeGradientTest, MatchesInBothSpaces) {
  const GoldenGradient& golden = GetParam();
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const Outcome outcome = MustEvaluate(
        golden.id, BToA(), {.candidate_gradient = true, .space = space});
    const Table& gradient = outcome.candidate_gradient;
    // Of the cosine: d cos(angle) = -sin(angle) d angle.
    const double factor =
        golden.factor < 0.0 ? -std::sin(outcome.value) : golden.factor;

    EXPECT_NEAR(std::abs(factor) * Norm(gradient),
                golden.norm,
                kGradientTolerance * golden.norm)
        << SpaceName(space);
    EXPECT_NEAR(factor * gradient.at(3, 4),
                golden.entry,
                kGradientTolerance * golden.norm)
        << SpaceName(space);
  }
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    ShapeGradientTest,
    ::testing::Values(GoldenGradient{"shape.angular(alpha=0.5,scale=raw)",
                                     0.0904511092799407,
                                     -0.0000352444422962,
                                     -1.0},
                      GoldenGradient{"shape.angular(alpha=0.5)",
                                     0.122403510284903,
                                     -0.00452321882785926,
                                     -1.0},
                      GoldenGradient{"rcca(kappa=0.01,statistic=rho2)",
                                     0.0781150995340990,
                                     0.00411941347538031},
                      GoldenGradient{"rcca(kappa=0.01)",
                                     0.0976308729200011,
                                     0.00341372586852372},
                      GoldenGradient{"cca(statistic=mean_rho2)",
                                     0.100937872708043,
                                     -0.00574667261468471}));

// Four rows: h1 = (1,1,-1,-1), h2 = (1,-1,1,-1), h3 = h1 h2; candidate
// [h1, 2 h2], reference [h1, h3]: |X|^2 = 20, |Y|^2 = 8, X'Y has one entry, 4,
// at (0, 0); one correlation is 1, the other 0.
Pair FourRows() {
  Pair pair;
  pair.candidate = {4, 2, {1, 2, 1, -2, -1, 2, -1, -2}};
  pair.reference = {4, 2, {1, 1, 1, -1, -1, -1, -1, 1}};
  return pair;
}

TEST(ShapeFourRowsTest, ValuesByHand) {
  constexpr double kTolerance = 1e-13;
  const double v = 1 / std::sqrt(10.0);
  const std::vector<GoldenValue> values = {
      {"procrustes.size_shape(form=squared)", 20.0},
      {"procrustes.chord(form=squared)", 2 - 2 * v},
      {"shape.permutation(form=cosine)", v},
      {"shape.permutation(form=euclidean)", std::sqrt(20.0)},
      {"cca", 0.5},
      {"cca(statistic=mean_rho2)", 0.5},
      {"match.hard", 0.5},
      {"match.soft_mean_max", 0.5},
      // h1 with h1 costs 0, 2 h2 with h3 16 + 4; the other coupling 8 + 20.
      {"match.transport(form=squared)", 10.0}};
  for (const GoldenValue& golden : values) {
    EXPECT_NEAR(
        MustEvaluate(golden.id, FourRows()).value, golden.value, kTolerance)
        << golden.id;
  }
}

/// u_k(i) = sqrt(2/n) cos(pi (2i+1) k / 2n): orthonormal with zero mean.
double Cosine(int64_t n, int64_t k, int64_t i) {
  return std::sqrt(2.0 / static_cast<double>(n)) *
         std::cos(M_PI * static_cast<double>((2 * i + 1) * k) /
                  static_cast<double>(2 * n));
}

struct Design {
  Pair pair;
  std::vector<double> s;
  std::vector<double> t;
  std::vector<double> cosines;
};

/// Columns s_i u_i against t_i (cos theta_i u_i + sin theta_i u_{N+i}).
/// `decades`: how far s spreads. The last `lost` reference scales are 0.
Design MakeDesign(double decades, int64_t lost) {
  constexpr int64_t kRows = 60;
  constexpr int64_t kCandidateColumns = 12;
  constexpr int64_t kReferenceColumns = 9;
  constexpr int64_t kFirstOther = 20;
  Design design;
  Table x = {
      kRows,
      kCandidateColumns,
      std::vector<double>(static_cast<size_t>(kRows * kCandidateColumns))};
  Table y = {
      kRows,
      kReferenceColumns,
      std::vector<double>(static_cast<size_t>(kRows * kReferenceColumns))};
  for (int64_t j = 0; j < kCandidateColumns; ++j) {
    const double s = std::pow(10.0,
                              -decades * static_cast<double>(j) /
                                  static_cast<double>(kCandidateColumns - 1));
    design.s.push_back(s);
    for (int64_t i = 0; i < kRows; ++i) {
      x.at(i, j) = s * Cosine(kRows, j + 1, i);
    }
  }
  for (int64_t j = 0; j < kReferenceColumns; ++j) {
    const double t =
        j >= kReferenceColumns - lost ? 0.0 : 2.0 / static_cast<double>(j + 1);
    const double theta = 0.1 + 0.15 * static_cast<double>(j);
    design.t.push_back(t);
    design.cosines.push_back(std::cos(theta));
    for (int64_t i = 0; i < kRows; ++i) {
      y.at(i, j) = t * (std::cos(theta) * Cosine(kRows, j + 1, i) +
                        std::sin(theta) * Cosine(kRows, kFirstOther + j, i));
    }
  }
  design.pair = {.candidate = x, .reference = y};
  return design;
}

Pair Rotated(Pair pair) {
  pair.candidate =
      Product(pair.candidate, RandomOrthogonal(pair.candidate.cols, 5));
  pair.reference =
      Product(pair.reference, RandomOrthogonal(pair.reference.cols, 6));
  return pair;
}

double Mean(const std::vector<double>& values, size_t count, bool squared) {
  double sum = 0.0;
  for (size_t i = 0; i < count; ++i) {
    sum += squared ? values[i] * values[i] : values[i];
  }
  return sum / static_cast<double>(count);
}

TEST(ShapeDesignTest, CanonicalCorrelationsAreTheCosines) {
  for (const double decades : {0.0, 2.0, 8.0}) {
    const Design design = MakeDesign(decades, 0);
    // Rotation mixes scales: only eps / 1e-8 of the smallest is left.
    const Pair pair = decades < 8.0 ? Rotated(design.pair) : design.pair;
    EXPECT_NEAR(
        MustEvaluate("cca", pair).value, Mean(design.cosines, 9, false), 1e-12);
    EXPECT_NEAR(MustEvaluate("cca(statistic=mean_rho2)", pair).value,
                Mean(design.cosines, 9, true),
                1e-12);
  }
}

TEST(ShapeDesignTest, LostDirectionsAreNotCounted) {
  const Design design = MakeDesign(2.0, 3);

  EXPECT_NEAR(MustEvaluate("cca", Rotated(design.pair)).value,
              Mean(design.cosines, 6, false),
              1e-12);
}

TEST(ShapeDesignTest, RegularisedCorrelationsAreShrunk) {
  constexpr double kKappa = 0.003;
  constexpr double kRidge = kKappa * 60;
  const Design design = MakeDesign(2.0, 0);
  double rho = 0.0;
  double rho2 = 0.0;
  for (size_t i = 0; i < 9; ++i) {
    const double shrunk = design.s[i] * design.t[i] * design.cosines[i] /
                          std::sqrt((design.s[i] * design.s[i] + kRidge) *
                                    (design.t[i] * design.t[i] + kRidge));
    rho += shrunk / 9;
    rho2 += shrunk * shrunk / 9;
  }
  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(MustEvaluate(
                    "rcca(kappa=0.003)", Rotated(design.pair), {.space = space})
                    .value,
                rho,
                1e-12);
    EXPECT_NEAR(MustEvaluate("rcca(kappa=0.003,statistic=rho2)",
                             Rotated(design.pair),
                             {.space = space})
                    .value,
                rho2,
                1e-12);
  }
}

TEST(ShapeDesignTest, AngleOfPartialWhiteningIsThatOfTheGains) {
  // z = alpha + (1 - alpha) / s on unit-norm rows, all above the floor.
  constexpr double kAlpha = 0.3;
  const Design design = MakeDesign(2.0, 0);
  const auto whitened = [&](std::vector<double> s) {
    double norm = 0.0;
    for (const double value : s) {
      norm += value * value;
    }
    for (double& value : s) {
      value = kAlpha * value / std::sqrt(norm) + (1 - kAlpha);
    }
    return s;
  };
  const std::vector<double> x = whitened(design.s);
  const std::vector<double> y = whitened(design.t);
  double dot = 0.0;
  double xx = 0.0;
  double yy = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += x[i] * x[i];
    if (i < y.size()) {
      yy += y[i] * y[i];
      dot += x[i] * y[i] * design.cosines[i];
    }
  }

  EXPECT_NEAR(MustEvaluate("shape.angular(alpha=0.3,eigen_floor=0)",
                           Rotated(design.pair))
                  .value,
              std::acos(dot / std::sqrt(xx * yy)),
              1e-12);
}

TEST(ShapeDesignTest, PwccaWeighsByWhatTheVariatesCarry) {
  // Variates are u_i, columns s_i u_i: weights s_i.
  const Design design = MakeDesign(2.0, 0);
  double sum = 0.0;
  double weights = 0.0;
  for (size_t i = 0; i < 9; ++i) {
    sum += design.s[i] * design.cosines[i];
    weights += design.s[i];
  }
  const Outcome outcome = MustEvaluate("pwcca", design.pair);

  EXPECT_NEAR(outcome.value, sum / weights, 1e-12);
  EXPECT_TRUE(outcome.warnings.empty());
}

TEST(ShapeIdentityTest, FormsOfProcrustesAgree) {
  const Pair pair = MixedPair(40, 12, 9, 21);
  const double nbs = MustEvaluate("nbs", pair).value;
  const double x = Norm(Centred(pair.candidate));
  const double y = Norm(Centred(pair.reference));
  const double d = MustEvaluate("procrustes.size_shape", pair).value;

  EXPECT_NEAR(d * d, x * x + y * y - 2 * x * y * nbs, 1e-10);
  EXPECT_NEAR(MustEvaluate("procrustes.chord", pair).value,
              std::sqrt(2 - 2 * nbs),
              1e-12);
  EXPECT_NEAR(MustEvaluate("shape.angular(alpha=1)", pair).value,
              MustEvaluate("procrustes.angle", pair).value,
              1e-12);
}

TEST(ShapeIdentityTest, AlphaZeroIsTheMeanCorrelation) {
  const Pair pair = MixedPair(40, 9, 9, 22);

  EXPECT_NEAR(std::cos(MustEvaluate("shape.angular(alpha=0)", pair).value),
              MustEvaluate("cca", pair).value,
              1e-12);
}

TEST(ShapeIdentityTest, WithoutRidgeRegularisedCcaIsCca) {
  const Pair pair = MixedPair(40, 9, 7, 23);

  EXPECT_NEAR(MustEvaluate("rcca(kappa=1e-14)", pair).value,
              MustEvaluate("cca", pair).value,
              1e-11);
  EXPECT_NEAR(MustEvaluate("rcca(kappa=1e-14,statistic=rho2)", pair).value,
              MustEvaluate("cca(statistic=mean_rho2)", pair).value,
              1e-11);
}

TEST(ShapeIdentityTest, AllComponentsMakeSvccaCca) {
  const Pair pair = MixedPair(40, 9, 9, 24);

  EXPECT_NEAR(MustEvaluate("svcca(components=variance(1))", pair).value,
              MustEvaluate("cca", pair).value,
              1e-12);
}

TEST(ShapeIdentityTest, OneUnitEachIsTheCorrelation) {
  const Pair pair = MixedPair(30, 1, 1, 25);
  const double r =
      std::abs(Dot(Centred(pair.candidate), Centred(pair.reference)) /
               (Norm(Centred(pair.candidate)) * Norm(Centred(pair.reference))));

  for (const char* id : {"cca", "svcca", "pwcca", "match.hard(absolute=yes)"}) {
    EXPECT_NEAR(MustEvaluate(id, pair).value, r, 1e-12) << id;
  }
  EXPECT_NEAR(
      MustEvaluate("cca(statistic=mean_rho2)", pair).value, r * r, 1e-12);
}

TEST(ShapeIdentityTest, PermutationsAlignWorseThanRotations) {
  for (uint64_t seed = 30; seed < 40; ++seed) {
    const Pair pair = MixedPair(30, 8, 6, seed);
    EXPECT_GE(MustEvaluate("shape.permutation", pair).value + 1e-12,
              MustEvaluate("procrustes.angle", pair).value);
  }
}

TEST(ShapeIdentityTest, DistancesOfEqualRowsAreExact) {
  const Table rows = Normals(30, 6, 41);
  for (const char* id : {"procrustes.size_shape",
                         "procrustes.chord",
                         "shape.angular",
                         "shape.permutation",
                         "shape.permutation(form=euclidean)",
                         "match.transport"}) {
    for (const Space space : {Space::kFeature, Space::kSample}) {
      const bool differentiable = MustCreate(id)->info().differentiable;
      const Outcome outcome =
          MustEvaluate(id,
                       {.candidate = rows, .reference = rows},
                       {.candidate_gradient = differentiable, .space = space});
      EXPECT_NEAR(outcome.value, 0.0, 1e-13) << id;
      if (differentiable) {
        EXPECT_TRUE(outcome.at_optimum) << id;
        EXPECT_EQ(Norm(outcome.candidate_gradient), 0.0) << id;
      }
    }
  }
}

TEST(ShapeIdentityTest, PermutedUnitsAreFound) {
  const Table rows = Normals(30, 6, 42);
  Table permuted = rows;
  for (int64_t i = 0; i < rows.rows; ++i) {
    std::rotate(permuted.values.begin() + i * 6,
                permuted.values.begin() + i * 6 + 2,
                permuted.values.begin() + (i + 1) * 6);
  }
  const Pair pair = {.candidate = rows, .reference = permuted};

  EXPECT_NEAR(MustEvaluate("shape.permutation", pair).value, 0.0, 1e-13);
  EXPECT_NEAR(MustEvaluate("match.hard", pair).value, 1.0, 1e-13);
  EXPECT_NEAR(MustEvaluate("match.transport", pair).value, 0.0, 1e-13);
}

}  // namespace
}  // namespace repscore::testing
