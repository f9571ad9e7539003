// Polar factors of a device whose float64 is slow: products in float32, an
// orthogonal factor and its nuclear norm in float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "core/backend/create.h"
#include "core/backend/cuda/cuda_device.h"
#include "core/optimize/optimization.h"
#include "tests/support/cuda_emulation/emulation.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// What a polynomial iteration in float32 may cost a step: of the value, and of
// the gradient.
constexpr double kValueTolerance = 2e-6;
constexpr double kGradientTolerance = 1e-3;
// Nothing of the value or of orthogonality is lost to float32 but its square.
constexpr double kRefined = 1e-9;

class PolarSingleTest : public ::testing::Test {
 protected:
  PolarSingleTest() {
    cuda_emulation::TheSettings().float64_ratio = 64;
    backend_ = *CreateBackend("cuda:0", 1);
  }
  ~PolarSingleTest() override {
    backend_.reset();
    cuda_emulation::TheSettings() = cuda_emulation::Settings();
  }

  struct Factor {
    double norm = 0.0;
    Table q;
  };

  static Factor PolarOf(Backend& backend, const Table& a, PolarMethod method) {
    const Matrix matrix = backend.Allocate(a.rows, a.cols, kDouble);
    backend.Upload(Transposed(a).values, matrix);
    const Matrix q = backend.Allocate(a.rows, a.cols, kDouble);
    Factor factor;
    factor.norm = backend.Polar(matrix, method, q).nuclear;
    Table transposed = {a.cols, a.rows, std::vector<double>(a.values.size())};
    backend.Download(q, absl::MakeSpan(transposed.values));
    factor.q = Transposed(transposed);
    return factor;
  }

  Factor Ours(const Table& a) {
    return PolarOf(*backend_, a, PolarMethod::kGram);
  }

  Factor Exact(const Table& a) { return PolarOf(*cpu_, a, PolarMethod::kSvd); }

  static double Relative(const Table& a, const Table& expected) {
    return Norm(Sum(1.0, a, -1.0, expected)) / Norm(expected);
  }

  static double Deviation(const Table& q) {
    Table gram = Product(Transposed(q), q);
    for (int64_t i = 0; i < gram.rows; ++i) {
      gram.at(i, i) -= 1.0;
    }
    return Norm(gram);
  }

  /// [rows x cols] with singular values from 1 to 1 / condition.
  static Table Conditioned(int64_t rows, int64_t cols, double condition) {
    const Table u = RandomOrthogonal(rows, 21);
    const Table v = RandomOrthogonal(cols, 22);
    Table left = {rows, cols, std::vector<double>()};
    left.values.resize(static_cast<size_t>(rows * cols));
    for (int64_t j = 0; j < cols; ++j) {
      const double share =
          static_cast<double>(j) / static_cast<double>(cols - 1);
      for (int64_t i = 0; i < rows; ++i) {
        left.at(i, j) = std::pow(condition, -share) * u.at(i, j);
      }
    }
    return Product(left, Transposed(v));
  }

  std::unique_ptr<Backend> cpu_ = *CreateBackend("cpu", 1);
  std::unique_ptr<Backend> backend_;
};

TEST_F(PolarSingleTest, AgreesWithTheExactFactorWithoutADecomposition) {
  for (const double condition : {1.0, 1e2, 1e4, 1e5}) {
    const Table a = Conditioned(48, 30, condition);
    const Factor exact = Exact(a);
    const int64_t before = cuda::HostWaits(*backend_);

    const Factor ours = Ours(a);

    // One for the scalars and one for the download here.
    EXPECT_EQ(cuda::HostWaits(*backend_), before + 2) << condition;
    EXPECT_NEAR(ours.norm / exact.norm, 1.0, kRefined) << condition;
    EXPECT_LT(Deviation(ours.q), kRefined) << condition;
    EXPECT_LT(Relative(ours.q, exact.q), kGradientTolerance) << condition;
    // Not float64 all the way.
    EXPECT_GT(Relative(ours.q, exact.q), 1e-8) << condition;
  }
}

TEST_F(PolarSingleTest, HoldsTheGradientWhateverTheReferencesSpectrum) {
  // Cross moments of principal scores that fall like 1 / j, from noise to
  // nearly the reference itself; the gradient is Y Q'.
  const int64_t n = 200;
  const int64_t r = 40;
  Table y = Centred(Normals(n, r, 23));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < r; ++j) {
      y.at(i, j) /= static_cast<double>(j + 1);
    }
  }
  const Table noise = Centred(Normals(n, 60, 24));
  const Table rotation = Normals(r, 60, 25);
  for (const double mixed : {0.0, 1.0, 30.0, 1000.0}) {
    const Table x = Sum(1.0, noise, mixed, Product(y, rotation));
    const Table cross = Product(Transposed(x), y);
    const Factor exact = Exact(cross);

    const Factor ours = Ours(cross);

    EXPECT_NEAR(ours.norm / exact.norm, 1.0, kValueTolerance) << mixed;
    EXPECT_LT(Relative(Product(y, Transposed(ours.q)),
                       Product(y, Transposed(exact.q))),
              kGradientTolerance)
        << mixed;
  }
}

TEST_F(PolarSingleTest, WideMatricesAreTurned) {
  const Table a = Transposed(Conditioned(48, 30, 1e3));

  const Factor ours = Ours(a);

  EXPECT_LT(Relative(ours.q, Exact(a).q), kGradientTolerance);
}

TEST_F(PolarSingleTest, WhatFloat32DoesNotHoldIsDecomposed) {
  // Rank 5 of 30, equal columns, a zero column, nothing: the minimal-norm
  // factor, whose zero directions float32 would fill with rounding.
  const Table low = Product(Normals(48, 5, 26), Normals(5, 30, 27));
  Table gap = Normals(48, 30, 28);
  Table twice = gap;
  for (int64_t i = 0; i < 48; ++i) {
    gap.at(i, 7) = 0.0;
    twice.at(i, 3) = twice.at(i, 4);
  }
  const Table nothing = {48, 30, std::vector<double>(size_t{48} * 30)};
  // Eigenvectors of a Gram matrix lose half of the digits.
  constexpr double kGramTolerance = 1e-6;
  for (const Table& a : {low, gap, twice, nothing}) {
    const Factor exact = Exact(a);

    const Factor ours = Ours(a);

    EXPECT_NEAR(ours.norm, exact.norm, kGramTolerance * (1.0 + exact.norm));
    EXPECT_LT(Norm(Sum(1.0, ours.q, -1.0, exact.q)), kGramTolerance);
  }
}

TEST_F(PolarSingleTest, FactorsOutsideTheRangeOfFloat32AreDecomposed) {
  const Table a = Conditioned(48, 30, 1e3);
  for (const double scale : {1e-30, 1e30, 1e60}) {
    const Factor ours = Ours(Sum(scale, a, 0.0, a));

    EXPECT_LT(Relative(ours.q, Exact(a).q), kGradientTolerance) << scale;
  }
}

TEST_F(PolarSingleTest, ExactFactorsStayInFloat64) {
  const Table a = Conditioned(48, 30, 1e5);

  const Factor ours = PolarOf(*backend_, a, PolarMethod::kSvd);

  // Rounding over the smallest singular value.
  EXPECT_LT(Relative(ours.q, Exact(a).q), 1e-9);
}

TEST_F(PolarSingleTest, RunsEndWhereThoseOfOtherDevicesDo) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "nbs", .explicit_folds = {}}});
  plan.stopping.max_steps = 60;
  plan.storage = ScalarType::kFloat32;
  const auto last = [&](Backend& backend) {
    const std::unique_ptr<Optimization> run = *Optimization::Create(
        *Reference::Create(backend, MakeDataset(Normals(60, 20, 29))), plan);
    while (run->stop_reason() == StopReason::kNone) {
      EXPECT_TRUE(run->Step().ok());
    }
    return run->Finish()->members.front().scores.front().value;
  };

  // The end of a trace in float32.
  EXPECT_NEAR(last(*backend_), last(*cpu_), kGradientTolerance);
}

}  // namespace
}  // namespace repscore::testing
