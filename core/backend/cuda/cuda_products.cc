// Products and sums.
#include <algorithm>
#include <utility>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {
namespace {

// A symmetric product of columns this long is made of products of bands of this
// many columns, from the diagonal down. Below, and where a band would be the
// whole, the full product is faster though it does twice the work; cuBLAS's own
// routine is slower than either.
constexpr int64_t kBandColumns = 256;
constexpr int64_t kLongestInner = 4096;
// Up to here our own kernels take products with a vector, and transposes: many
// of them in one launch.
constexpr int64_t kLargestOwnVector = 512;
constexpr int64_t kLargestOwnTranspose = int64_t{512} * 512;

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

int InnerOf(cublasOperation_t op, const Matrix& a) {
  return ToInt(op == CUBLAS_OP_N ? a.cols() : a.rows());
}

}  // namespace

namespace {

/// What cuBLAS calls one after the type of the elements.
struct Doubles {
  using Element = double;
  using Factor = Scalar;
  static auto Gemm(const Libraries& from) { return from.dgemm; }
  static auto Geam(const Libraries& from) { return from.dgeam; }
};
struct Singles {
  using Element = float;
  using Factor = SingleScalar;
  static auto Gemm(const Libraries& from) { return from.sgemm; }
  static auto Geam(const Libraries& from) { return from.sgeam; }
};

struct Factors {
  double product;
  double kept;
};

/// c = product op(a) op(b) + kept c
template <typename Routines>
void DoGemm(Queue& queue,
            Op a_op,
            Op b_op,
            const Factors& factors,
            const Matrix& a,
            const Matrix& b,
            const Matrix& c) {
  using T = typename Routines::Element;
  using Factor = typename Routines::Factor;
  queue.Do(
      "multiplying",
      [](Queue& on,
         cublasOperation_t left_op,
         cublasOperation_t right_op,
         const T* scale,
         const Matrix& left,
         const Matrix& right,
         const T* keep,
         const Matrix& out) {
        return Routines::Gemm(on.device().libraries())(on.blas(),
                                                       left_op,
                                                       right_op,
                                                       ToInt(out.rows()),
                                                       ToInt(out.cols()),
                                                       InnerOf(left_op, left),
                                                       scale,
                                                       Data<T>(left),
                                                       Stride(left),
                                                       Data<T>(right),
                                                       Stride(right),
                                                       keep,
                                                       Data<T>(out),
                                                       Stride(out));
      },
      ToBlas(a_op),
      ToBlas(b_op),
      Factor{factors.product},
      a,
      b,
      Factor{factors.kept},
      Written{c});
}

/// c = product op(a) op(b) + kept c of float32 matrices whose elements tensor
/// cores round first.
void DoRoundedGemm(Queue& queue,
                   cublasComputeType_t compute,
                   std::pair<Op, Op> ops,
                   const Factors& factors,
                   const Matrix& a,
                   const Matrix& b,
                   const Matrix& c) {
  queue.Do(
      "multiplying",
      [](Queue& on,
         cublasComputeType_t type,
         cublasOperation_t left_op,
         cublasOperation_t right_op,
         const float* scale,
         const Matrix& left,
         const Matrix& right,
         const float* keep,
         const Matrix& out) {
        return on.device().libraries().gemm_ex(on.blas(),
                                               left_op,
                                               right_op,
                                               ToInt(out.rows()),
                                               ToInt(out.cols()),
                                               InnerOf(left_op, left),
                                               scale,
                                               left.data(),
                                               CUDA_R_32F,
                                               Stride(left),
                                               right.data(),
                                               CUDA_R_32F,
                                               Stride(right),
                                               keep,
                                               out.data(),
                                               CUDA_R_32F,
                                               Stride(out),
                                               type,
                                               CUBLAS_GEMM_DEFAULT);
      },
      compute,
      ToBlas(ops.first),
      ToBlas(ops.second),
      SingleScalar{factors.product},
      a,
      b,
      SingleScalar{factors.kept},
      Written{c});
}

/// out = in'
template <typename Routines>
void DoTranspose(Queue& queue, const Matrix& in, const Matrix& out) {
  using T = typename Routines::Element;
  using Factor = typename Routines::Factor;
  queue.Do(
      "transposing",
      [](Queue& on,
         const T* one,
         const T* zero,
         const Matrix& from,
         const Matrix& to) {
        return Routines::Geam(on.device().libraries())(on.blas(),
                                                       CUBLAS_OP_T,
                                                       CUBLAS_OP_N,
                                                       ToInt(to.rows()),
                                                       ToInt(to.cols()),
                                                       one,
                                                       Data<T>(from),
                                                       Stride(from),
                                                       zero,
                                                       Data<T>(to),
                                                       Stride(to),
                                                       Data<T>(to),
                                                       Stride(to));
      },
      Factor{1.0},
      Factor{0.0},
      in,
      Written{out});
}

}  // namespace

void CudaBackend::EnqueueGemm(Op a_op,
                              Op b_op,
                              double alpha,
                              const Matrix& a,
                              const Matrix& b,
                              double beta,
                              const Matrix& c) {
  const int64_t inner = a_op == Op::kNone ? a.cols() : a.rows();
  if (c.empty()) {
    return;
  }
  if (inner == 0) {
    // cuBLAS asks for leading dimensions that empty factors do not have.
    if (beta == 0.0) {
      EnqueueFill(0.0, c);
    } else {
      EnqueueAdd(0.0, c, beta, c);
    }
    return;
  }
  if (inner == 1) {
    queue_->Launch<AddOuterProduct>(
        "multiplying", Scalar{alpha}, a, b, Scalar{beta}, Written{c});
    return;
  }
  if (c.cols() == 1 && std::max(inner, c.rows()) <= kLargestOwnVector) {
    queue_->Launch<MultiplyVector>("multiplying",
                                   a_op == Op::kTranspose,
                                   Scalar{alpha},
                                   a,
                                   b,
                                   Scalar{beta},
                                   Written{c});
    return;
  }
  ToInt(std::max({inner, c.rows(), c.cols(), a.stride(), b.stride()}));
  if (IsDouble(c)) {
    DoGemm<Doubles>(*queue_, a_op, b_op, {alpha, beta}, a, b, c);
  } else if (rounding_ == Rounding::kNone) {
    DoGemm<Singles>(*queue_, a_op, b_op, {alpha, beta}, a, b, c);
  } else {
    DoRoundedGemm(*queue_,
                  rounding_ == Rounding::kTf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                               : CUBLAS_COMPUTE_32F_FAST_16BF,
                  {a_op, b_op},
                  {alpha, beta},
                  a,
                  b,
                  c);
  }
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
  const int64_t n = c.rows();
  Require(n == c.cols() && n == (op == Op::kNone ? a.rows() : a.cols()) &&
              a.type() == c.type(),
          "Syrk");
  Begin({&a}, {&c});
  if (c.empty()) {
    return;
  }
  const Op other = op == Op::kNone ? Op::kTranspose : Op::kNone;
  if (n <= kBandColumns || inner < kLongestInner) {
    EnqueueGemm(op, other, alpha, a, a, beta, c);
  } else {
    const auto part = [&](int64_t first, int64_t count) {
      return op == Op::kNone ? a.Rows(first, count) : a.Columns(first, count);
    };
    for (int64_t first = 0; first < n; first += kBandColumns) {
      const int64_t count = std::min(kBandColumns, n - first);
      EnqueueGemm(op,
                  other,
                  alpha,
                  part(first, n - first),
                  part(first, count),
                  beta,
                  c.Columns(first, count).Rows(first, n - first));
    }
  }
  // A full product is symmetric to rounding only.
  queue_->Launch<MirrorLower>("multiplying", Written{c});
}

void CudaBackend::Transpose(const Matrix& in, const Matrix& out) {
  Require(in.rows() == out.cols() && in.cols() == out.rows() &&
              in.type() == out.type(),
          "Transpose");
  Begin({&in}, {&out});
  if (in.empty()) {
    return;
  }
  if (in.size() <= kLargestOwnTranspose) {
    queue_->Launch<TransposeElements>("transposing", in, Written{out});
    return;
  }
  ToInt(std::max({in.rows(), in.cols(), in.stride(), out.stride()}));
  if (IsDouble(in)) {
    DoTranspose<Doubles>(*queue_, in, out);
  } else {
    DoTranspose<Singles>(*queue_, in, out);
  }
}

void CudaBackend::EnqueueDots(const std::vector<DotTerm>& terms,
                              const Matrix& results) {
  const Matrix partial = Vector(std::max<int64_t>(1, DotSegments(terms)));
  queue_->Launch<SumDots>("summing products", terms, partial, results);
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
  const Matrix results = Results(static_cast<int64_t>(terms.size()));
  EnqueueDots(terms, results);
  return Take(results);
}

void CudaBackend::ColumnSums(const Matrix& a, const Matrix& sums) {
  Require(sums.rows() == a.cols() && IsDouble(sums), "ColumnSums");
  Begin({&a}, {&sums});
  EnqueueColumnSums(a, sums);
}

void CudaBackend::EnqueueColumnSums(const Matrix& a, const Matrix& sums) {
  queue_->Launch<SumColumns>("summing columns", a, Written{sums});
}

void CudaBackend::RowSquaredNorms(const Matrix& a, const Matrix& norms) {
  Require(norms.rows() == a.rows() && IsDouble(norms), "RowSquaredNorms");
  Begin({&a}, {&norms});
  const Matrix partial =
      Allocate(a.rows(), RowSumChunks(a.cols()), ScalarType::kFloat64);
  queue_->Launch<SquaredRowNorms>("summing rows", a, partial, norms);
}

double CudaBackend::Trace(const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "Trace");
  Begin({&a}, {});
  const Matrix result = Results(1);
  EnqueueDots({TraceOf(a)}, result);
  return Take(result).front();
}

}  // namespace repscore::cuda
