// The sum of singular values without singular vectors, against closed forms and
// the SVD.
#include "core/measures/spectral.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/problem.h"

namespace repscore {
namespace {

using testing::TestBackend;

// What NuclearNorm promises.
constexpr double kTolerance = 1e-11;

/// diag(values) above or beside zeros.
Matrix Diagonal(int64_t rows, int64_t cols, const std::vector<double>& values) {
  std::vector<double> elements(static_cast<size_t>(rows * cols), 0.0);
  for (size_t i = 0; i < values.size(); ++i) {
    elements[i * static_cast<size_t>(rows) + i] = values[i];
  }
  Matrix out = TestBackend().Allocate(rows, cols, ScalarType::kFloat64);
  TestBackend().Upload(elements, out);
  return out;
}

Matrix Random(int64_t rows, int64_t cols) {
  Matrix out = TestBackend().Allocate(rows, cols, ScalarType::kFloat64);
  TestBackend().Upload(testing::Normals(cols, rows, 5).values, out);
  return out;
}

double BySvd(const Matrix& a) {
  const Matrix factor =
      TestBackend().Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  return TestBackend().Polar(a, PolarMethod::kSvd, factor).nuclear;
}

TEST(NuclearNormTest, IsTheSumOfSingularValues) {
  EXPECT_NEAR(
      NuclearNorm(TestBackend(), Diagonal(5, 3, {3, 2, 1}), 1e-11), 6, 6e-11);
  EXPECT_NEAR(
      NuclearNorm(TestBackend(), Diagonal(3, 4, {3, 2, 1}), 1e-11), 6, 6e-11);
  EXPECT_EQ(NuclearNorm(TestBackend(), Diagonal(4, 3, {0, 0, 0}), 1e-11), 0.0);
}

TEST(NuclearNormTest, AgreesWithTheSvdForEveryShape) {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{40, 12},
                                   {12, 40},
                                   {30, 30},
                                   {300, 280},
                                   {1, 7}}) {
    const Matrix a = Random(rows, cols);
    const double expected = BySvd(a);
    EXPECT_NEAR(
        NuclearNorm(TestBackend(), a, 1e-11) / expected, 1.0, kTolerance)
        << rows << " x " << cols;
  }
}

TEST(NuclearNormTest, KeepsSmallSingularValues) {
  // Half the digits of the smallest are lost in the Gram matrix.
  const std::vector<double> values = {1.0, 1e-5, 1e-7};
  const double sum = 1.0 + 1e-5 + 1e-7;
  EXPECT_NEAR(NuclearNorm(TestBackend(), Diagonal(4, 3, values), 1e-11),
              sum,
              kTolerance);
}

TEST(NuclearNormTest, RankDeficientMatricesAreNoException) {
  // a b' with a [20 x 2], b [9 x 2].
  Backend& backend = TestBackend();
  const Matrix a = Random(20, 2);
  const Matrix b = Random(9, 2);
  const Matrix product = backend.Allocate(20, 9, ScalarType::kFloat64);
  backend.Gemm(Op::kNone, Op::kTranspose, 1.0, a, b, 0.0, product);
  EXPECT_NEAR(
      NuclearNorm(backend, product, 1e-11) / BySvd(product), 1.0, kTolerance);
}

TEST(NuclearNormTest, IsKeptForTheMeasuresOfThePair) {
  Statistics statistics;
  statistics.backend = &TestBackend();
  statistics.cross = Random(6, 4);
  statistics.memo = std::make_shared<Memo>();
  RememberNuclearNorm(statistics);
  const auto polar = PolarOfCross(statistics, PolarMethod::kSvd);
  EXPECT_TRUE(polar->factor.empty());
  EXPECT_NEAR(polar->nuclear_norm / BySvd(statistics.cross), 1.0, kTolerance);
}

}  // namespace
}  // namespace repscore
