// cuBLAS over the host's BLAS: enqueued like everything else, with scalars
// taken at the call, or when the work runs where they are the device's.
#include <cblas.h>
#include <cublas_v2.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/support/cuda_emulation/emulation.h"

// The names are those of cuBLAS.
// NOLINTBEGIN(readability-identifier-naming,readability-function-size)

struct EmulatedBlasHandle {
  cudaStream_t stream = nullptr;
  bool device_scalars = false;
};

namespace {

CBLAS_TRANSPOSE ToCblas(cublasOperation_t op) {
  return op == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

template <typename Work>
cublasStatus_t Enqueue(cublasHandle_t handle, Work work) {
  return repscore::cuda_emulation::Enqueue(handle->stream, work) == cudaSuccess
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_EXECUTION_FAILED;
}

/// A factor of a product, as it is when the product runs.
template <typename T>
class Factor {
 public:
  Factor(cublasHandle_t handle, const T* at)
      : at_(handle->device_scalars ? at : nullptr),
        value_(handle->device_scalars ? T{0} : *at) {}
  T operator()() const { return at_ == nullptr ? value_ : *at_; }

 private:
  const T* at_;
  T value_;
};

/// The elements of a column-major matrix with `bits` bits after the first, ties
/// away from zero; columns one after the other.
std::vector<float> Rounded(
    const float* from, int rows, int cols, int stride, int bits) {
  constexpr int kBits = 23;
  const uint32_t half = 1U << (kBits - bits - 1);
  std::vector<float> rounded;
  for (int j = 0; j < cols; ++j) {
    for (int i = 0; i < rows; ++i) {
      const float element = from[static_cast<ptrdiff_t>(j) * stride + i];
      const uint32_t word =
          (std::bit_cast<uint32_t>(element) + half) & ~(2 * half - 1);
      rounded.push_back(std::isfinite(element) ? std::bit_cast<float>(word)
                                               : element);
    }
  }
  return rounded;
}

bool Fits(cublasOperation_t op, int rows, int cols, int stride) {
  return stride >= std::max(1, op == CUBLAS_OP_N ? rows : cols);
}

}  // namespace

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new EmulatedBlasHandle();
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t /*handle*/,
                                  void* /*workspace*/,
                                  size_t /*bytes*/) {
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t /*handle*/,
                                 cublasMath_t /*mode*/) {
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t handle,
                                    cublasPointerMode_t mode) {
  handle->device_scalars = mode == CUBLAS_POINTER_MODE_DEVICE;
  return CUBLAS_STATUS_SUCCESS;
}

// NOLINTBEGIN(bugprone-macro-parentheses)
#define REPSCORE_EMULATED_BLAS(T, prefix, cblas_prefix)                        \
  cublasStatus_t cublas##prefix##gemm(cublasHandle_t handle,                   \
                                      cublasOperation_t a_op,                  \
                                      cublasOperation_t b_op,                  \
                                      int m,                                   \
                                      int n,                                   \
                                      int k,                                   \
                                      const T* alpha,                          \
                                      const T* a,                              \
                                      int a_stride,                            \
                                      const T* b,                              \
                                      int b_stride,                            \
                                      const T* beta,                           \
                                      T* c,                                    \
                                      int c_stride) {                          \
    if (!Fits(a_op, m, k, a_stride) || !Fits(b_op, k, n, b_stride) ||          \
        c_stride < m || m < 1 || n < 1 || k < 1) {                             \
      return CUBLAS_STATUS_INVALID_VALUE;                                      \
    }                                                                          \
    return Enqueue(handle,                                                     \
                   [=,                                                         \
                    alpha = Factor<T>(handle, alpha),                          \
                    beta = Factor<T>(handle, beta)] {                          \
                     cblas_##cblas_prefix##gemm(CblasColMajor,                 \
                                                ToCblas(a_op),                 \
                                                ToCblas(b_op),                 \
                                                m,                             \
                                                n,                             \
                                                k,                             \
                                                alpha(),                       \
                                                a,                             \
                                                a_stride,                      \
                                                b,                             \
                                                b_stride,                      \
                                                beta(),                        \
                                                c,                             \
                                                c_stride);                     \
                     if (repscore::cuda_emulation::TakeSpoiledProduct()) {     \
                       for (int j = 0; j < n; ++j) {                           \
                         std::fill_n(c + static_cast<ptrdiff_t>(j) * c_stride, \
                                     m,                                        \
                                     std::numeric_limits<T>::quiet_NaN());     \
                       }                                                       \
                     }                                                         \
                   });                                                         \
  }                                                                            \
  cublasStatus_t cublas##prefix##geam(cublasHandle_t handle,                   \
                                      cublasOperation_t a_op,                  \
                                      cublasOperation_t b_op,                  \
                                      int m,                                   \
                                      int n,                                   \
                                      const T* alpha,                          \
                                      const T* a,                              \
                                      int a_stride,                            \
                                      const T* beta,                           \
                                      const T* b,                              \
                                      int b_stride,                            \
                                      T* c,                                    \
                                      int c_stride) {                          \
    /* In place only where the operation of that side is none. */              \
    if (!Fits(a_op, m, n, a_stride) || !Fits(b_op, m, n, b_stride) ||          \
        c_stride < m || (a == c && a_op != CUBLAS_OP_N) ||                     \
        (b == c && b_op != CUBLAS_OP_N)) {                                     \
      return CUBLAS_STATUS_INVALID_VALUE;                                      \
    }                                                                          \
    return Enqueue(                                                            \
        handle,                                                                \
        [=,                                                                    \
         alpha = Factor<T>(handle, alpha),                                     \
         beta = Factor<T>(handle, beta)] {                                     \
          for (int j = 0; j < n; ++j) {                                        \
            for (int i = 0; i < m; ++i) {                                      \
              const T left = a_op == CUBLAS_OP_N ? a[j * a_stride + i]         \
                                                 : a[i * a_stride + j];        \
              T sum = alpha() * left;                                          \
              if (beta() != T{0}) {                                            \
                sum += beta() * (b_op == CUBLAS_OP_N ? b[j * b_stride + i]     \
                                                     : b[i * b_stride + j]);   \
              }                                                                \
              c[j * c_stride + i] = sum;                                       \
            }                                                                  \
          }                                                                    \
        });                                                                    \
  }
REPSCORE_EMULATED_BLAS(float, S, s)
REPSCORE_EMULATED_BLAS(double, D, d)
#undef REPSCORE_EMULATED_BLAS
// NOLINTEND(bugprone-macro-parentheses)

cublasStatus_t cublasDtrsm(cublasHandle_t handle,
                           cublasSideMode_t side,
                           cublasFillMode_t /*triangle*/,
                           cublasOperation_t op,
                           cublasDiagType_t /*diagonal*/,
                           int m,
                           int n,
                           const double* alpha,
                           const double* factor,
                           int factor_stride,
                           double* b,
                           int b_stride) {
  return Enqueue(handle, [=, alpha = Factor<double>(handle, alpha)] {
    cblas_dtrsm(CblasColMajor,
                side == CUBLAS_SIDE_LEFT ? CblasLeft : CblasRight,
                CblasLower,
                ToCblas(op),
                CblasNonUnit,
                m,
                n,
                alpha(),
                factor,
                factor_stride,
                b,
                b_stride);
  });
}

cublasStatus_t cublasDtrsmBatched(cublasHandle_t handle,
                                  cublasSideMode_t side,
                                  cublasFillMode_t /*triangle*/,
                                  cublasOperation_t op,
                                  cublasDiagType_t /*diagonal*/,
                                  int m,
                                  int n,
                                  const double* alpha,
                                  const double* const factors[],
                                  int factor_stride,
                                  double* const b[],
                                  int b_stride,
                                  int count) {
  if (factor_stride < std::max(1, side == CUBLAS_SIDE_LEFT ? m : n) ||
      b_stride < m || count < 1) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  return Enqueue(handle, [=, alpha = Factor<double>(handle, alpha)] {
    for (int i = 0; i < count; ++i) {
      cblas_dtrsm(CblasColMajor,
                  side == CUBLAS_SIDE_LEFT ? CblasLeft : CblasRight,
                  CblasLower,
                  ToCblas(op),
                  CblasNonUnit,
                  m,
                  n,
                  alpha(),
                  factors[i],
                  factor_stride,
                  b[i],
                  b_stride);
    }
  });
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle,
                            cublasOperation_t a_op,
                            cublasOperation_t b_op,
                            int m,
                            int n,
                            int k,
                            const void* alpha,
                            const void* a,
                            cudaDataType a_type,
                            int a_stride,
                            const void* b,
                            cudaDataType b_type,
                            int b_stride,
                            const void* beta,
                            void* c,
                            cudaDataType c_type,
                            int c_stride,
                            cublasComputeType_t compute,
                            cublasGemmAlgo_t /*algorithm*/) {
  if (!Fits(a_op, m, k, a_stride) || !Fits(b_op, k, n, b_stride) ||
      c_stride < m || m < 1 || n < 1 || k < 1 || a_type != CUDA_R_32F ||
      b_type != CUDA_R_32F || c_type != CUDA_R_32F) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  constexpr int kTf32Bits = 10;
  constexpr int kBfloat16Bits = 7;
  const int bits =
      compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? kTf32Bits : kBfloat16Bits;
  return Enqueue(
      handle,
      [=,
       scale = Factor<float>(handle, static_cast<const float*>(alpha)),
       keep = Factor<float>(handle, static_cast<const float*>(beta))] {
        const int a_rows = a_op == CUBLAS_OP_N ? m : k;
        const int b_rows = b_op == CUBLAS_OP_N ? k : n;
        cblas_sgemm(CblasColMajor,
                    ToCblas(a_op),
                    ToCblas(b_op),
                    m,
                    n,
                    k,
                    scale(),
                    Rounded(static_cast<const float*>(a),
                            a_rows,
                            m + k - a_rows,
                            a_stride,
                            bits)
                        .data(),
                    a_rows,
                    Rounded(static_cast<const float*>(b),
                            b_rows,
                            k + n - b_rows,
                            b_stride,
                            bits)
                        .data(),
                    b_rows,
                    keep(),
                    static_cast<float*>(c),
                    c_stride);
      });
}

cublasStatus_t cublasDgemmBatched(cublasHandle_t handle,
                                  cublasOperation_t a_op,
                                  cublasOperation_t b_op,
                                  int m,
                                  int n,
                                  int k,
                                  const double* alpha,
                                  const double* const a[],
                                  int a_stride,
                                  const double* const b[],
                                  int b_stride,
                                  const double* beta,
                                  double* const c[],
                                  int c_stride,
                                  int count) {
  if (!Fits(a_op, m, k, a_stride) || !Fits(b_op, k, n, b_stride) ||
      c_stride < m || m < 1 || n < 1 || k < 1 || count < 1) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  return Enqueue(handle,
                 [=,
                  alpha = Factor<double>(handle, alpha),
                  beta = Factor<double>(handle, beta)] {
                   for (int i = 0; i < count; ++i) {
                     cblas_dgemm(CblasColMajor,
                                 ToCblas(a_op),
                                 ToCblas(b_op),
                                 m,
                                 n,
                                 k,
                                 alpha(),
                                 a[i],
                                 a_stride,
                                 b[i],
                                 b_stride,
                                 beta(),
                                 c[i],
                                 c_stride);
                   }
                 });
}

// NOLINTEND(readability-identifier-naming,readability-function-size)
