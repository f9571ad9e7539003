// Factorisations of float64 matrices, through cuSOLVER.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {
namespace {

constexpr cudaDataType kReal = CUDA_R_64F;

template <typename T>
T* Data(const Matrix& a) {
  return static_cast<T*>(a.data());
}

/// An integer of a routine at the end of a vector of doubles.
int* InfoIn(const Matrix& vector, int64_t at) {
  return reinterpret_cast<int*>(Data<double>(vector) + at);
}

/// `values` ends with the verdict that InfoIn() has left.
void TakeInfo(std::vector<double>& values, std::string_view routine) {
  const double verdict = values.back();
  values.pop_back();
  if (verdict != 0.0) {
    throw BackendError(
        absl::InternalError(StrCat(routine, " did not converge")));
  }
}

}  // namespace

CudaBackend::Workspace CudaBackend::MakeWorkspace(size_t device_bytes,
                                                  size_t host_bytes) {
  Workspace workspace;
  workspace.device_bytes = device_bytes;
  workspace.device =
      Vector(static_cast<int64_t>(device_bytes / sizeof(double) + 1));
  workspace.host.resize(host_bytes + 1);
  return workspace;
}

std::vector<double> CudaBackend::SymmetricEigen(const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "SymmetricEigen");
  return Syevd(/*vectors=*/true, a);
}

std::vector<double> CudaBackend::SymmetricEigenvalues(const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "SymmetricEigenvalues");
  return Syevd(/*vectors=*/false, a);
}

std::vector<double> CudaBackend::Syevd(bool vectors, const Matrix& a) {
  const cusolverEigMode_t mode =
      vectors ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR;
  Begin({}, {&a});
  if (a.empty()) {
    return {};
  }
  const Libraries& libraries = device().libraries();
  const int64_t n = a.rows();
  const Matrix values = Vector(n + 1);
  const cudaStream_t stream = StreamAfterTape();
  size_t device_bytes = 0;
  size_t host_bytes = 0;
  device().Check(libraries.syevd_size(queue_->solver(),
                                      queue_->solver_parameters(),
                                      mode,
                                      CUBLAS_FILL_MODE_LOWER,
                                      n,
                                      kReal,
                                      a.data(),
                                      a.stride(),
                                      kReal,
                                      values.data(),
                                      kReal,
                                      &device_bytes,
                                      &host_bytes),
                 "decomposing");
  Workspace workspace = MakeWorkspace(device_bytes, host_bytes);
  Check(FillElements(stream, 0.0, values), "decomposing");
  device().Check(libraries.syevd(queue_->solver(),
                                 queue_->solver_parameters(),
                                 mode,
                                 CUBLAS_FILL_MODE_LOWER,
                                 n,
                                 kReal,
                                 a.data(),
                                 a.stride(),
                                 kReal,
                                 values.data(),
                                 kReal,
                                 workspace.device.data(),
                                 workspace.device_bytes,
                                 workspace.host.data(),
                                 host_bytes,
                                 InfoIn(values, n)),
                 "decomposing");
  std::vector<double> result = Fetch(values);
  TakeInfo(result, "syevd");
  return result;
}

std::vector<double> CudaBackend::TallSvd(const Matrix& a,
                                         const Matrix& u,
                                         const Matrix& vt) {
  const Libraries& libraries = device().libraries();
  const int64_t m = a.rows();
  const int64_t n = a.cols();
  const Matrix copy = Allocate(m, n, ScalarType::kFloat64);
  const Matrix values = Vector(n + 1);
  const cudaStream_t stream = StreamAfterTape();
  Check(CopyElements(stream, a, copy), "decomposing");
  Check(FillElements(stream, 0.0, values), "decomposing");
  constexpr signed char kThin = 'S';
  size_t device_bytes = 0;
  size_t host_bytes = 0;
  device().Check(libraries.gesvd_size(queue_->solver(),
                                      queue_->solver_parameters(),
                                      kThin,
                                      kThin,
                                      m,
                                      n,
                                      kReal,
                                      copy.data(),
                                      copy.stride(),
                                      kReal,
                                      values.data(),
                                      kReal,
                                      u.data(),
                                      u.stride(),
                                      kReal,
                                      vt.data(),
                                      vt.stride(),
                                      kReal,
                                      &device_bytes,
                                      &host_bytes),
                 "decomposing");
  Workspace workspace = MakeWorkspace(device_bytes, host_bytes);
  device().Check(libraries.gesvd(queue_->solver(),
                                 queue_->solver_parameters(),
                                 kThin,
                                 kThin,
                                 m,
                                 n,
                                 kReal,
                                 copy.data(),
                                 copy.stride(),
                                 kReal,
                                 values.data(),
                                 kReal,
                                 u.data(),
                                 u.stride(),
                                 kReal,
                                 vt.data(),
                                 vt.stride(),
                                 kReal,
                                 workspace.device.data(),
                                 workspace.device_bytes,
                                 workspace.host.data(),
                                 host_bytes,
                                 InfoIn(values, n)),
                 "decomposing");
  std::vector<double> result = Fetch(values);
  TakeInfo(result, "gesvd");
  return result;
}

std::vector<double> CudaBackend::Svd(const Matrix& a,
                                     const Matrix& u,
                                     const Matrix& vt) {
  const int64_t k = std::min(a.rows(), a.cols());
  Require(u.rows() == a.rows() && u.cols() == k && vt.rows() == k &&
              vt.cols() == a.cols() && IsDouble(a) && IsDouble(u) &&
              IsDouble(vt),
          "Svd");
  Begin({&a}, {&u, &vt});
  if (k == 0) {
    return {};
  }
  if (a.rows() >= a.cols()) {
    return TallSvd(a, u, vt);
  }
  // a' = W diag(s) Z', hence u = Z and vt = W'.
  const Matrix tall = Allocate(a.cols(), a.rows(), ScalarType::kFloat64);
  Transpose(a, tall);
  const Matrix left = Allocate(a.cols(), k, ScalarType::kFloat64);
  const Matrix right = Allocate(k, a.rows(), ScalarType::kFloat64);
  std::vector<double> values = TallSvd(tall, left, right);
  Transpose(right, u);
  Transpose(left, vt);
  return values;
}

Matrix CudaBackend::CompressColumns(const Matrix& a) {
  Require(IsDouble(a), "CompressColumns");
  if (a.cols() <= a.rows()) {
    return a;
  }
  Begin({&a}, {});
  // a' = Q R, hence a a' = R'R and R' stands in for a.
  const int64_t n = a.rows();
  const Matrix tall = Allocate(a.cols(), n, ScalarType::kFloat64);
  Transpose(a, tall);
  const Libraries& libraries = device().libraries();
  const Matrix tau = Vector(n + 1);
  const cudaStream_t stream = StreamAfterTape();
  size_t device_bytes = 0;
  size_t host_bytes = 0;
  device().Check(libraries.geqrf_size(queue_->solver(),
                                      queue_->solver_parameters(),
                                      tall.rows(),
                                      n,
                                      kReal,
                                      tall.data(),
                                      tall.stride(),
                                      kReal,
                                      tau.data(),
                                      kReal,
                                      &device_bytes,
                                      &host_bytes),
                 "factorising");
  Workspace workspace = MakeWorkspace(device_bytes, host_bytes);
  device().Check(libraries.geqrf(queue_->solver(),
                                 queue_->solver_parameters(),
                                 tall.rows(),
                                 n,
                                 kReal,
                                 tall.data(),
                                 tall.stride(),
                                 kReal,
                                 tau.data(),
                                 kReal,
                                 workspace.device.data(),
                                 workspace.device_bytes,
                                 workspace.host.data(),
                                 host_bytes,
                                 InfoIn(tau, n)),
                 "factorising");
  if (host_bytes > 0) {
    queue_->Wait();
  }
  Matrix compressed = Allocate(n, n, ScalarType::kFloat64);
  Check(TransposeUpper(stream, tall, compressed), "factorising");
  return compressed;
}

}  // namespace repscore::cuda
