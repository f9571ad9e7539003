// Factors, eigenvalues and polar factors, on every backend there is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "tests/core/backend/backend_fixture.h"

namespace repscore::testing {
namespace {

class DecompositionTest : public BackendTest {};

TEST_P(DecompositionTest, CholeskySolvesAndRefusesSingularMatrices) {
  const Table x = Normals(40, 12, 13);
  const Table a = Product(Transposed(x), x);
  const Table b = Normals(12, 3, 14);
  const Matrix factor = Upload(a);
  const Matrix solution = Upload(b);
  ASSERT_TRUE(backend_->Cholesky(factor, 1e-8));
  backend_->CholeskySolve(factor, solution);
  const Table low = Product(Normals(12, 3, 15), Normals(3, 12, 16));
  const Matrix singular = Upload(Product(low, Transposed(low)));

  EXPECT_LT(Distance(Product(a, Download(solution)), b), 1e-11);
  EXPECT_FALSE(backend_->Cholesky(singular, 1e-8));
}

TEST_P(DecompositionTest, FactorsOfABatchAreThoseOfItsMatrices) {
  // Sizes that go together, one alone, one too large to go with its like, and
  // none.
  const std::vector<int64_t> sizes = {12, 5, 12, 520, 12, 0, 520, 7};
  constexpr size_t kSingular = 2;
  std::vector<Matrix> batch;
  std::vector<Matrix> solutions;
  std::vector<Matrix> expected;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t n = sizes[i];
    // Of rank 3 where it is to be singular.
    const Table x = Normals(i == kSingular ? 3 : 2 * n, n, 50 + i);
    const Table a = Product(Transposed(x), x);
    const Table b = Normals(n, 3, 70 + i);
    batch.push_back(Upload(a));
    solutions.push_back(Upload(b));
    const Matrix factor = Upload(a);
    expected.push_back(Upload(b));
    if (i != kSingular) {
      ASSERT_TRUE(backend_->Cholesky(factor, 1e-8));
      backend_->CholeskySolve(factor, expected.back());
    }
  }

  const std::vector<bool> definite = backend_->CholeskyBatch(batch, 1e-8);

  ASSERT_EQ(definite.size(), sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(definite[i], i != kSingular) << sizes[i];
  }
  batch.erase(batch.begin() + kSingular);
  solutions.erase(solutions.begin() + kSingular);
  expected.erase(expected.begin() + kSingular);
  backend_->CholeskySolveBatch(batch, solutions);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LT(Distance(Download(solutions[i]), Download(expected[i])), 1e-13)
        << expected[i].rows();
  }
}

TEST_P(DecompositionTest, AnEmptyBatchIsNoWork) {
  EXPECT_TRUE(backend_->CholeskyBatch({}, 1e-8).empty());
  backend_->CholeskySolveBatch({}, {});
}

TEST_P(DecompositionTest, SymmetricEigenReconstructs) {
  const Table x = Normals(40, 12, 17);
  const Table a = Product(Transposed(x), x);
  const Matrix vectors = Upload(a);
  const std::vector<double> values = backend_->SymmetricEigen(vectors);
  const Table v = Download(vectors);
  Table scaled = v;
  for (int64_t i = 0; i < 12; ++i) {
    for (int64_t j = 0; j < 12; ++j) {
      scaled.at(i, j) *= values[static_cast<size_t>(j)];
    }
  }

  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  EXPECT_LT(Distance(Product(scaled, Transposed(v)), a), 1e-13);
}

TEST_P(DecompositionTest, EigenvaluesAloneAreThoseWithVectors) {
  for (const int64_t side : {1, 9, 40}) {
    const Table x = Normals(side + 5, side, 37);
    const Table a = Product(Transposed(x), x);
    const std::vector<double> with = backend_->SymmetricEigen(Upload(a));

    const std::vector<double> alone = backend_->SymmetricEigenvalues(Upload(a));

    ASSERT_EQ(alone.size(), with.size());
    for (size_t i = 0; i < with.size(); ++i) {
      EXPECT_NEAR(alone[i], with[i], 1e-12 * with.back());
    }
  }
}

TEST_P(DecompositionTest, PolarFactorIsOrthogonalAndGivesTheNuclearNorm) {
  for (const auto& [rows, cols] :
       std::vector<std::pair<int64_t, int64_t>>{{30, 8}, {8, 30}, {12, 12}}) {
    const Table a = Normals(rows, cols, 18);
    for (const PolarMethod method : {PolarMethod::kSvd, PolarMethod::kGram}) {
      const Matrix q = New(rows, cols);
      const double norm = backend_->Polar(Upload(a), method, q).nuclear;
      const Table factor = Download(q);
      const Table small = rows >= cols ? Product(Transposed(factor), factor)
                                       : Product(factor, Transposed(factor));
      const double tolerance = method == PolarMethod::kSvd ? 1e-12 : 1e-8;

      EXPECT_NEAR(Dot(a, factor), norm, tolerance * norm);
      for (int64_t i = 0; i < small.rows; ++i) {
        EXPECT_NEAR(small.at(i, i), 1.0, tolerance);
      }
    }
  }
}

TEST_P(DecompositionTest, PolarFactorOfLowRankIsAPartialIsometry) {
  const Table a = Product(Normals(20, 3, 19), Normals(3, 10, 20));
  const Matrix q = New(20, 10);
  const double norm = backend_->Polar(Upload(a), PolarMethod::kSvd, q).nuclear;
  const Table factor = Download(q);

  EXPECT_NEAR(Dot(a, factor), norm, 1e-12 * norm);
  // Three singular values of 1, the others 0.
  EXPECT_NEAR(Dot(factor, factor), 3.0, 1e-10);
}

TEST_P(DecompositionTest, ThinSvdReconstructs) {
  for (const auto& [rows, cols] :
       std::vector<std::pair<int64_t, int64_t>>{{30, 8}, {8, 30}, {12, 12}}) {
    const Table a = Normals(rows, cols, 22);
    const int64_t k = std::min(rows, cols);
    const Matrix u = New(rows, k);
    const Matrix vt = New(k, cols);
    const std::vector<double> values = backend_->Svd(Upload(a), u, vt);
    Table scaled = Download(u);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < k; ++j) {
        scaled.at(i, j) *= values[static_cast<size_t>(j)];
      }
    }

    EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend()));
    EXPECT_LT(Distance(Product(scaled, Download(vt)), a), 1e-13);
    EXPECT_NEAR(Dot(Download(u), Download(u)), static_cast<double>(k), 1e-12);
  }
}

TEST_P(DecompositionTest, CompressedColumnsKeepTheKernel) {
  const Table a = Normals(9, 30, 21);
  const Table compressed = Download(backend_->CompressColumns(Upload(a)));

  EXPECT_EQ(compressed.cols, 9);
  EXPECT_LT(Distance(Product(compressed, Transposed(compressed)),
                     Product(a, Transposed(a))),
            1e-13);
}

INSTANTIATE_TEST_SUITE_P(Devices,
                         DecompositionTest,
                         ::testing::Values("cpu", "cuda:0"),
                         [](const auto& parameter) {
                           return parameter.param == "cpu" ? "Cpu" : "Cuda";
                         });

}  // namespace
}  // namespace repscore::testing
