// Cholesky factors and what is solved with them, one or many at a time, through
// cuSOLVER and cuBLAS.
#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>
#include <vector>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {
namespace {

constexpr cudaDataType kReal = CUDA_R_64F;
// Batched routines give a matrix to a few blocks: a larger one fills the device
// by itself and goes through the routine for one.
constexpr int64_t kLargestBatched = 512;

template <typename T>
T* Data(const Matrix& a) {
  return static_cast<T*>(a.data());
}

int* Integers(const Matrix& vector) {
  return reinterpret_cast<int*>(vector.data());
}

}  // namespace

void CudaBackend::EnqueueCholesky(const Matrix& a, int* info) {
  const Libraries& libraries = device().libraries();
  size_t device_bytes = 0;
  size_t host_bytes = 0;
  device().Check(libraries.potrf_size(queue_->solver(),
                                      queue_->solver_parameters(),
                                      CUBLAS_FILL_MODE_LOWER,
                                      a.rows(),
                                      kReal,
                                      a.data(),
                                      a.stride(),
                                      kReal,
                                      &device_bytes,
                                      &host_bytes),
                 "factorising");
  Workspace workspace = MakeWorkspace(device_bytes, host_bytes);
  device().Check(libraries.potrf(queue_->solver(),
                                 queue_->solver_parameters(),
                                 CUBLAS_FILL_MODE_LOWER,
                                 a.rows(),
                                 kReal,
                                 a.data(),
                                 a.stride(),
                                 kReal,
                                 workspace.device.data(),
                                 workspace.device_bytes,
                                 workspace.host.data(),
                                 host_bytes,
                                 info),
                 "factorising");
  if (host_bytes > 0) {
    queue_->Wait();
  }
}

bool CudaBackend::Cholesky(const Matrix& a, double relative_floor) {
  Require(a.rows() == a.cols() && IsDouble(a), "Cholesky");
  Begin({}, {&a});
  if (a.empty()) {
    return true;
  }
  const Matrix diagonal = Vector(a.rows());
  const Matrix info = Vector(1);
  const Matrix verdict = Vector(1);
  Check(CopyDiagonal(stream(), a, diagonal), "factorising");
  EnqueueCholesky(a, Integers(info));
  Check(JudgePivots(stream(),
                    a,
                    diagonal,
                    relative_floor,
                    Integers(info),
                    Data<double>(verdict)),
        "factorising");
  return Fetch(verdict).front() == 0.0;
}

void CudaBackend::EnqueueTriangularSolve(cublasSideMode_t side,
                                         cublasOperation_t op,
                                         const Matrix& factor,
                                         const Matrix& b) {
  const double one = 1.0;
  device().Check(device().libraries().dtrsm(queue_->blas(),
                                            side,
                                            CUBLAS_FILL_MODE_LOWER,
                                            op,
                                            CUBLAS_DIAG_NON_UNIT,
                                            ToInt(b.rows()),
                                            ToInt(b.cols()),
                                            &one,
                                            Data<double>(factor),
                                            ToInt(factor.stride()),
                                            Data<double>(b),
                                            ToInt(b.stride())),
                 "solving");
}

void CudaBackend::CholeskySolve(const Matrix& factor, const Matrix& b) {
  Require(factor.rows() == b.rows() && IsDouble(factor) && IsDouble(b),
          "CholeskySolve");
  Begin({&factor}, {&b});
  if (b.empty()) {
    return;
  }
  EnqueueTriangularSolve(CUBLAS_SIDE_LEFT, CUBLAS_OP_N, factor, b);
  EnqueueTriangularSolve(CUBLAS_SIDE_LEFT, CUBLAS_OP_T, factor, b);
}

void CudaBackend::EnqueueCholeskyGroup(absl::Span<const Matrix> batch,
                                       absl::Span<const size_t> group,
                                       int* infos) {
  const Matrix& like = batch[group.front()];
  const auto most =
      static_cast<size_t>(small_ring_.slot_bytes()) / sizeof(double*);
  for (size_t first = 0; first < group.size(); first += most) {
    const size_t count = std::min(most, group.size() - first);
    StagingRing::Slot& slot = small_ring_.Acquire();
    for (size_t i = 0; i < count; ++i) {
      const double* data = Data<double>(batch[group[first + i]]);
      std::memcpy(slot.host + i * sizeof(data), &data, sizeof(data));
    }
    small_ring_.Send(slot, static_cast<int64_t>(count * sizeof(double*)));
    device().Check(device().libraries().potrf_batched(
                       queue_->solver(),
                       CUBLAS_FILL_MODE_LOWER,
                       ToInt(like.rows()),
                       reinterpret_cast<double**>(slot.device),
                       ToInt(like.stride()),
                       infos + first,
                       static_cast<int>(count)),
                   "factorising");
    small_ring_.Release(slot);
  }
}

std::vector<bool> CudaBackend::CholeskyBatch(absl::Span<const Matrix> batch,
                                             double relative_floor) {
  int64_t largest = 0;
  // By size and stride.
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> groups;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Matrix& a = batch[i];
    Require(a.rows() == a.cols() && IsDouble(a), "CholeskyBatch");
    Begin({}, {&a});
    largest = std::max(largest, a.rows());
    if (!a.empty()) {
      groups[{a.rows(), a.stride()}].push_back(i);
    }
  }
  if (groups.empty()) {
    return std::vector<bool>(batch.size(), true);
  }
  const auto count = static_cast<int64_t>(batch.size());
  const Matrix diagonals = Allocate(largest, count, ScalarType::kFloat64);
  const Matrix infos = Vector(count);
  const Matrix verdicts = Vector(count);
  Check(FillElements(stream(), 0.0, verdicts), "factorising");
  int* info = Integers(infos);
  for (const auto& [shape, group] : groups) {
    const auto column = [&](size_t i) {
      return diagonals.Columns(static_cast<int64_t>(i), 1)
          .Rows(0, batch[i].rows());
    };
    for (const size_t i : group) {
      Check(CopyDiagonal(stream(), batch[i], column(i)), "factorising");
    }
    if (group.size() > 1 && shape.first <= kLargestBatched) {
      EnqueueCholeskyGroup(batch, group, info);
    } else {
      for (size_t i = 0; i < group.size(); ++i) {
        EnqueueCholesky(batch[group[i]], info + i);
      }
    }
    for (const size_t i : group) {
      Check(JudgePivots(stream(),
                        batch[i],
                        column(i),
                        relative_floor,
                        info++,
                        Data<double>(verdicts) + i),
            "factorising");
    }
  }
  std::vector<bool> definite;
  for (const double verdict : Fetch(verdicts)) {
    definite.push_back(verdict == 0.0);
  }
  return definite;
}

void CudaBackend::EnqueueSolveGroup(absl::Span<const Matrix> factors,
                                    absl::Span<const Matrix> b,
                                    absl::Span<const size_t> group) {
  const Matrix& factor = factors[group.front()];
  const Matrix& like = b[group.front()];
  const auto most =
      static_cast<size_t>(small_ring_.slot_bytes()) / (2 * sizeof(double*));
  const double one = 1.0;
  for (size_t first = 0; first < group.size(); first += most) {
    const size_t count = std::min(most, group.size() - first);
    StagingRing::Slot& slot = small_ring_.Acquire();
    for (size_t i = 0; i < count; ++i) {
      const double* from = Data<double>(factors[group[first + i]]);
      const double* to = Data<double>(b[group[first + i]]);
      std::memcpy(slot.host + i * sizeof(from), &from, sizeof(from));
      std::memcpy(slot.host + (count + i) * sizeof(to), &to, sizeof(to));
    }
    small_ring_.Send(slot, static_cast<int64_t>(2 * count * sizeof(double*)));
    auto* const pointers = reinterpret_cast<double**>(slot.device);
    for (const cublasOperation_t op : {CUBLAS_OP_N, CUBLAS_OP_T}) {
      device().Check(
          device().libraries().dtrsm_batched(queue_->blas(),
                                             CUBLAS_SIDE_LEFT,
                                             CUBLAS_FILL_MODE_LOWER,
                                             op,
                                             CUBLAS_DIAG_NON_UNIT,
                                             ToInt(like.rows()),
                                             ToInt(like.cols()),
                                             &one,
                                             pointers,
                                             ToInt(factor.stride()),
                                             pointers + count,
                                             ToInt(like.stride()),
                                             static_cast<int>(count)),
          "solving");
    }
    small_ring_.Release(slot);
  }
}

void CudaBackend::CholeskySolveBatch(absl::Span<const Matrix> factors,
                                     absl::Span<const Matrix> b) {
  Require(factors.size() == b.size(), "CholeskySolveBatch");
  // By rows, columns and both strides.
  std::map<std::tuple<int64_t, int64_t, int64_t, int64_t>, std::vector<size_t>>
      groups;
  for (size_t i = 0; i < b.size(); ++i) {
    Require(factors[i].rows() == b[i].rows() && IsDouble(factors[i]) &&
                IsDouble(b[i]),
            "CholeskySolveBatch");
    Begin({&factors[i]}, {&b[i]});
    if (!b[i].empty()) {
      groups[{b[i].rows(), b[i].cols(), factors[i].stride(), b[i].stride()}]
          .push_back(i);
    }
  }
  for (const auto& [shape, group] : groups) {
    if (group.size() > 1 && std::get<0>(shape) <= kLargestBatched) {
      EnqueueSolveGroup(factors, b, group);
      continue;
    }
    for (const size_t i : group) {
      EnqueueTriangularSolve(CUBLAS_SIDE_LEFT, CUBLAS_OP_N, factors[i], b[i]);
      EnqueueTriangularSolve(CUBLAS_SIDE_LEFT, CUBLAS_OP_T, factors[i], b[i]);
    }
  }
}

}  // namespace repscore::cuda
