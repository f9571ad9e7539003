// Products, sums and elementwise operations.
#include <algorithm>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {
namespace {

// A symmetric product in tiles of one triangle keeps the device busy from here
// on; below, a full product, which also shares the summed side among
// multiprocessors, is faster though it does twice the work.
constexpr int64_t kTriangleRows = 2048;

cublasOperation_t ToBlas(Op op) {
  return op == Op::kNone ? CUBLAS_OP_N : CUBLAS_OP_T;
}

template <typename T>
T* Data(const Matrix& a) {
  return static_cast<T*>(a.data());
}

int Stride(const Matrix& a) {
  return ToInt(a.stride());
}

}  // namespace

void CudaBackend::EnqueueGemm(Op a_op,
                              Op b_op,
                              double alpha,
                              const Matrix& a,
                              const Matrix& b,
                              double beta,
                              const Matrix& c) {
  const int inner = ToInt(a_op == Op::kNone ? a.cols() : a.rows());
  const Libraries& libraries = device().libraries();
  if (c.empty()) {
    return;
  }
  if (inner == 0) {
    // cuBLAS asks for leading dimensions that empty factors do not have.
    Check(beta == 0.0 ? FillElements(stream(), 0.0, c)
                      : AddScaled(stream(), 0.0, c, beta, c),
          "multiplying");
    return;
  }
  if (IsDouble(c)) {
    device().Check(libraries.dgemm(queue_->blas(),
                                   ToBlas(a_op),
                                   ToBlas(b_op),
                                   ToInt(c.rows()),
                                   ToInt(c.cols()),
                                   inner,
                                   &alpha,
                                   Data<double>(a),
                                   Stride(a),
                                   Data<double>(b),
                                   Stride(b),
                                   &beta,
                                   Data<double>(c),
                                   Stride(c)),
                   "multiplying");
    return;
  }
  const float scale = static_cast<float>(alpha);
  const float keep = static_cast<float>(beta);
  device().Check(libraries.sgemm(queue_->blas(),
                                 ToBlas(a_op),
                                 ToBlas(b_op),
                                 ToInt(c.rows()),
                                 ToInt(c.cols()),
                                 inner,
                                 &scale,
                                 Data<float>(a),
                                 Stride(a),
                                 Data<float>(b),
                                 Stride(b),
                                 &keep,
                                 Data<float>(c),
                                 Stride(c)),
                 "multiplying");
}

void CudaBackend::Gemm(Op a_op,
                       Op b_op,
                       double alpha,
                       const Matrix& a,
                       const Matrix& b,
                       double beta,
                       const Matrix& c) {
  const int64_t inner = a_op == Op::kNone ? a.cols() : a.rows();
  Require((a_op == Op::kNone ? a.rows() : a.cols()) == c.rows() &&
              (b_op == Op::kNone ? b.rows() : b.cols()) == inner &&
              (b_op == Op::kNone ? b.cols() : b.rows()) == c.cols() &&
              a.type() == b.type() && b.type() == c.type(),
          "Gemm");
  Begin({&a, &b}, {&c});
  EnqueueGemm(a_op, b_op, alpha, a, b, beta, c);
}

void CudaBackend::Syrk(
    Op op, double alpha, const Matrix& a, double beta, const Matrix& c) {
  const int64_t inner = op == Op::kNone ? a.cols() : a.rows();
  Require(c.rows() == c.cols() &&
              c.rows() == (op == Op::kNone ? a.rows() : a.cols()) &&
              a.type() == c.type(),
          "Syrk");
  Begin({&a}, {&c});
  if (c.empty()) {
    return;
  }
  const Op other = op == Op::kNone ? Op::kTranspose : Op::kNone;
  if (inner == 0 || c.rows() < kTriangleRows) {
    EnqueueGemm(op, other, alpha, a, a, beta, c);
  } else if (IsDouble(c)) {
    device().Check(device().libraries().dsyrk(queue_->blas(),
                                              CUBLAS_FILL_MODE_LOWER,
                                              ToBlas(op),
                                              ToInt(c.rows()),
                                              ToInt(inner),
                                              &alpha,
                                              Data<double>(a),
                                              Stride(a),
                                              &beta,
                                              Data<double>(c),
                                              Stride(c)),
                   "multiplying");
  } else {
    const float scale = static_cast<float>(alpha);
    const float keep = static_cast<float>(beta);
    device().Check(device().libraries().ssyrk(queue_->blas(),
                                              CUBLAS_FILL_MODE_LOWER,
                                              ToBlas(op),
                                              ToInt(c.rows()),
                                              ToInt(inner),
                                              &scale,
                                              Data<float>(a),
                                              Stride(a),
                                              &keep,
                                              Data<float>(c),
                                              Stride(c)),
                   "multiplying");
  }
  // A full product is symmetric to rounding only.
  Check(MirrorLower(stream(), c), "multiplying");
}

void CudaBackend::Transpose(const Matrix& in, const Matrix& out) {
  Require(in.rows() == out.cols() && in.cols() == out.rows() &&
              in.type() == out.type(),
          "Transpose");
  Begin({&in}, {&out});
  if (in.empty()) {
    return;
  }
  const Libraries& libraries = device().libraries();
  const int rows = ToInt(out.rows());
  const int cols = ToInt(out.cols());
  if (IsDouble(in)) {
    const double one = 1.0;
    const double zero = 0.0;
    device().Check(libraries.dgeam(queue_->blas(),
                                   CUBLAS_OP_T,
                                   CUBLAS_OP_N,
                                   rows,
                                   cols,
                                   &one,
                                   Data<double>(in),
                                   Stride(in),
                                   &zero,
                                   Data<double>(out),
                                   Stride(out),
                                   Data<double>(out),
                                   Stride(out)),
                   "transposing");
    return;
  }
  const float one = 1.0F;
  const float zero = 0.0F;
  device().Check(libraries.sgeam(queue_->blas(),
                                 CUBLAS_OP_T,
                                 CUBLAS_OP_N,
                                 rows,
                                 cols,
                                 &one,
                                 Data<float>(in),
                                 Stride(in),
                                 &zero,
                                 Data<float>(out),
                                 Stride(out),
                                 Data<float>(out),
                                 Stride(out)),
                 "transposing");
}

void CudaBackend::Axpby(double alpha,
                        const Matrix& a,
                        double beta,
                        const Matrix& b) {
  Require(SameShape(a, b) && a.type() == b.type(), "Axpby");
  Begin({&a}, {&b});
  Check(AddScaled(stream(), alpha, a, beta, b), "adding");
}

void CudaBackend::AddDiagonal(double alpha, const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "AddDiagonal");
  Begin({}, {&a});
  Check(ChangeDiagonal(stream(), 1.0, alpha, a), "adding to a diagonal");
}

void CudaBackend::FillDiagonal(double value, const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "FillDiagonal");
  Begin({}, {&a});
  Check(ChangeDiagonal(stream(), 0.0, value, a), "filling a diagonal");
}

void CudaBackend::ScaleRows(const Matrix& weights,
                            const Matrix& a,
                            const Matrix& out) {
  Require(weights.rows() == a.rows() && SameShape(a, out) && IsDouble(a) &&
              IsDouble(out) && IsDouble(weights),
          "ScaleRows");
  Begin({&weights, &a}, {&out});
  Check(ScaleRowsBy(stream(), weights, a, out), "scaling rows");
}

void CudaBackend::CentreColumns(const Matrix& a, const Matrix& means) {
  Require(means.rows() == a.cols() && IsDouble(means), "CentreColumns");
  Begin({}, {&a, &means});
  Check(RemoveMeans(stream(), a, means), "centring");
}

void CudaBackend::UCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(n >= 4 && kernel.cols() == n && IsDouble(kernel), "UCentre");
  Begin({}, {&kernel});
  Check(UCentreKernel(stream(), kernel, Vector(n), Vector(1)), "centring");
}

void CudaBackend::DoubleCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(kernel.cols() == n && IsDouble(kernel), "DoubleCentre");
  Begin({}, {&kernel});
  Check(DoubleCentreKernel(stream(), kernel, Vector(n), Vector(1)), "centring");
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
  Check(CopyDiagonal(stream(), kernel, diagonal), "computing distances");
  Check(Distances(stream(), kernel, diagonal, relative_floor, out),
        "computing distances");
}

void CudaBackend::Map(Function function,
                      double scale,
                      const Matrix& in,
                      const Matrix& out) {
  Require(SameShape(in, out) && IsDouble(in) && IsDouble(out), "Map");
  Begin({&in}, {&out});
  Check(MapElements(stream(), function, scale, in, out), "mapping elements");
}

void CudaBackend::Hadamard(double alpha,
                           const Matrix& a,
                           const Matrix& b,
                           const Matrix& out) {
  Require(SameShape(a, b) && SameShape(a, out) && IsDouble(a) && IsDouble(b) &&
              IsDouble(out),
          "Hadamard");
  Begin({&a, &b}, {&out});
  Check(MultiplyElements(stream(), alpha, a, b, out), "multiplying elements");
}

void CudaBackend::Laplacian(const Matrix& weights, const Matrix& out) {
  Require(weights.rows() == weights.cols() && SameShape(weights, out) &&
              IsDouble(weights) && IsDouble(out),
          "Laplacian");
  Begin({&weights}, {&out});
  Check(LaplacianOf(stream(), weights, out), "computing a Laplacian");
}

void CudaBackend::EnqueueDots(const std::vector<DotTerm>& terms,
                              const Matrix& results) {
  const Matrix partial = Vector(std::max<int64_t>(1, DotSegments(terms)));
  Check(SumDots(stream(), terms, Data<double>(partial), Data<double>(results)),
        "summing products");
}

std::vector<double> CudaBackend::Dots(
    absl::Span<const std::pair<Matrix, Matrix>> pairs) {
  if (pairs.empty()) {
    return {};
  }
  std::vector<DotTerm> terms;
  terms.reserve(pairs.size());
  for (const auto& [a, b] : pairs) {
    Require(SameShape(a, b) && a.type() == b.type(), "Dots");
    Begin({&a, &b}, {});
    terms.push_back(DotOf(a, b));
  }
  const Matrix results = Vector(static_cast<int64_t>(terms.size()));
  EnqueueDots(terms, results);
  return Fetch(results);
}

void CudaBackend::ColumnSums(const Matrix& a, const Matrix& sums) {
  Require(sums.rows() == a.cols() && IsDouble(sums), "ColumnSums");
  Begin({&a}, {&sums});
  Check(SumColumns(stream(), a, sums), "summing columns");
}

void CudaBackend::RowSquaredNorms(const Matrix& a, const Matrix& norms) {
  Require(norms.rows() == a.rows() && IsDouble(norms), "RowSquaredNorms");
  Begin({&a}, {&norms});
  const Matrix partial =
      Allocate(a.rows(), RowSumChunks(a.cols()), ScalarType::kFloat64);
  Check(SquaredRowNorms(stream(), a, partial, norms), "summing rows");
}

double CudaBackend::Trace(const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "Trace");
  Begin({&a}, {});
  const Matrix result = Vector(1);
  EnqueueDots({TraceOf(a)}, result);
  return Fetch(result).front();
}

}  // namespace repscore::cuda
