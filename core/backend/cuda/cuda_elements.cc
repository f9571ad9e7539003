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
  queue_->Do(
      "adding",
      [](Queue& queue,
         const double* scale,
         const Matrix& from,
         const double* keep,
         const Matrix& to) {
        return AddScaled(queue.stream(), scale, from, keep, to);
      },
      Scalar{alpha},
      a,
      Scalar{beta},
      b);
}

void CudaBackend::AddDiagonal(double alpha, const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "AddDiagonal");
  Begin({}, {&a});
  queue_->Do(
      "adding to a diagonal",
      [](Queue& queue, const double* value, const Matrix& to) {
        return ChangeDiagonal(queue.stream(), 1.0, value, to);
      },
      Scalar{alpha},
      a);
}

void CudaBackend::FillDiagonal(double value, const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "FillDiagonal");
  Begin({}, {&a});
  queue_->Do(
      "filling a diagonal",
      [](Queue& queue, const double* constant, const Matrix& to) {
        return ChangeDiagonal(queue.stream(), 0.0, constant, to);
      },
      Scalar{value},
      a);
}

void CudaBackend::ScaleRows(const Matrix& weights,
                            const Matrix& a,
                            const Matrix& out) {
  Require(weights.rows() == a.rows() && SameShape(a, out) && IsDouble(a) &&
              IsDouble(out) && IsDouble(weights),
          "ScaleRows");
  Begin({&weights, &a}, {&out});
  queue_->Do(
      "scaling rows",
      [](Queue& queue, const Matrix& by, const Matrix& from, const Matrix& to) {
        return ScaleRowsBy(queue.stream(), by, from, to);
      },
      weights,
      a,
      out);
}

void CudaBackend::CentreColumns(const Matrix& a, const Matrix& means) {
  Require(means.rows() == a.cols() && IsDouble(means), "CentreColumns");
  Begin({}, {&a, &means});
  queue_->Do(
      "centring",
      [](Queue& queue, const Matrix& rows, const Matrix& out) {
        return RemoveMeans(queue.stream(), rows, out);
      },
      a,
      means);
}

void CudaBackend::UCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(n >= 4 && kernel.cols() == n && IsDouble(kernel), "UCentre");
  Begin({}, {&kernel});
  queue_->Do(
      "centring",
      [](Queue& queue,
         const Matrix& centred,
         const Matrix& sums,
         const Matrix& total) {
        return UCentreKernel(queue.stream(), centred, sums, total);
      },
      kernel,
      Vector(n),
      Vector(1));
}

void CudaBackend::DoubleCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(kernel.cols() == n && IsDouble(kernel), "DoubleCentre");
  Begin({}, {&kernel});
  queue_->Do(
      "centring",
      [](Queue& queue,
         const Matrix& centred,
         const Matrix& sums,
         const Matrix& total) {
        return DoubleCentreKernel(queue.stream(), centred, sums, total);
      },
      kernel,
      Vector(n),
      Vector(1));
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
  queue_->Do(
      "computing distances",
      [](Queue& queue,
         const Matrix& from,
         const Matrix& norms,
         double floor,
         const Matrix& to) {
        return Distances(queue.stream(), from, norms, floor, to);
      },
      kernel,
      diagonal,
      relative_floor,
      out);
}

void CudaBackend::EnqueueCopyDiagonal(const Matrix& a, const Matrix& diagonal) {
  queue_->Do(
      "copying a diagonal",
      [](Queue& queue, const Matrix& from, const Matrix& to) {
        return CopyDiagonal(queue.stream(), from, to);
      },
      a,
      diagonal);
}

void CudaBackend::Map(Function function,
                      double scale,
                      const Matrix& in,
                      const Matrix& out) {
  Require(SameShape(in, out) && IsDouble(in) && IsDouble(out), "Map");
  Begin({&in}, {&out});
  queue_->Do(
      "mapping elements",
      [](Queue& queue,
         Function map,
         const double* factor,
         const Matrix& from,
         const Matrix& to) {
        return MapElements(queue.stream(), map, factor, from, to);
      },
      function,
      Scalar{scale},
      in,
      out);
}

void CudaBackend::Hadamard(double alpha,
                           const Matrix& a,
                           const Matrix& b,
                           const Matrix& out) {
  Require(SameShape(a, b) && SameShape(a, out) && IsDouble(a) && IsDouble(b) &&
              IsDouble(out),
          "Hadamard");
  Begin({&a, &b}, {&out});
  queue_->Do(
      "multiplying elements",
      [](Queue& queue,
         const double* scale,
         const Matrix& left,
         const Matrix& right,
         const Matrix& to) {
        return MultiplyElements(queue.stream(), scale, left, right, to);
      },
      Scalar{alpha},
      a,
      b,
      out);
}

void CudaBackend::Laplacian(const Matrix& weights, const Matrix& out) {
  Require(weights.rows() == weights.cols() && SameShape(weights, out) &&
              IsDouble(weights) && IsDouble(out),
          "Laplacian");
  Begin({&weights}, {&out});
  queue_->Do(
      "computing a Laplacian",
      [](Queue& queue, const Matrix& from, const Matrix& to) {
        return LaplacianOf(queue.stream(), from, to);
      },
      weights,
      out);
}

}  // namespace repscore::cuda
