#include "core/analysis/component_capture.h"

#include <algorithm>
#include <utility>

#include "core/measures/spectral.h"
#include "core/statistics/row_pair.h"
#include "core/statistics/statistics.h"

namespace repscore {
namespace {

// A Cholesky pivot below this share of its diagonal element is mostly the
// rounding of float32 products.
constexpr double kPivotFloor = 1e-5;

std::vector<double> ColumnDots(Backend& backend,
                               const Matrix& a,
                               const Matrix& b) {
  std::vector<std::pair<Matrix, Matrix>> pairs;
  for (int64_t j = 0; j < a.cols(); ++j) {
    pairs.emplace_back(a.Columns(j, 1), b.Columns(j, 1));
  }
  std::vector<double> dots = backend.Dots(pairs);
  for (double& dot : dots) {
    dot = std::clamp(dot, 0.0, 1.0);
  }
  return dots;
}

}  // namespace

std::vector<double> ComponentCapture(Backend& backend,
                                     const Matrix& candidate,
                                     const Matrix& components) {
  constexpr ScalarType kDouble = ScalarType::kFloat64;
  if (ChooseSpace(candidate.rows(), candidate.cols()) == Space::kFeature) {
    // R2_i = c_i' A^+ c_i, c_i = X'u_i
    const Matrix product =
        backend.Allocate(candidate.cols(), components.cols(), candidate.type());
    backend.Gemm(
        Op::kTranspose, Op::kNone, 1.0, candidate, components, 0.0, product);
    const Matrix cross = Widened(backend, product);
    const PositiveFactor factor(backend, GramOf(backend, candidate, true), 0.0);
    return ColumnDots(backend, cross, factor.Solve(cross));
  }
  // R2_i = |V'u_i|^2, V the eigenvectors of K
  const Spectrum spectrum =
      PositiveSpectrum(backend, KernelOf(backend, candidate));
  const Matrix u = Widened(backend, components);
  const Matrix projected =
      backend.Allocate(spectrum.vectors.cols(), u.cols(), kDouble);
  backend.Gemm(
      Op::kTranspose, Op::kNone, 1.0, spectrum.vectors, u, 0.0, projected);
  return ColumnDots(backend, projected, projected);
}

bool ComponentCaptureFromProducts(Backend& backend,
                                  const Matrix& gram,
                                  const Matrix& cross,
                                  std::vector<double>& captured) {
  const Matrix factor = Scaled(backend, 1.0, gram);
  if (!backend.Cholesky(factor, kPivotFloor)) {
    return false;
  }
  const Matrix solved = Scaled(backend, 1.0, cross);
  backend.CholeskySolve(factor, solved);
  captured = ColumnDots(backend, cross, solved);
  return true;
}

}  // namespace repscore
