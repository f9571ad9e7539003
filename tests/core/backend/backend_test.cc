// One conformance case per operation, on every backend there is.
#include "core/backend/backend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/backend/create.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr ScalarType kFloat = ScalarType::kFloat32;

class BackendTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Backend>> backend =
        CreateBackend(GetParam(), 2);
    if (!backend.ok()) {
      GTEST_SKIP() << backend.status();
    }
    backend_ = *std::move(backend);
  }

  Matrix Upload(const Table& table, ScalarType type = kDouble) {
    Matrix out = backend_->Allocate(table.rows, table.cols, type);
    backend_->Upload(Transposed(table).values, out);
    return out;
  }
  Table Download(const Matrix& matrix) {
    Table table = {matrix.cols(),
                   matrix.rows(),
                   std::vector<double>(static_cast<size_t>(matrix.size()))};
    backend_->Download(matrix, absl::MakeSpan(table.values));
    return Transposed(table);
  }
  static double Distance(const Table& a, const Table& b) {
    return Norm(Sum(1.0, a, -1.0, b)) / std::max(1e-300, Norm(b));
  }
  Matrix New(int64_t rows, int64_t cols, ScalarType type = kDouble) {
    return backend_->Allocate(rows, cols, type);
  }
  /// Rounding of sums of a few hundred products.
  static double Tolerance(ScalarType type) {
    return type == kDouble ? 1e-13 : 1e-5;
  }

  std::unique_ptr<Backend> backend_;
};

TEST_P(BackendTest, SiblingsReadEachOthersMatrices) {
  const Table table = Normals(20, 7, 5);
  const Matrix first = Upload(table);

  const std::unique_ptr<Backend> sibling = backend_->Sibling(1);
  const Matrix second = sibling->Allocate(20, 7, kDouble);
  sibling->Copy(first, second);
  std::vector<double> elements(140);
  sibling->Download(second, absl::MakeSpan(elements));

  EXPECT_EQ(elements, Transposed(table).values);
  EXPECT_EQ(sibling->name(), backend_->name());
  EXPECT_TRUE(sibling->Health().ok());
}

TEST_P(BackendTest, MemoryIsWhatTheDeviceHas) {
  const DeviceMemory memory = backend_->memory();

  EXPECT_GT(memory.total_bytes, int64_t{64} << 20);
  EXPECT_GT(memory.free_bytes, 0);
  EXPECT_LE(memory.free_bytes, memory.total_bytes);
}

TEST_P(BackendTest, UploadDownloadCopyConvertAndViews) {
  const Table table = Normals(70, 33, 1);
  const Matrix wide = Upload(table);
  const Matrix narrow = New(70, 33, kFloat);
  backend_->Copy(wide, narrow);

  EXPECT_EQ(Download(wide).values, table.values);
  EXPECT_LT(Distance(Download(narrow), table), 1e-6);
  EXPECT_EQ(Download(wide.Columns(5, 2)).at(9, 1), table.at(9, 6));
  EXPECT_EQ(Download(wide.Rows(9, 3)).at(2, 7), table.at(11, 7));
}

TEST_P(BackendTest, TransposeFillGather) {
  const Table table = Normals(70, 33, 2);
  for (const ScalarType type : {kDouble, kFloat}) {
    const Matrix in = Upload(table, type);
    const Matrix out = New(33, 70, type);
    backend_->Transpose(in, out);
    const Matrix gathered = New(3, 33, type);
    backend_->GatherRows(in, std::vector<int64_t>{69, 0, 69}, gathered);
    const Matrix filled = New(3, 33, type);
    backend_->Fill(2.5, filled);

    EXPECT_LT(Distance(Download(out), Transposed(table)), Tolerance(type));
    EXPECT_EQ(Download(gathered).at(0, 4), Download(in).at(69, 4));
    EXPECT_EQ(Download(gathered).at(2, 4), Download(gathered).at(0, 4));
    EXPECT_EQ(Download(filled).at(2, 32), 2.5);
  }
}

TEST_P(BackendTest, ProductsMatchTheDefinition) {
  const Table a = Normals(65, 40, 3);
  const Table b = Normals(40, 21, 4);
  for (const ScalarType type : {kDouble, kFloat}) {
    const Matrix product = Upload(Normals(65, 21, 5), type);
    const Table before = Download(product);
    backend_->Gemm(Op::kNone,
                   Op::kNone,
                   2.0,
                   Upload(a, type),
                   Upload(b, type),
                   -1.0,
                   product);
    const Matrix transposed = New(21, 65, type);
    backend_->Gemm(Op::kTranspose,
                   Op::kTranspose,
                   1.0,
                   Upload(b, type),
                   Upload(a, type),
                   0.0,
                   transposed);
    const Matrix gram = New(40, 40, type);
    backend_->Syrk(Op::kTranspose, 1.0, Upload(a, type), 0.0, gram);
    const Matrix kernel = New(65, 65, type);
    backend_->Syrk(Op::kNone, 0.5, Upload(a, type), 0.0, kernel);

    EXPECT_LT(
        Distance(Download(product), Sum(2.0, Product(a, b), -1.0, before)),
        Tolerance(type));
    EXPECT_LT(Distance(Download(transposed), Transposed(Product(a, b))),
              Tolerance(type));
    EXPECT_LT(Distance(Download(gram), Product(Transposed(a), a)),
              Tolerance(type));
    EXPECT_LT(Distance(Download(kernel),
                       Sum(0.5,
                           Product(a, Transposed(a)),
                           0.0,
                           Product(a, Transposed(a)))),
              Tolerance(type));
  }
}

TEST_P(BackendTest, FloatProductsAreTrueFloat) {
  // Reduced-precision units would give errors near 1e-3.
  const Table a = Normals(300, 300, 6);
  const Matrix product = New(300, 300, kFloat);
  backend_->Gemm(Op::kNone,
                 Op::kNone,
                 1.0,
                 Upload(a, kFloat),
                 Upload(a, kFloat),
                 0.0,
                 product);

  EXPECT_LT(Distance(Download(product), Product(a, a)), 1e-5);
}

TEST_P(BackendTest, ElementwiseOperations) {
  const Table a = Normals(30, 30, 7);
  const Table w = Normals(30, 1, 8);
  const Matrix sum = Upload(a);
  backend_->Axpby(3.0, Upload(a), -1.0, sum);
  backend_->AddDiagonal(5.0, sum);
  const Matrix scaled = New(30, 30);
  backend_->ScaleRows(Upload(w), Upload(a), scaled);

  EXPECT_NEAR(Download(sum).at(3, 3), 2 * a.at(3, 3) + 5, 1e-14);
  EXPECT_NEAR(Download(sum).at(3, 4), 2 * a.at(3, 4), 1e-14);
  EXPECT_NEAR(Download(scaled).at(7, 2), w.at(7, 0) * a.at(7, 2), 1e-15);
}

TEST_P(BackendTest, CentringRemovesLargeMeans) {
  Table table = Normals(200, 9, 9);
  const Table centred = Centred(table);
  for (double& value : table.values) {
    value += 1e6;
  }
  const Matrix rows = Upload(table);
  const Matrix means = New(9, 1);
  backend_->CentreColumns(rows, means);

  EXPECT_LT(Distance(Download(rows), centred), 1e-9);
  EXPECT_NEAR(Download(means).at(4, 0), 1e6, 1.0);
}

TEST_P(BackendTest, UCentringHasZeroRowSumsAndDiagonal) {
  const Table x = Normals(20, 5, 10);
  const Matrix kernel = Upload(Product(x, Transposed(x)));
  backend_->UCentre(kernel);
  const Table centred = Download(kernel);

  for (int64_t i = 0; i < 20; ++i) {
    double sum = 0.0;
    for (int64_t j = 0; j < 20; ++j) {
      sum += centred.at(i, j);
    }
    EXPECT_NEAR(sum, 0.0, 1e-12);
    EXPECT_EQ(centred.at(i, i), 0.0);
  }
}

TEST_P(BackendTest, Reductions) {
  const Table a = Normals(50, 20, 11);
  const Table b = Normals(50, 20, 12);
  for (const ScalarType type : {kDouble, kFloat}) {
    const Matrix sums = New(20, 1);
    backend_->ColumnSums(Upload(a, type), sums);
    const Matrix norms = New(50, 1);
    backend_->RowSquaredNorms(Upload(a, type), norms);
    const std::vector<double> dots =
        backend_->Dots({{{Upload(a, type), Upload(b, type)},
                         {Upload(b, type), Upload(b, type)}}});

    EXPECT_NEAR(dots[0], Dot(a, b), 100 * Tolerance(type));
    EXPECT_NEAR(dots[1], Dot(b, b), 1000 * Tolerance(type));
    double column = 0.0;
    double row = 0.0;
    for (int64_t i = 0; i < 50; ++i) {
      column += a.at(i, 3);
    }
    for (int64_t j = 0; j < 20; ++j) {
      row += a.at(5, j) * a.at(5, j);
    }
    EXPECT_NEAR(Download(sums).at(3, 0), column, 10 * Tolerance(type));
    EXPECT_NEAR(Download(norms).at(5, 0), row, 10 * Tolerance(type));
  }
  const Matrix square = Upload(Product(Transposed(a), a));
  EXPECT_NEAR(backend_->Trace(square), Dot(a, a), 1e-11);
}

TEST_P(BackendTest, CholeskySolvesAndRefusesSingularMatrices) {
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

TEST_P(BackendTest, FactorsOfABatchAreThoseOfItsMatrices) {
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

TEST_P(BackendTest, AnEmptyBatchIsNoWork) {
  EXPECT_TRUE(backend_->CholeskyBatch({}, 1e-8).empty());
  backend_->CholeskySolveBatch({}, {});
}

TEST_P(BackendTest, SymmetricEigenReconstructs) {
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

TEST_P(BackendTest, EigenvaluesAloneAreThoseWithVectors) {
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

TEST_P(BackendTest, PolarFactorIsOrthogonalAndGivesTheNuclearNorm) {
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

TEST_P(BackendTest, PolarFactorOfLowRankIsAPartialIsometry) {
  const Table a = Product(Normals(20, 3, 19), Normals(3, 10, 20));
  const Matrix q = New(20, 10);
  const double norm = backend_->Polar(Upload(a), PolarMethod::kSvd, q).nuclear;
  const Table factor = Download(q);

  EXPECT_NEAR(Dot(a, factor), norm, 1e-12 * norm);
  // Three singular values of 1, the others 0.
  EXPECT_NEAR(Dot(factor, factor), 3.0, 1e-10);
}

TEST_P(BackendTest, ThinSvdReconstructs) {
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

TEST_P(BackendTest, CompressedColumnsKeepTheKernel) {
  const Table a = Normals(9, 30, 21);
  const Table compressed = Download(backend_->CompressColumns(Upload(a)));

  EXPECT_EQ(compressed.cols, 9);
  EXPECT_LT(Distance(Product(compressed, Transposed(compressed)),
                     Product(a, Transposed(a))),
            1e-13);
}

/// G of some terms, written down.
Table DirectGradient(const Table& own,
                     const Table& other,
                     const Table& weights,
                     const Table& square,
                     const Table& row_weights) {
  Table gradient = Sum(1.0, Product(other, weights), 1.0, Product(own, square));
  for (int64_t i = 0; i < own.rows; ++i) {
    for (int64_t j = 0; j < own.cols; ++j) {
      gradient.at(i, j) += (0.5 + row_weights.at(i, 0)) * own.at(i, j);
    }
  }
  return Centred(gradient);
}

TEST_P(BackendTest, PullBackAndAdamMatchTheirDefinition) {
  constexpr int64_t n = 50;
  constexpr int64_t p = 130;
  const Table own = Centred(Normals(n, p, 22));
  const Table other = Centred(Normals(n, 7, 23));
  const Table weights = Normals(7, p, 24);
  const Table square = Normals(p, p, 25);
  const Table row_weights = Normals(n, 1, 26);
  const Table expected =
      DirectGradient(own, other, weights, square, row_weights);
  for (const ScalarType type : {kDouble, kFloat}) {
    PullBackTerms terms;
    terms.own = Upload(own, type);
    terms.other = Upload(other, type);
    terms.own_scale = 0.5;
    terms.row_weights = Upload(row_weights);
    terms.rows.push_back({.first = 0,
                          .count = 20,
                          .other_weights = Upload(weights),
                          .own_weights = Upload(square),
                          .offset = {}});
    terms.rows.push_back({.first = 20,
                          .count = n - 20,
                          .other_weights = Upload(weights),
                          .own_weights = Upload(square),
                          .offset = {}});
    const Matrix gradient = New(n, p, type);
    backend_->PullBack(terms, gradient);

    const Matrix first = New(n, p, type);
    const Matrix second = New(n, p, type);
    const Matrix next = New(n, p, type);
    const Matrix means = New(p, 1);
    backend_->Fill(0.0, first);
    backend_->Fill(0.0, second);
    backend_->Fill(0.0, means);
    const AdamCoefficients adam = {.beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .epsilon = 1e-8,
                                   .step_size = 0.1 / (1 - 0.9),
                                   .second_scale = 1 / (1 - 0.999)};
    const Backend::StepNorms norms =
        backend_->PullBackAdam(terms, adam, first, second, next, means);

    EXPECT_LT(Distance(Download(gradient), expected), 10 * Tolerance(type));
    EXPECT_NEAR(norms.gradient_squared / Dot(expected, expected),
                1.0,
                10 * Tolerance(type));
    // The first step of Adam is lr * sign(g) wherever g is not tiny.
    const Table moved = Download(next);
    const Table shift = Download(means);
    EXPECT_NEAR(norms.next_squared, Dot(moved, moved), 1e-3);
    for (const int64_t j : {0, 64, 129}) {
      const double step = moved.at(3, j) + shift.at(j, 0) - own.at(3, j);
      EXPECT_NEAR(step, expected.at(3, j) > 0 ? 0.1 : -0.1, 1e-5);
    }
  }
}

TEST_P(BackendTest, RepeatedOperationsGiveTheSameBits) {
  const Table a = Normals(500, 64, 27);
  const auto run = [&] {
    const Matrix gram = New(64, 64);
    backend_->Syrk(Op::kTranspose, 1.0, Upload(a), 0.0, gram);
    const std::vector<double> values = backend_->SymmetricEigen(gram);
    return values;
  };

  EXPECT_EQ(run(), run());
}

INSTANTIATE_TEST_SUITE_P(Devices,
                         BackendTest,
                         ::testing::Values("cpu", "cuda:0"),
                         [](const auto& parameter) {
                           return parameter.param == "cpu" ? "Cpu" : "Cuda";
                         });

TEST(CreateBackendTest, UnknownDevicesAreRefused) {
  EXPECT_EQ(CreateBackend("tpu", 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CreateBackend("cuda:x", 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CreateBackend("cuda:99", 1).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(CreateBackend("auto", 1).ok());
}

TEST(BackendMemoryTest, MatricesOutliveTheirBackendAndThread) {
  Matrix kept;
  std::thread([&kept] {
    const std::unique_ptr<Backend> backend = *CreateBackend("cpu", 1);
    kept = backend->Allocate(4, 4, kDouble);
    backend->Fill(1.0, kept);
  }).join();

  EXPECT_EQ(static_cast<double*>(kept.data())[15], 1.0);
}

}  // namespace
}  // namespace repscore::testing
