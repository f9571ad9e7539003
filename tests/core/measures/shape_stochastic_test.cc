// Stochastic shape distance: one and two units by brute force over the
// rotations, and what it must leave alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr int64_t kConditions = 4;
constexpr int64_t kRepeats = 5;

/// Mean and covariance of two units.
struct Gaussian {
  std::array<double, 2> mean{};
  std::array<double, 3> covariance{};  ///< xx, xy, yy

  double Trace() const { return covariance[0] + covariance[2]; }
  double Determinant() const {
    return covariance[0] * covariance[2] - covariance[1] * covariance[1];
  }
};

std::vector<Gaussian> Conditions(const Table& rows) {
  std::vector<Gaussian> conditions(kConditions);
  for (int64_t c = 0; c < kConditions; ++c) {
    Gaussian& condition = conditions[static_cast<size_t>(c)];
    for (int64_t i = 0; i < kRepeats; ++i) {
      condition.mean[0] += rows.at(c * kRepeats + i, 0) / kRepeats;
      condition.mean[1] += rows.at(c * kRepeats + i, 1) / kRepeats;
    }
    for (int64_t i = 0; i < kRepeats; ++i) {
      const double x = rows.at(c * kRepeats + i, 0) - condition.mean[0];
      const double y = rows.at(c * kRepeats + i, 1) - condition.mean[1];
      condition.covariance[0] += x * x / (kRepeats - 1);
      condition.covariance[1] += x * y / (kRepeats - 1);
      condition.covariance[2] += y * y / (kRepeats - 1);
    }
  }
  return conditions;
}

Gaussian Turned(const Gaussian& g, double angle, double sign) {
  const double c = std::cos(angle);
  const double s = std::sin(angle);
  // [c -s; s c] diag(1, sign)
  const double m[2][2] = {{c, -s * sign}, {s, c * sign}};
  const double v[2][2] = {{g.covariance[0], g.covariance[1]},
                          {g.covariance[1], g.covariance[2]}};
  Gaussian turned;
  double out[2][2] = {{0, 0}, {0, 0}};
  for (size_t i = 0; i < 2; ++i) {
    turned.mean[i] = m[i][0] * g.mean[0] + m[i][1] * g.mean[1];
    for (size_t j = 0; j < 2; ++j) {
      for (size_t k = 0; k < 2; ++k) {
        for (size_t l = 0; l < 2; ++l) {
          out[i][j] += m[i][k] * v[k][l] * m[j][l];
        }
      }
    }
  }
  turned.covariance = {out[0][0], out[0][1], out[1][1]};
  return turned;
}

/// Squared distance for one rotation; of 2 x 2 covariances the fidelity is
/// sqrt(tr SG + 2 sqrt(det S det G)).
double SquaredAt(const std::vector<Gaussian>& x,
                 const std::vector<Gaussian>& y,
                 double alpha,
                 double angle,
                 double sign) {
  double sum = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const Gaussian g = Turned(y[i], angle, sign);
    const double dx = x[i].mean[0] - g.mean[0];
    const double dy = x[i].mean[1] - g.mean[1];
    const double trace = x[i].covariance[0] * g.covariance[0] +
                         2 * x[i].covariance[1] * g.covariance[1] +
                         x[i].covariance[2] * g.covariance[2];
    const double fidelity =
        std::sqrt(trace + 2 * std::sqrt(x[i].Determinant() * g.Determinant()));
    sum += alpha * (dx * dx + dy * dy) +
           (2 - alpha) * (x[i].Trace() + g.Trace() - 2 * fidelity);
  }
  return sum;
}

double BruteForce(const Pair& pair, double alpha) {
  const auto x = Conditions(Centred(pair.candidate));
  const auto y = Conditions(Centred(pair.reference));
  double best = std::numeric_limits<double>::infinity();
  for (const double sign : {1.0, -1.0}) {
    double centre = 0.0;
    double width = M_PI;
    for (int level = 0; level < 8; ++level) {
      double nearest = centre;
      double lowest = std::numeric_limits<double>::infinity();
      for (int step = -200; step <= 200; ++step) {
        const double angle = centre + width * step / 200.0;
        const double value = SquaredAt(x, y, alpha, angle, sign);
        if (value < lowest) {
          lowest = value;
          nearest = angle;
        }
      }
      centre = nearest;
      width /= 50.0;
      best = std::min(best, lowest);
    }
  }
  return std::sqrt(best);
}

std::string Id(const std::string& alpha) {
  return "shape.stochastic(alpha=" + alpha + ",folds=rows_contiguous(4))";
}

Pair TwoUnits(uint64_t seed) {
  return {.candidate = Normals(kConditions * kRepeats, 2, seed),
          .reference = Normals(kConditions * kRepeats, 2, seed + 1)};
}

TEST(StochasticTest, FindsTheBestRotationOfTwoUnits) {
  for (uint64_t seed = 1; seed < 41; seed += 2) {
    const Pair pair = TwoUnits(seed);
    for (const auto& [text, alpha] :
         std::vector<std::pair<std::string, double>>{
             {"0.3", 0.3}, {"1", 1.0}, {"1.7", 1.7}}) {
      EXPECT_NEAR(
          MustEvaluate(Id(text), pair).value, BruteForce(pair, alpha), 1e-9)
          << seed << " " << text;
    }
  }
}

TEST(StochasticTest, RotatedRepeatsAreEqual) {
  const Table rows = Normals(20, 3, 51);
  EXPECT_NEAR(
      MustEvaluate(Id("0.7"),
                   {.candidate = rows,
                    .reference = Product(rows, RandomOrthogonal(3, 52))})
          .value,
      0.0,
      1e-12);
}

TEST(StochasticTest, RepeatsHaveNoOrder) {
  const Pair pair = TwoUnits(61);
  Pair reordered = pair;
  for (int64_t j = 0; j < 2; ++j) {
    std::swap(reordered.candidate.at(0, j), reordered.candidate.at(3, j));
    std::swap(reordered.candidate.at(12, j), reordered.candidate.at(14, j));
  }

  EXPECT_NEAR(MustEvaluate(Id("1"), pair).value,
              MustEvaluate(Id("1"), reordered).value,
              1e-9);
}

TEST(StochasticTest, OneRowPerConditionIsSizeAndShape) {
  const Pair pair = MixedPair(20, 5, 4, 71);

  EXPECT_NEAR(MustEvaluate("shape.stochastic(folds=loo)", pair).value,
              MustEvaluate("procrustes.size_shape", pair).value,
              1e-11);
  EXPECT_NEAR(
      MustEvaluate("shape.stochastic(alpha=2,folds=loo)", pair).value,
      std::sqrt(2.0) * MustEvaluate("procrustes.size_shape", pair).value,
      1e-11);
}

TEST(StochasticTest, FoldsMustBeConditions) {
  for (const char* folds : {"none", "split(train=0.9,repeats=2,seed=1)"}) {
    const absl::Status status =
        CreateMeasure(
            {.id = std::string("shape.stochastic(folds=") + folds + ")"},
            "measure")
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()),
                ::testing::HasSubstr("repeats of one condition"));
  }
}

}  // namespace
}  // namespace repscore::testing
