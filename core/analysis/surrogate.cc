#include "core/analysis/surrogate.h"

#include <algorithm>
#include <vector>

#include "core/base/random.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Philox stream of the draws, apart from that of Gaussian starts.
constexpr uint64_t kSurrogateStream = 0x73757272;  // "surr"

}  // namespace

Matrix GaussianWithSpectrum(Backend& backend,
                            int64_t rows,
                            int64_t features,
                            absl::Span<const double> values,
                            uint64_t seed) {
  std::vector<double> normals(static_cast<size_t>(rows * features));
  Philox(seed, kSurrogateStream).FillNormal(0, absl::MakeSpan(normals));
  Matrix drawn = backend.Allocate(rows, features, kDouble);
  backend.Upload(normals, drawn);
  const Matrix means = backend.Allocate(features, 1, kDouble);
  backend.CentreColumns(drawn, means);
  const int64_t smaller = std::min(rows, features);
  const Matrix u = backend.Allocate(rows, smaller, kDouble);
  const Matrix vt = backend.Allocate(smaller, features, kDouble);
  backend.Svd(drawn, u, vt);
  // Centring leaves at most rows - 1 directions.
  const int64_t kept =
      std::min({static_cast<int64_t>(values.size()), rows - 1, features});
  for (int64_t i = 0; i < kept; ++i) {
    const Matrix column = u.Columns(i, 1);
    backend.Axpby(0.0, column, values[static_cast<size_t>(i)], column);
  }
  backend.Gemm(Op::kNone,
               Op::kNone,
               1.0,
               u.Columns(0, kept),
               vt.Rows(0, kept),
               0.0,
               drawn);
  return drawn;
}

Matrix MatchedGaussian(const Reference& reference, uint64_t seed) {
  Backend& backend = reference.backend();
  const Matrix& y = reference.compressed();
  const int64_t smaller = std::min(y.rows(), y.cols());
  const Matrix u = backend.Allocate(y.rows(), smaller, kDouble);
  const Matrix vt = backend.Allocate(smaller, y.cols(), kDouble);
  const std::vector<double> values = backend.Svd(y, u, vt);
  return GaussianWithSpectrum(
      backend, reference.rows(), reference.features(), values, seed);
}

}  // namespace repscore
