// Elementwise operations and those on square kernels.
#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {

void CudaBackend::Axpby(double alpha,
                        const Matrix& a,
                        double beta,
                        const Matrix& b) {
  Require(SameShape(a, b) && a.type() == b.type(), "Axpby");
  Begin({&a}, {&b});
  EnqueueAdd(alpha, a, beta, b);
}

void CudaBackend::EnqueueAdd(double alpha,
                             const Matrix& a,
                             double beta,
                             const Matrix& b) {
  queue_->Launch<AddScaled>(
      "adding", Scalar{alpha}, a, Scalar{beta}, Written{b});
}

void CudaBackend::AddDiagonal(double alpha, const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "AddDiagonal");
  Begin({}, {&a});
  queue_->Launch<ChangeDiagonal>(
      "adding to a diagonal", 1.0, Scalar{alpha}, Written{a});
}

void CudaBackend::FillDiagonal(double value, const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "FillDiagonal");
  Begin({}, {&a});
  queue_->Launch<ChangeDiagonal>(
      "filling a diagonal", 0.0, Scalar{value}, Written{a});
}

void CudaBackend::ScaleRows(const Matrix& weights,
                            const Matrix& a,
                            const Matrix& out) {
  Require(weights.rows() == a.rows() && SameShape(a, out) && IsDouble(a) &&
              IsDouble(out) && IsDouble(weights),
          "ScaleRows");
  Begin({&weights, &a}, {&out});
  queue_->Launch<ScaleRowsBy>("scaling rows", weights, a, Written{out});
}

void CudaBackend::CentreColumns(const Matrix& a, const Matrix& means) {
  Require(means.rows() == a.cols() && IsDouble(means), "CentreColumns");
  Begin({}, {&a, &means});
  queue_->Launch<RemoveMeans>("centring", Written{a}, Written{means});
}

void CudaBackend::UCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(n >= 4 && kernel.cols() == n && IsDouble(kernel), "UCentre");
  Begin({}, {&kernel});
  queue_->Launch<UCentreKernel>("centring", kernel, Vector(n), Vector(1));
}

void CudaBackend::DoubleCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(kernel.cols() == n && IsDouble(kernel), "DoubleCentre");
  Begin({}, {&kernel});
  queue_->Launch<DoubleCentreKernel>("centring", kernel, Vector(n), Vector(1));
}

void CudaBackend::SquaredDistances(const Matrix& kernel,
                                   double relative_floor,
                                   const Matrix& out) {
  Require(kernel.rows() == kernel.cols() && SameShape(kernel, out) &&
              IsDouble(kernel) && IsDouble(out),
          "SquaredDistances");
  Begin({&kernel}, {&out});
  // `out` may be the kernel, whose diagonal every element looks at.
  const Matrix diagonal = Vector(kernel.rows());
  EnqueueCopyDiagonal(kernel, diagonal);
  queue_->Launch<Distances>(
      "computing distances", kernel, diagonal, relative_floor, Written{out});
}

void CudaBackend::EnqueueCopyDiagonal(const Matrix& a, const Matrix& diagonal) {
  queue_->Launch<CopyDiagonal>("copying a diagonal", a, Written{diagonal});
}

void CudaBackend::Map(Function function,
                      double scale,
                      const Matrix& in,
                      const Matrix& out) {
  Require(SameShape(in, out) && IsDouble(in) && IsDouble(out), "Map");
  Begin({&in}, {&out});
  queue_->Launch<MapElements>(
      "mapping elements", function, Scalar{scale}, in, Written{out});
}

void CudaBackend::Hadamard(double alpha,
                           const Matrix& a,
                           const Matrix& b,
                           const Matrix& out) {
  Require(SameShape(a, b) && SameShape(a, out) && IsDouble(a) && IsDouble(b) &&
              IsDouble(out),
          "Hadamard");
  Begin({&a, &b}, {&out});
  queue_->Launch<MultiplyElements>(
      "multiplying elements", Scalar{alpha}, a, b, Written{out});
}

void CudaBackend::Laplacian(const Matrix& weights, const Matrix& out) {
  Require(weights.rows() == weights.cols() && SameShape(weights, out) &&
              IsDouble(weights) && IsDouble(out),
          "Laplacian");
  Begin({&weights}, {&out});
  queue_->Launch<LaplacianOf>("computing a Laplacian", weights, Written{out});
}

}  // namespace repscore::cuda
