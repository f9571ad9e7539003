#include "core/measures/frame.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/backend/host_algebra.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

}  // namespace

Matrix Multiply(
    Backend& backend, Op a_op, const Matrix& a, Op b_op, const Matrix& b) {
  Matrix product = backend.Allocate(a_op == Op::kNone ? a.rows() : a.cols(),
                                    b_op == Op::kNone ? b.cols() : b.rows(),
                                    kDouble);
  backend.Gemm(a_op, b_op, 1.0, a, b, 0.0, product);
  return product;
}

Matrix ScaledColumns(Backend& backend,
                     const Matrix& a,
                     const Eigen::VectorXd& factors) {
  Matrix scaled = backend.Allocate(a.rows(), a.cols(), kDouble);
  for (int64_t j = 0; j < a.cols(); ++j) {
    backend.Axpby(factors(j), a.Columns(j, 1), 0.0, scaled.Columns(j, 1));
  }
  return scaled;
}

Frame FrameOf(Backend& backend, const Matrix& rows, double removed_norm) {
  const Matrix exact = Widened(backend, rows);
  const int64_t k = std::min(exact.rows(), exact.cols());
  const Matrix left = backend.Allocate(exact.rows(), k, kDouble);
  const Matrix right = backend.Allocate(k, exact.cols(), kDouble);
  const std::vector<double> values = backend.Svd(exact, left, right);
  const double floor =
      static_cast<double>(std::max(exact.rows(), exact.cols())) *
      std::numeric_limits<double>::epsilon() *
      std::hypot(values.front(), removed_norm);
  const auto rank = static_cast<int64_t>(
      std::count_if(values.begin(), values.end(), [floor](double value) {
        return value > floor;
      }));
  Frame frame;
  frame.left = left.Columns(0, rank);
  frame.right = right.Rows(0, rank);
  frame.values = Eigen::Map<const Eigen::VectorXd>(values.data(), rank);
  return frame;
}

Frame CentredFrame(const Statistics& statistics, Side side) {
  Backend& backend = *statistics.backend;
  const bool candidate = side == Side::kCandidate;
  const Matrix& means =
      candidate ? statistics.candidate_means : statistics.reference_means;
  return FrameOf(
      backend,
      candidate ? statistics.candidate_rows : statistics.reference_rows,
      std::sqrt(static_cast<double>(statistics.size.rows) *
                backend.Dot(means, means)));
}

Matrix FramePullBack(Backend& backend,
                     const Frame& frame,
                     const Eigen::VectorXd& gains,
                     const Eigen::MatrixXd& quotients,
                     const Matrix& other,
                     const Eigen::MatrixXd& cross_adjoint) {
  const Matrix t = Multiply(backend,
                            Op::kNone,
                            other,
                            Op::kTranspose,
                            ToBackend(backend, cross_adjoint));
  const Eigen::MatrixXd u = ToHost(
      backend, Multiply(backend, Op::kTranspose, frame.left, Op::kNone, t));
  const Eigen::MatrixXd inner =
      quotients.cwiseProduct(u * gains.cwiseInverse().asDiagonal()) -
      u * gains.asDiagonal();
  const Matrix outer = ScaledColumns(backend, t, gains);
  backend.Gemm(Op::kNone,
               Op::kNone,
               1.0,
               frame.left,
               ToBackend(backend, inner),
               1.0,
               outer);
  return Multiply(backend, Op::kNone, outer, Op::kNone, frame.right);
}

}  // namespace repscore
