// One conformance case per operation, on every backend there is.
#include "core/backend/backend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/backend/backend_fixture.h"

namespace repscore::testing {
namespace {

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
  constexpr int64_t kRows = 50;
  constexpr int64_t kColumns = 130;
  const Table own = Centred(Normals(kRows, kColumns, 22));
  const Table other = Centred(Normals(kRows, 7, 23));
  const Table weights = Normals(7, kColumns, 24);
  const Table square = Normals(kColumns, kColumns, 25);
  const Table row_weights = Normals(kRows, 1, 26);
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
                          .count = kRows - 20,
                          .other_weights = Upload(weights),
                          .own_weights = Upload(square),
                          .offset = {}});
    const Matrix gradient = New(kRows, kColumns, type);
    backend_->PullBack(terms, gradient);

    const Matrix first = New(kRows, kColumns, type);
    const Matrix second = New(kRows, kColumns, type);
    const Matrix next = New(kRows, kColumns, type);
    const Matrix means = New(kColumns, 1);
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
    return backend_->SymmetricEigen(gram);
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
