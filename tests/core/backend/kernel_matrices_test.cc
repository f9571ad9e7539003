// Elementwise operations on kernels and distances, on every backend there is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/create.h"
#include "core/backend/host_algebra.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr int64_t kRows = 37;
constexpr double kTolerance = 1e-13;

class KernelMatricesTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Backend>> backend =
        CreateBackend(GetParam(), 2);
    if (!backend.ok()) {
      GTEST_SKIP() << backend.status();
    }
    backend_ = *std::move(backend);
    rows_ = Normals(kRows, 5, 1);
    std::copy_n(
        rows_.values.begin() + 5L * 4, 5, rows_.values.begin() + 5L * 9);
    kernel_ = Product(rows_, Transposed(rows_));
  }
  Matrix New() {
    return backend_->Allocate(kRows, kRows, ScalarType::kFloat64);
  }
  /// Of symmetric tables, whose order does not matter.
  Matrix Upload(const Table& table) {
    Matrix out = New();
    backend_->Upload(table.values, out);
    return out;
  }
  Table Download(const Matrix& matrix) {
    Table table = kernel_;
    backend_->Download(matrix, absl::MakeSpan(table.values));
    return table;
  }
  double SquaredDistance(int64_t i, int64_t j) const {
    double sum = 0.0;
    for (int64_t k = 0; k < rows_.cols; ++k) {
      const double difference = rows_.at(i, k) - rows_.at(j, k);
      sum += difference * difference;
    }
    return sum;
  }

  std::unique_ptr<Backend> backend_;
  Table rows_;    ///< row 9 repeats row 4
  Table kernel_;  ///< their inner products
};

TEST_P(KernelMatricesTest, DoubleCentringRemovesRowAndColumnMeans) {
  Table shifted = rows_;
  for (double& value : shifted.values) {
    value += 3.0;
  }
  const Table centred = Centred(rows_);
  const Table expected = Product(centred, Transposed(centred));
  const Matrix kernel = Upload(Product(shifted, Transposed(shifted)));
  backend_->DoubleCentre(kernel);

  EXPECT_LT(Norm(Sum(1.0, Download(kernel), -1.0, expected)),
            kTolerance * Norm(expected));
}

TEST_P(KernelMatricesTest, SquaredDistancesAreExactlyZeroForRepeatedRows) {
  Table noisy = kernel_;
  noisy.at(4, 9) *= 1.0 - 1e-15;
  noisy.at(9, 4) = noisy.at(4, 9);
  const Matrix out = New();
  backend_->SquaredDistances(Upload(noisy), 1e-14, out);
  const Table distances = Download(out);

  EXPECT_EQ(distances.at(4, 9), 0.0);
  EXPECT_EQ(distances.at(9, 4), 0.0);
  for (int64_t i = 0; i < kRows; ++i) {
    EXPECT_EQ(distances.at(i, i), 0.0);
    for (int64_t j = 0; j < kRows; ++j) {
      EXPECT_NEAR(distances.at(i, j), SquaredDistance(i, j), kTolerance * 30);
    }
  }
}

TEST_P(KernelMatricesTest, MapAppliesItsFunctionToScaledElements) {
  Table in = kernel_;
  for (double& value : in.values) {
    value = std::abs(value);
  }
  in.at(2, 2) = 0.0;
  const Matrix matrix = Upload(in);
  const auto map = [&](Function function, double scale) {
    const Matrix out = New();
    backend_->Map(function, scale, matrix, out);
    return Download(out);
  };
  const Table exponential = map(Function::kExp, -0.5);
  const Table root = map(Function::kSquareRoot, 4.0);
  const Table reciprocal = map(Function::kReciprocal, 2.0);

  EXPECT_EQ(exponential.at(2, 2), 1.0);
  EXPECT_EQ(root.at(2, 2), 0.0);
  EXPECT_EQ(reciprocal.at(2, 2), 0.0);
  EXPECT_NEAR(exponential.at(3, 7), std::exp(-0.5 * in.at(3, 7)), kTolerance);
  EXPECT_NEAR(root.at(3, 7), 2.0 * std::sqrt(in.at(3, 7)), kTolerance);
  EXPECT_NEAR(reciprocal.at(3, 7), 0.5 / in.at(3, 7), kTolerance);
}

TEST_P(KernelMatricesTest, HadamardAndDiagonal) {
  const Matrix out = Upload(kernel_);
  backend_->Hadamard(-2.0, out, out, out);
  backend_->FillDiagonal(7.0, out);
  const Table product = Download(out);

  EXPECT_EQ(product.at(5, 5), 7.0);
  EXPECT_NEAR(
      product.at(5, 6), -2.0 * kernel_.at(5, 6) * kernel_.at(5, 6), kTolerance);
}

TEST_P(KernelMatricesTest, LaplacianIsTheDerivativeOfWeightedDistances) {
  const Matrix out = New();
  backend_->Laplacian(Upload(kernel_), out);
  const Table laplacian = Download(out);
  // <2 lap(W), K> = sum_ij W_ij (K_ii + K_jj - 2 K_ij) is linear in K.
  double expected = 0.0;
  for (int64_t i = 0; i < kRows; ++i) {
    double sum = 0.0;
    for (int64_t j = 0; j < kRows; ++j) {
      sum += laplacian.at(i, j);
      expected += kernel_.at(i, j) * SquaredDistance(i, j);
    }
    EXPECT_NEAR(sum, 0.0, kTolerance * 100);
  }

  EXPECT_NEAR(2.0 * Dot(laplacian, kernel_),
              expected,
              1e-12 * Norm(kernel_) * Norm(kernel_));
}

INSTANTIATE_TEST_SUITE_P(Devices,
                         KernelMatricesTest,
                         ::testing::Values("cpu", "cuda:0"),
                         [](const auto& parameter) {
                           return parameter.index == 0 ? "Cpu" : "Cuda";
                         });

TEST(HostAlgebraTest, ExponentialsAreThoseOfTheLibraryToAFewUnits) {
  // Not a multiple of a vector's width, so that the rest is seen as well.
  std::vector<double> values(1003);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = -745.0 + 1.4 * static_cast<double>(i);
  }
  std::vector<double> computed = values;

  ExpInPlace(absl::MakeSpan(computed));

  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = std::exp(values[i]);
    EXPECT_LE(std::abs(computed[i] - expected), 1e-15 * expected + 5e-324)
        << values[i];
  }
}

}  // namespace
}  // namespace repscore::testing
