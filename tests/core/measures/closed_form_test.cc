// Values that can be derived by hand. Four rows: h1 = (1,1,-1,-1),
// h2 = (1,-1,1,-1), h3 = h1 h2; candidate [h1, 2 h2], reference [h1, h3].
// With X'X = diag(4, 16), Y'Y = 4 I, X'Y = [[4, 0], [0, 0]]:
//   cka = 16 / (sqrt(16^2 + 4^2) * 4 sqrt 2) = 1 / sqrt 34
//   nbs = 4 / (sqrt 20 * sqrt 8) = 1 / sqrt 10
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr double kTolerance = 1e-14;

Pair FourRows() {
  Pair pair;
  pair.candidate = {4, 2, {1, 2, 1, -2, -1, 2, -1, -2}};
  pair.reference = {4, 2, {1, 1, 1, -1, -1, -1, -1, 1}};
  return pair;
}

TEST(FourRowsTest, CkaIsOneOverRootThirtyFour) {
  const Outcome outcome =
      MustEvaluate("cka", FourRows(), {.candidate_gradient = true});

  EXPECT_NEAR(outcome.value, 1 / std::sqrt(34.0), kTolerance);
  EXPECT_NEAR(outcome.candidate_gradient.at(0, 0),
              8.0 / 17 / std::sqrt(34.0),
              kTolerance);
  EXPECT_NEAR(outcome.candidate_gradient.at(0, 1),
              -4.0 / 17 / std::sqrt(34.0),
              kTolerance);
}

TEST(FourRowsTest, NbsIsOneOverRootTen) {
  EXPECT_NEAR(
      MustEvaluate("nbs", FourRows()).value, 1 / std::sqrt(10.0), kTolerance);
}

TEST(FourRowsTest, DebiasedCkaIsNegativeAndNotClipped) {
  EXPECT_NEAR(MustEvaluate("cka.debiased", FourRows()).value,
              -0.9707253433941506,
              kTolerance);
}

TEST(FourRowsTest, LinearR2DependsOnTheDirection) {
  EXPECT_NEAR(MustEvaluate("linear_r2", FourRows()).value, 0.5, kTolerance);
  EXPECT_NEAR(
      MustEvaluate("linear_r2(direction=reference_to_candidate)", FourRows())
          .value,
      0.2,
      kTolerance);
}

TEST(FourRowsTest, RidgeShrinksTheSharedColumnByHalf) {
  const Outcome outcome = MustEvaluate("ridge_r2(lambda=4,folds=none)",
                                       FourRows(),
                                       {.candidate_gradient = true});

  EXPECT_NEAR(outcome.value, 3.0 / 8, kTolerance);
  EXPECT_NEAR(outcome.candidate_gradient.at(0, 0), 1.0 / 16, kTolerance);
  EXPECT_NEAR(outcome.candidate_gradient.at(0, 1), 0.0, kTolerance);
}

/// u_k(i) = sqrt(2/n) cos(pi (2i+1) k / 2n): orthonormal with zero mean.
double Cosine(int64_t n, int64_t k, int64_t i) {
  return std::sqrt(2.0 / static_cast<double>(n)) *
         std::cos(M_PI * static_cast<double>((2 * i + 1) * k) /
                  static_cast<double>(2 * n));
}

struct CosineDesign {
  Pair pair;
  std::vector<double> s;
  std::vector<double> t;
  std::vector<double> cosines;
};

/// Columns s_i u_i against t_i (cos theta_i u_i + sin theta_i u_{N+i}),
/// rotated and shifted: invariant measures must not see that.
CosineDesign MakeCosineDesign() {
  constexpr int64_t kRows = 60;
  constexpr int64_t kCandidateColumns = 12;
  constexpr int64_t kReferenceColumns = 9;
  constexpr int64_t kFirstOther = 20;
  CosineDesign design;
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
                              -2.0 * static_cast<double>(j) /
                                  static_cast<double>(kCandidateColumns - 1));
    design.s.push_back(s);
    for (int64_t i = 0; i < kRows; ++i) {
      x.at(i, j) = s * Cosine(kRows, j + 1, i);
    }
  }
  for (int64_t j = 0; j < kReferenceColumns; ++j) {
    const double t = 2.0 / static_cast<double>(j + 1);
    const double theta = 0.1 + 0.15 * static_cast<double>(j);
    design.t.push_back(t);
    design.cosines.push_back(std::cos(theta));
    for (int64_t i = 0; i < kRows; ++i) {
      y.at(i, j) = t * (std::cos(theta) * Cosine(kRows, j + 1, i) +
                        std::sin(theta) * Cosine(kRows, kFirstOther + j, i));
    }
  }
  x = Product(x, RandomOrthogonal(kCandidateColumns, 5));
  y = Product(y, RandomOrthogonal(kReferenceColumns, 6));
  for (double& value : x.values) {
    value += 3.0;
  }
  design.pair = {.candidate = x, .reference = y};
  return design;
}

double SumOver(const CosineDesign& design,
               double (*term)(double s, double t, double c)) {
  double sum = 0.0;
  for (size_t i = 0; i < design.t.size(); ++i) {
    sum += term(design.s[i], design.t[i], design.cosines[i]);
  }
  return sum;
}

TEST(CosineDesignTest, MatchesTheClosedForms) {
  const CosineDesign design = MakeCosineDesign();
  double s2 = 0.0;
  double s4 = 0.0;
  for (const double s : design.s) {
    s2 += s * s;
    s4 += s * s * s * s;
  }
  const double t2 =
      SumOver(design, [](double, double t, double) { return t * t; });
  const double t4 =
      SumOver(design, [](double, double t, double) { return t * t * t * t; });
  const double cka = SumOver(design,
                             [](double s, double t, double c) {
                               return s * s * t * t * c * c;
                             }) /
                     std::sqrt(s4 * t4);
  const double nbs =
      SumOver(design, [](double s, double t, double c) { return s * t * c; }) /
      std::sqrt(s2 * t2);
  const double linear =
      SumOver(design,
              [](double, double t, double c) { return t * t * c * c; }) /
      t2;
  const double ridge = SumOver(design,
                               [](double s, double t, double c) {
                                 const double shrink = 0.3 / (s * s + 0.3);
                                 return t * t * c * c * (1 - shrink * shrink);
                               }) /
                       t2;

  constexpr double kDesignTolerance = 1e-12;
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const auto value = [&](const std::string& id) {
      return MustEvaluate(id, design.pair, {.space = space}).value;
    };
    EXPECT_NEAR(value("cka"), cka, kDesignTolerance);
    EXPECT_NEAR(value("nbs"), nbs, kDesignTolerance);
    EXPECT_NEAR(value("linear_r2"), linear, kDesignTolerance);
    EXPECT_NEAR(
        value("ridge_r2(folds=none,lambda=0.3)"), ridge, kDesignTolerance);
  }
}

}  // namespace
}  // namespace repscore::testing
