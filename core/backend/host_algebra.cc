#include "core/backend/host_algebra.h"

#include "core/backend/cpu/kernels.h"

namespace repscore {

Eigen::MatrixXd ToHost(Backend& backend, const Matrix& matrix) {
  Matrix wide = matrix;
  if (matrix.type() != ScalarType::kFloat64) {
    wide = backend.Allocate(matrix.rows(), matrix.cols(), ScalarType::kFloat64);
    backend.Copy(matrix, wide);
  }
  Eigen::MatrixXd host(matrix.rows(), matrix.cols());
  backend.Download(
      wide, absl::MakeSpan(host.data(), static_cast<size_t>(host.size())));
  return host;
}

void ExpInPlace(absl::Span<double> values) {
  cpu::Kernels().exp_f64(static_cast<int64_t>(values.size()), values.data());
}

Matrix ToBackend(Backend& backend, const Eigen::MatrixXd& matrix) {
  Matrix out =
      backend.Allocate(matrix.rows(), matrix.cols(), ScalarType::kFloat64);
  backend.Upload(
      absl::MakeConstSpan(matrix.data(), static_cast<size_t>(matrix.size())),
      out);
  return out;
}

}  // namespace repscore
