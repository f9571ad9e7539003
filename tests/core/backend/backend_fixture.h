// A backend of every kind there is, and tables in and out of it.
#ifndef REPSCORE_TESTS_CORE_BACKEND_BACKEND_FIXTURE_H_
#define REPSCORE_TESTS_CORE_BACKEND_BACKEND_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/create.h"
#include "tests/support/problem.h"

namespace repscore::testing {

inline constexpr ScalarType kDouble = ScalarType::kFloat64;
inline constexpr ScalarType kFloat = ScalarType::kFloat32;

/// By name of the device; skips where there is none.
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

}  // namespace repscore::testing

#endif  // REPSCORE_TESTS_CORE_BACKEND_BACKEND_FIXTURE_H_
