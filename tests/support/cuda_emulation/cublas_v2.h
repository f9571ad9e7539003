// The part of cuBLAS that core/backend/cuda calls, over the host's BLAS.
#ifndef REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_CUBLAS_V2_H_
#define REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_CUBLAS_V2_H_

#include <cuda_runtime.h>

// The names are those of cuBLAS.
// NOLINTBEGIN(readability-identifier-naming,bugprone-macro-parentheses)

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
};
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasFillMode_t { CUBLAS_FILL_MODE_LOWER };
enum cublasSideMode_t { CUBLAS_SIDE_LEFT, CUBLAS_SIDE_RIGHT };
enum cublasDiagType_t { CUBLAS_DIAG_NON_UNIT };
enum cublasMath_t { CUBLAS_DEFAULT_MATH };
enum cublasPointerMode_t {
  CUBLAS_POINTER_MODE_HOST,
  CUBLAS_POINTER_MODE_DEVICE
};

enum cublasComputeType_t {
  CUBLAS_COMPUTE_32F_FAST_16BF = 75,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
};
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT = -1 };

struct EmulatedBlasHandle;
using cublasHandle_t = EmulatedBlasHandle*;

cublasStatus_t cublasCreate(cublasHandle_t* handle);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle,
                                  void* workspace,
                                  size_t bytes);
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);
cublasStatus_t cublasSetPointerMode(cublasHandle_t handle,
                                    cublasPointerMode_t mode);

#define REPSCORE_EMULATED_BLAS(T, prefix)                     \
  cublasStatus_t cublas##prefix##gemm(cublasHandle_t handle,  \
                                      cublasOperation_t a_op, \
                                      cublasOperation_t b_op, \
                                      int m,                  \
                                      int n,                  \
                                      int k,                  \
                                      const T* alpha,         \
                                      const T* a,             \
                                      int a_stride,           \
                                      const T* b,             \
                                      int b_stride,           \
                                      const T* beta,          \
                                      T* c,                   \
                                      int c_stride);          \
  cublasStatus_t cublas##prefix##geam(cublasHandle_t handle,  \
                                      cublasOperation_t a_op, \
                                      cublasOperation_t b_op, \
                                      int m,                  \
                                      int n,                  \
                                      const T* alpha,         \
                                      const T* a,             \
                                      int a_stride,           \
                                      const T* beta,          \
                                      const T* b,             \
                                      int b_stride,           \
                                      T* c,                   \
                                      int c_stride);
REPSCORE_EMULATED_BLAS(float, S)
REPSCORE_EMULATED_BLAS(double, D)
#undef REPSCORE_EMULATED_BLAS

/// Of float32 matrices.
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
                            cublasGemmAlgo_t algorithm);
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
                                  int count);
cublasStatus_t cublasDtrsm(cublasHandle_t handle,
                           cublasSideMode_t side,
                           cublasFillMode_t triangle,
                           cublasOperation_t op,
                           cublasDiagType_t diagonal,
                           int m,
                           int n,
                           const double* alpha,
                           const double* factor,
                           int factor_stride,
                           double* b,
                           int b_stride);
cublasStatus_t cublasDtrsmBatched(cublasHandle_t handle,
                                  cublasSideMode_t side,
                                  cublasFillMode_t triangle,
                                  cublasOperation_t op,
                                  cublasDiagType_t diagonal,
                                  int m,
                                  int n,
                                  const double* alpha,
                                  const double* const factors[],
                                  int factor_stride,
                                  double* const b[],
                                  int b_stride,
                                  int count);

// NOLINTEND(readability-identifier-naming,bugprone-macro-parentheses)

#endif  // REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_CUBLAS_V2_H_
