// The part of cuSOLVER that core/backend/cuda calls, over the host's LAPACK.
#ifndef REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_CUSOLVERDN_H_
#define REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_CUSOLVERDN_H_

#include <cublas_v2.h>
#include <cuda_runtime.h>

// The names are those of cuSOLVER.
// NOLINTBEGIN(readability-identifier-naming)

enum cusolverStatus_t {
  CUSOLVER_STATUS_SUCCESS = 0,
  CUSOLVER_STATUS_ALLOC_FAILED = 2,
  CUSOLVER_STATUS_EXECUTION_FAILED = 6,
};
enum cusolverEigMode_t { CUSOLVER_EIG_MODE_NOVECTOR, CUSOLVER_EIG_MODE_VECTOR };

struct EmulatedSolverHandle;
struct EmulatedSolverParameters;
using cusolverDnHandle_t = EmulatedSolverHandle*;
using cusolverDnParams_t = EmulatedSolverParameters*;

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle);
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle);
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle,
                                     cudaStream_t stream);
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* parameters);
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t parameters);

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t handle,
                                             cusolverDnParams_t parameters,
                                             cublasFillMode_t triangle,
                                             int64_t n,
                                             cudaDataType a_type,
                                             const void* a,
                                             int64_t a_stride,
                                             cudaDataType compute_type,
                                             size_t* device_bytes,
                                             size_t* host_bytes);
cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t handle,
                                  cusolverDnParams_t parameters,
                                  cublasFillMode_t triangle,
                                  int64_t n,
                                  cudaDataType a_type,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType compute_type,
                                  void* device_workspace,
                                  size_t device_bytes,
                                  void* host_workspace,
                                  size_t host_bytes,
                                  int* info);
cusolverStatus_t cusolverDnDpotrfBatched(cusolverDnHandle_t handle,
                                         cublasFillMode_t triangle,
                                         int n,
                                         double* batch[],
                                         int stride,
                                         int* infos,
                                         int count);
cusolverStatus_t cusolverDnXgeqrf_bufferSize(cusolverDnHandle_t handle,
                                             cusolverDnParams_t parameters,
                                             int64_t m,
                                             int64_t n,
                                             cudaDataType a_type,
                                             const void* a,
                                             int64_t a_stride,
                                             cudaDataType tau_type,
                                             const void* tau,
                                             cudaDataType compute_type,
                                             size_t* device_bytes,
                                             size_t* host_bytes);
cusolverStatus_t cusolverDnXgeqrf(cusolverDnHandle_t handle,
                                  cusolverDnParams_t parameters,
                                  int64_t m,
                                  int64_t n,
                                  cudaDataType a_type,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType tau_type,
                                  void* tau,
                                  cudaDataType compute_type,
                                  void* device_workspace,
                                  size_t device_bytes,
                                  void* host_workspace,
                                  size_t host_bytes,
                                  int* info);
cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t handle,
                                             cusolverDnParams_t parameters,
                                             cusolverEigMode_t mode,
                                             cublasFillMode_t triangle,
                                             int64_t n,
                                             cudaDataType a_type,
                                             const void* a,
                                             int64_t a_stride,
                                             cudaDataType values_type,
                                             const void* values,
                                             cudaDataType compute_type,
                                             size_t* device_bytes,
                                             size_t* host_bytes);
cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle,
                                  cusolverDnParams_t parameters,
                                  cusolverEigMode_t mode,
                                  cublasFillMode_t triangle,
                                  int64_t n,
                                  cudaDataType a_type,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType values_type,
                                  void* values,
                                  cudaDataType compute_type,
                                  void* device_workspace,
                                  size_t device_bytes,
                                  void* host_workspace,
                                  size_t host_bytes,
                                  int* info);
cusolverStatus_t cusolverDnXgesvd_bufferSize(cusolverDnHandle_t handle,
                                             cusolverDnParams_t parameters,
                                             signed char u_job,
                                             signed char vt_job,
                                             int64_t m,
                                             int64_t n,
                                             cudaDataType a_type,
                                             const void* a,
                                             int64_t a_stride,
                                             cudaDataType values_type,
                                             const void* values,
                                             cudaDataType u_type,
                                             const void* u,
                                             int64_t u_stride,
                                             cudaDataType vt_type,
                                             const void* vt,
                                             int64_t vt_stride,
                                             cudaDataType compute_type,
                                             size_t* device_bytes,
                                             size_t* host_bytes);
cusolverStatus_t cusolverDnXgesvd(cusolverDnHandle_t handle,
                                  cusolverDnParams_t parameters,
                                  signed char u_job,
                                  signed char vt_job,
                                  int64_t m,
                                  int64_t n,
                                  cudaDataType a_type,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType values_type,
                                  void* values,
                                  cudaDataType u_type,
                                  void* u,
                                  int64_t u_stride,
                                  cudaDataType vt_type,
                                  void* vt,
                                  int64_t vt_stride,
                                  cudaDataType compute_type,
                                  void* device_workspace,
                                  size_t device_bytes,
                                  void* host_workspace,
                                  size_t host_bytes,
                                  int* info);

// NOLINTEND(readability-identifier-naming)

#endif  // REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_CUSOLVERDN_H_
