// cuBLAS and cuSOLVER, loaded when the first CUDA backend is made.
//
// Linked in, they would cost every process 0.3 s and 260 MB at its start, with
// or without a GPU, and no program would run where they are not installed.
#ifndef REPSCORE_CORE_BACKEND_CUDA_LIBRARIES_H_
#define REPSCORE_CORE_BACKEND_CUDA_LIBRARIES_H_

#include <cublas_v2.h>
#include <cusolverDn.h>

#include "absl/status/statusor.h"

namespace repscore::cuda {

// clang-format off
#define REPSCORE_BLAS_FUNCTIONS(F) \
  F(create, cublasCreate) \
  F(destroy, cublasDestroy) \
  F(set_stream, cublasSetStream) \
  F(set_workspace, cublasSetWorkspace) \
  F(set_math_mode, cublasSetMathMode) \
  F(set_pointer_mode, cublasSetPointerMode) \
  F(sgemm, cublasSgemm) \
  F(dgemm, cublasDgemm) \
  F(dgemm_batched, cublasDgemmBatched) \
  F(dtrsm, cublasDtrsm) \
  F(dtrsm_batched, cublasDtrsmBatched) \
  F(sgeam, cublasSgeam) \
  F(dgeam, cublasDgeam)

#define REPSCORE_SOLVER_FUNCTIONS(F) \
  F(solver_create, cusolverDnCreate) \
  F(solver_destroy, cusolverDnDestroy) \
  F(solver_set_stream, cusolverDnSetStream) \
  F(solver_create_parameters, cusolverDnCreateParams) \
  F(solver_destroy_parameters, cusolverDnDestroyParams) \
  F(potrf_size, cusolverDnXpotrf_bufferSize) \
  F(potrf, cusolverDnXpotrf) \
  F(potrf_batched, cusolverDnDpotrfBatched) \
  F(geqrf_size, cusolverDnXgeqrf_bufferSize) \
  F(geqrf, cusolverDnXgeqrf) \
  F(syevd_size, cusolverDnXsyevd_bufferSize) \
  F(syevd, cusolverDnXsyevd) \
  F(gesvd_size, cusolverDnXgesvd_bufferSize) \
  F(gesvd, cusolverDnXgesvd)
// clang-format on

/// cublasGemmEx, which C++ has twice.
using GemmEx = cublasStatus_t(cublasHandle_t handle,
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

/// The functions of both libraries that the backend calls.
struct Libraries {
// NOLINTNEXTLINE(bugprone-macro-parentheses)
#define REPSCORE_FIELD(field, function) decltype(&function) field = nullptr;
  REPSCORE_BLAS_FUNCTIONS(REPSCORE_FIELD)
  REPSCORE_SOLVER_FUNCTIONS(REPSCORE_FIELD)
#undef REPSCORE_FIELD
  GemmEx* gemm_ex = nullptr;
};

/// Loads them at the first call; FailedPrecondition naming the file that is
/// missing. Thread-safe.
absl::StatusOr<const Libraries*> LoadLibraries();

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_LIBRARIES_H_
