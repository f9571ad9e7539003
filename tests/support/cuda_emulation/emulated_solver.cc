// cuSOLVER over the host's LAPACK, enqueued like everything else.
#include <cusolverDn.h>
#include <lapack.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "tests/support/cuda_emulation/emulation.h"

// The names are those of cuSOLVER.
// NOLINTBEGIN(readability-identifier-naming,readability-function-size)

struct EmulatedSolverHandle {
  cudaStream_t stream = nullptr;
};

struct EmulatedSolverParameters {};

namespace {

// Any size will do; the backend must pass on what it was told.
constexpr size_t kDeviceBytes = 96;

template <typename Work>
cusolverStatus_t Enqueue(cusolverDnHandle_t handle,
                         size_t device_bytes,
                         Work work) {
  if (device_bytes != kDeviceBytes) {
    return CUSOLVER_STATUS_EXECUTION_FAILED;
  }
  return repscore::cuda_emulation::Enqueue(handle->stream, work) == cudaSuccess
             ? CUSOLVER_STATUS_SUCCESS
             : CUSOLVER_STATUS_EXECUTION_FAILED;
}

cusolverStatus_t Sizes(size_t* device_bytes, size_t* host_bytes) {
  *device_bytes = kDeviceBytes;
  *host_bytes = 0;
  return CUSOLVER_STATUS_SUCCESS;
}

lapack_int ToLapack(int64_t value) {
  return static_cast<lapack_int>(value);
}

void Syevd(char job,
           int64_t size,
           double* a,
           int64_t stride,
           double* values,
           int* info) {
  const char triangle = 'L';
  const lapack_int n = ToLapack(size);
  const lapack_int lda = ToLapack(stride);
  const lapack_int work_size = 1 + 6 * n + 2 * n * n;
  const lapack_int integer_size = 3 + 5 * n;
  std::vector<double> work(static_cast<size_t>(work_size));
  std::vector<lapack_int> integers(static_cast<size_t>(integer_size));
  LAPACK_dsyevd(&job,
                &triangle,
                &n,
                a,
                &lda,
                values,
                work.data(),
                &work_size,
                integers.data(),
                &integer_size,
                info);
}

struct SvdArguments {
  int64_t m = 0;
  int64_t n = 0;
  double* a = nullptr;
  int64_t a_stride = 0;
  double* values = nullptr;
  double* u = nullptr;
  int64_t u_stride = 0;
  double* vt = nullptr;
  int64_t vt_stride = 0;
  int* info = nullptr;
};

void Gesvd(const SvdArguments& arguments) {
  const char job = 'S';
  const lapack_int m = ToLapack(arguments.m);
  const lapack_int n = ToLapack(arguments.n);
  const lapack_int lda = ToLapack(arguments.a_stride);
  const lapack_int ldu = ToLapack(arguments.u_stride);
  const lapack_int ldvt = ToLapack(arguments.vt_stride);
  const lapack_int work_size = 8 * n + 4 * m;
  std::vector<double> work(static_cast<size_t>(work_size));
  LAPACK_dgesvd(&job,
                &job,
                &m,
                &n,
                arguments.a,
                &lda,
                arguments.values,
                arguments.u,
                &ldu,
                arguments.vt,
                &ldvt,
                work.data(),
                &work_size,
                arguments.info);
}

}  // namespace

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  *handle = new EmulatedSolverHandle();
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
  delete handle;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle,
                                     cudaStream_t stream) {
  handle->stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* parameters) {
  *parameters = new EmulatedSolverParameters();
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t parameters) {
  delete parameters;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t /*handle*/,
                                             cusolverDnParams_t /*parameters*/,
                                             cublasFillMode_t /*triangle*/,
                                             int64_t /*n*/,
                                             cudaDataType /*a_type*/,
                                             const void* /*a*/,
                                             int64_t /*a_stride*/,
                                             cudaDataType /*compute_type*/,
                                             size_t* device_bytes,
                                             size_t* host_bytes) {
  return Sizes(device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t handle,
                                  cusolverDnParams_t /*parameters*/,
                                  cublasFillMode_t /*triangle*/,
                                  int64_t n,
                                  cudaDataType /*a_type*/,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType /*compute_type*/,
                                  void* /*device_workspace*/,
                                  size_t device_bytes,
                                  void* /*host_workspace*/,
                                  size_t /*host_bytes*/,
                                  int* info) {
  return Enqueue(handle, device_bytes, [=] {
    const char triangle = 'L';
    const lapack_int size = ToLapack(n);
    const lapack_int stride = ToLapack(a_stride);
    LAPACK_dpotrf(&triangle, &size, static_cast<double*>(a), &stride, info);
  });
}

cusolverStatus_t cusolverDnDpotrfBatched(cusolverDnHandle_t handle,
                                         cublasFillMode_t /*triangle*/,
                                         int n,
                                         double* batch[],
                                         int stride,
                                         int* infos,
                                         int count) {
  return Enqueue(handle, kDeviceBytes, [=] {
    const char triangle = 'L';
    const lapack_int size = n;
    const lapack_int leading = stride;
    for (int i = 0; i < count; ++i) {
      LAPACK_dpotrf(&triangle, &size, batch[i], &leading, &infos[i]);
      // As cuSOLVER: the other triangle is used up.
      for (int j = 1; j < n; ++j) {
        std::fill_n(batch[i] + static_cast<ptrdiff_t>(j) * stride,
                    j,
                    std::numeric_limits<double>::quiet_NaN());
      }
    }
  });
}

cusolverStatus_t cusolverDnXgeqrf_bufferSize(cusolverDnHandle_t /*handle*/,
                                             cusolverDnParams_t /*parameters*/,
                                             int64_t /*m*/,
                                             int64_t /*n*/,
                                             cudaDataType /*a_type*/,
                                             const void* /*a*/,
                                             int64_t /*a_stride*/,
                                             cudaDataType /*tau_type*/,
                                             const void* /*tau*/,
                                             cudaDataType /*compute_type*/,
                                             size_t* device_bytes,
                                             size_t* host_bytes) {
  return Sizes(device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXgeqrf(cusolverDnHandle_t handle,
                                  cusolverDnParams_t /*parameters*/,
                                  int64_t m,
                                  int64_t n,
                                  cudaDataType /*a_type*/,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType /*tau_type*/,
                                  void* tau,
                                  cudaDataType /*compute_type*/,
                                  void* /*device_workspace*/,
                                  size_t device_bytes,
                                  void* /*host_workspace*/,
                                  size_t /*host_bytes*/,
                                  int* info) {
  return Enqueue(handle, device_bytes, [=] {
    const lapack_int rows = ToLapack(m);
    const lapack_int cols = ToLapack(n);
    const lapack_int stride = ToLapack(a_stride);
    const lapack_int work_size = 64 * cols;
    std::vector<double> work(static_cast<size_t>(work_size));
    LAPACK_dgeqrf(&rows,
                  &cols,
                  static_cast<double*>(a),
                  &stride,
                  static_cast<double*>(tau),
                  work.data(),
                  &work_size,
                  info);
  });
}

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t /*handle*/,
                                             cusolverDnParams_t /*parameters*/,
                                             cusolverEigMode_t /*mode*/,
                                             cublasFillMode_t /*triangle*/,
                                             int64_t /*n*/,
                                             cudaDataType /*a_type*/,
                                             const void* /*a*/,
                                             int64_t /*a_stride*/,
                                             cudaDataType /*values_type*/,
                                             const void* /*values*/,
                                             cudaDataType /*compute_type*/,
                                             size_t* device_bytes,
                                             size_t* host_bytes) {
  return Sizes(device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle,
                                  cusolverDnParams_t /*parameters*/,
                                  cusolverEigMode_t mode,
                                  cublasFillMode_t /*triangle*/,
                                  int64_t n,
                                  cudaDataType /*a_type*/,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType /*values_type*/,
                                  void* values,
                                  cudaDataType /*compute_type*/,
                                  void* /*device_workspace*/,
                                  size_t device_bytes,
                                  void* /*host_workspace*/,
                                  size_t /*host_bytes*/,
                                  int* info) {
  return Enqueue(handle, device_bytes, [=] {
    Syevd(mode == CUSOLVER_EIG_MODE_VECTOR ? 'V' : 'N',
          n,
          static_cast<double*>(a),
          a_stride,
          static_cast<double*>(values),
          info);
  });
}

cusolverStatus_t cusolverDnXgesvd_bufferSize(cusolverDnHandle_t /*handle*/,
                                             cusolverDnParams_t /*parameters*/,
                                             signed char /*u_job*/,
                                             signed char /*vt_job*/,
                                             int64_t /*m*/,
                                             int64_t /*n*/,
                                             cudaDataType /*a_type*/,
                                             const void* /*a*/,
                                             int64_t /*a_stride*/,
                                             cudaDataType /*values_type*/,
                                             const void* /*values*/,
                                             cudaDataType /*u_type*/,
                                             const void* /*u*/,
                                             int64_t /*u_stride*/,
                                             cudaDataType /*vt_type*/,
                                             const void* /*vt*/,
                                             int64_t /*vt_stride*/,
                                             cudaDataType /*compute_type*/,
                                             size_t* device_bytes,
                                             size_t* host_bytes) {
  return Sizes(device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXgesvd(cusolverDnHandle_t handle,
                                  cusolverDnParams_t /*parameters*/,
                                  signed char /*u_job*/,
                                  signed char /*vt_job*/,
                                  int64_t m,
                                  int64_t n,
                                  cudaDataType /*a_type*/,
                                  void* a,
                                  int64_t a_stride,
                                  cudaDataType /*values_type*/,
                                  void* values,
                                  cudaDataType /*u_type*/,
                                  void* u,
                                  int64_t u_stride,
                                  cudaDataType /*vt_type*/,
                                  void* vt,
                                  int64_t vt_stride,
                                  cudaDataType /*compute_type*/,
                                  void* /*device_workspace*/,
                                  size_t device_bytes,
                                  void* /*host_workspace*/,
                                  size_t /*host_bytes*/,
                                  int* info) {
  // As cuSOLVER: tall matrices only.
  if (m < n) {
    return CUSOLVER_STATUS_EXECUTION_FAILED;
  }
  SvdArguments arguments;
  arguments.m = m;
  arguments.n = n;
  arguments.a = static_cast<double*>(a);
  arguments.a_stride = a_stride;
  arguments.values = static_cast<double*>(values);
  arguments.u = static_cast<double*>(u);
  arguments.u_stride = u_stride;
  arguments.vt = static_cast<double*>(vt);
  arguments.vt_stride = vt_stride;
  arguments.info = info;
  return Enqueue(handle, device_bytes, [=] { Gesvd(arguments); });
}

// NOLINTEND(readability-identifier-naming,readability-function-size)
