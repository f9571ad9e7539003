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
// Up to here a factor is kept as its inverse: solving is two products then,
// which a device does many times faster than a triangular system.
constexpr int64_t kLargestInverted = 4096;

template <typename T>
T* Data(const Matrix& a) {
  return static_cast<T*>(a.data());
}

int* Integers(const Matrix& vector) {
  return reinterpret_cast<int*>(vector.data());
}

int Stride(const Matrix& a) {
  return ToInt(a.stride());
}

/// Addresses of a batch that has one shape and stride.
using Addresses = std::vector<double*>;

Addresses AddressesOf(absl::Span<const Matrix> batch) {
  Addresses addresses;
  for (const Matrix& a : batch) {
    addresses.push_back(Data<double>(a));
  }
  return addresses;
}

Table TableOf(const Addresses& addresses) {
  return {addresses.data(), addresses.size() * sizeof(double*)};
}

double** OnDevice(const void* table) {
  return static_cast<double**>(const_cast<void*>(table));
}

/// Indices of matrices that can share a call.
template <typename Shape>
using Groups = std::map<Shape, std::vector<size_t>>;

/// One of the integers that routines leave, as a matrix.
Matrix InfoOf(const Matrix& infos, int64_t i) {
  return {infos.buffer(), Integers(infos) + i, 1, 1, 1, ScalarType::kFloat64};
}

/// Calls body(indices) with at most as many as a table of addresses holds.
template <typename Body>
void InParts(const std::vector<size_t>& group, const Body& body) {
  const size_t most = Tape::LargestTable() / sizeof(double*);
  for (size_t first = 0; first < group.size(); first += most) {
    const size_t count = std::min(most, group.size() - first);
    body(absl::MakeSpan(group).subspan(first, count));
  }
}

std::vector<Matrix> Picked(absl::Span<const Matrix> from,
                           absl::Span<const size_t> indices) {
  std::vector<Matrix> picked;
  for (const size_t i : indices) {
    picked.push_back(from[i]);
  }
  return picked;
}

}  // namespace

void CudaBackend::EnqueueCholesky(const Matrix& a, const Matrix& info) {
  const Libraries& libraries = device().libraries();
  size_t device_bytes = 0;
  size_t host_bytes = 0;
  {
    const auto lock = queue_->Lock();
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
  }
  Workspace workspace = MakeWorkspace(device_bytes, host_bytes);
  const auto factorise = [](Queue& queue,
                            const Matrix& matrix,
                            const Matrix& on_device,
                            size_t bytes,
                            std::byte* on_host,
                            size_t bytes_on_host,
                            const Matrix& verdict) {
    return queue.device().libraries().potrf(queue.solver(),
                                            queue.solver_parameters(),
                                            CUBLAS_FILL_MODE_LOWER,
                                            matrix.rows(),
                                            kReal,
                                            matrix.data(),
                                            matrix.stride(),
                                            kReal,
                                            on_device.data(),
                                            bytes,
                                            on_host,
                                            bytes_on_host,
                                            Integers(verdict));
  };
  queue_->Do("factorising",
             factorise,
             a,
             workspace.device,
             workspace.device_bytes,
             workspace.host.data(),
             host_bytes,
             info);
  if (host_bytes > 0) {
    // It is used until then.
    queue_->Wait();
  }
}

void CudaBackend::EnqueueJudgement(const Matrix& factor,
                                   const Matrix& diagonal,
                                   double relative_floor,
                                   const Matrix& info,
                                   const Matrix& verdict) {
  queue_->Launch<JudgePivots>(
      "factorising", factor, diagonal, relative_floor, info, Written{verdict});
}

bool CudaBackend::Cholesky(const Matrix& a, double relative_floor) {
  return CholeskyBatch({&a, 1}, relative_floor).front();
}

void CudaBackend::CholeskySolve(const Matrix& factor, const Matrix& b) {
  CholeskySolveBatch({&factor, 1}, {&b, 1});
}

void CudaBackend::EnqueueTriangularSolve(cublasSideMode_t side,
                                         cublasOperation_t op,
                                         const Matrix& factor,
                                         const Matrix& b) {
  ToInt(std::max({b.rows(), b.cols(), factor.stride(), b.stride()}));
  queue_->Do(
      "solving",
      [](Queue& queue,
         cublasSideMode_t on,
         cublasOperation_t factor_op,
         const double* one,
         const Matrix& triangle,
         const Matrix& out) {
        return queue.device().libraries().dtrsm(queue.blas(),
                                                on,
                                                CUBLAS_FILL_MODE_LOWER,
                                                factor_op,
                                                CUBLAS_DIAG_NON_UNIT,
                                                ToInt(out.rows()),
                                                ToInt(out.cols()),
                                                one,
                                                Data<double>(triangle),
                                                Stride(triangle),
                                                Data<double>(out),
                                                Stride(out));
      },
      side,
      op,
      Scalar{1.0},
      factor,
      Written{b});
}

void CudaBackend::EnqueueCholeskyGroup(absl::Span<const Matrix> batch,
                                       const Matrix& infos) {
  if (batch.size() == 1 || batch.front().rows() > kLargestBatched) {
    for (size_t i = 0; i < batch.size(); ++i) {
      EnqueueCholesky(batch[i], InfoOf(infos, static_cast<int64_t>(i)));
    }
    return;
  }
  const Addresses addresses = AddressesOf(batch);
  queue_->Do(
      "factorising",
      [](Queue& queue,
         int64_t n,
         const void* matrices,
         int64_t stride,
         const Matrix& verdicts,
         size_t count) {
        return queue.device().libraries().potrf_batched(
            queue.solver(),
            CUBLAS_FILL_MODE_LOWER,
            static_cast<int>(n),
            OnDevice(matrices),
            static_cast<int>(stride),
            Integers(verdicts),
            static_cast<int>(count));
      },
      batch.front().rows(),
      TableOf(addresses),
      batch.front().stride(),
      infos,
      batch.size());
}

void CudaBackend::EnqueueInversion(absl::Span<const Matrix> batch) {
  const int64_t n = batch.front().rows();
  if (batch.size() > 1 && n > kLargestBatched) {
    // One after the other, in the same memory.
    for (const Matrix& factor : batch) {
      EnqueueInversion({&factor, 1});
    }
    return;
  }
  std::vector<Matrix> inverses;
  for (size_t i = 0; i < batch.size(); ++i) {
    inverses.push_back(Allocate(n, n, ScalarType::kFloat64));
    EnqueueFill(0.0, inverses.back());
    FillDiagonal(1.0, inverses.back());
  }
  if (batch.size() == 1) {
    EnqueueTriangularSolve(
        CUBLAS_SIDE_LEFT, CUBLAS_OP_N, batch.front(), inverses.front());
  } else {
    const Addresses factors = AddressesOf(batch);
    const Addresses solutions = AddressesOf(inverses);
    queue_->Do(
        "inverting factors",
        [](Queue& queue,
           int64_t rows,
           const double* one,
           const void* from,
           int64_t from_stride,
           const void* to,
           int64_t to_stride,
           size_t count) {
          return queue.device().libraries().dtrsm_batched(
              queue.blas(),
              CUBLAS_SIDE_LEFT,
              CUBLAS_FILL_MODE_LOWER,
              CUBLAS_OP_N,
              CUBLAS_DIAG_NON_UNIT,
              static_cast<int>(rows),
              static_cast<int>(rows),
              one,
              OnDevice(from),
              static_cast<int>(from_stride),
              OnDevice(to),
              static_cast<int>(to_stride),
              static_cast<int>(count));
        },
        n,
        Scalar{1.0},
        TableOf(factors),
        batch.front().stride(),
        TableOf(solutions),
        inverses.front().stride(),
        batch.size());
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    EnqueueCopy(inverses[i], batch[i]);
  }
}

std::vector<bool> CudaBackend::CholeskyBatch(absl::Span<const Matrix> batch,
                                             double relative_floor) {
  int64_t largest = 0;
  // By size and stride.
  Groups<std::pair<int64_t, int64_t>> groups;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Matrix& a = batch[i];
    Require(a.rows() == a.cols() && IsDouble(a), "CholeskyBatch");
    Begin({}, {&a});
    ToInt(a.stride());
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
  const Matrix verdicts = Results(count);
  EnqueueFill(0.0, verdicts);
  for (const auto& [shape, group] : groups) {
    const auto column = [&](size_t i) {
      return diagonals.Columns(static_cast<int64_t>(i), 1)
          .Rows(0, batch[i].rows());
    };
    for (const size_t i : group) {
      EnqueueCopyDiagonal(batch[i], column(i));
    }
    InParts(group, [&](absl::Span<const size_t> part) {
      const std::vector<Matrix> picked = Picked(batch, part);
      const Matrix infos = Vector(static_cast<int64_t>(part.size()));
      EnqueueCholeskyGroup(picked, infos);
      for (size_t i = 0; i < part.size(); ++i) {
        EnqueueJudgement(picked[i],
                         column(part[i]),
                         relative_floor,
                         InfoOf(infos, static_cast<int64_t>(i)),
                         verdicts.Rows(static_cast<int64_t>(part[i]), 1));
      }
      if (picked.front().rows() <= kLargestInverted) {
        EnqueueInversion(picked);
      }
    });
  }
  std::vector<bool> definite;
  for (const double verdict : Take(verdicts)) {
    definite.push_back(verdict == 0.0);
  }
  return definite;
}

void CudaBackend::EnqueueProductsOf(Op op,
                                    absl::Span<const Matrix> a,
                                    absl::Span<const Matrix> b,
                                    absl::Span<const Matrix> out) {
  if (a.size() == 1) {
    EnqueueGemm(op, Op::kNone, 1.0, a[0], b[0], 0.0, out[0]);
    return;
  }
  const Addresses left = AddressesOf(a);
  const Addresses right = AddressesOf(b);
  const Addresses to = AddressesOf(out);
  queue_->Do(
      "solving",
      [](Queue& queue,
         cublasOperation_t a_op,
         int64_t rows,
         int64_t cols,
         const double* one,
         const void* factors,
         int64_t factor_stride,
         const void* from,
         int64_t from_stride,
         const double* zero,
         const void* products,
         int64_t product_stride,
         size_t count) {
        return queue.device().libraries().dgemm_batched(
            queue.blas(),
            a_op,
            CUBLAS_OP_N,
            static_cast<int>(rows),
            static_cast<int>(cols),
            static_cast<int>(rows),
            one,
            OnDevice(factors),
            static_cast<int>(factor_stride),
            OnDevice(from),
            static_cast<int>(from_stride),
            zero,
            OnDevice(products),
            static_cast<int>(product_stride),
            static_cast<int>(count));
      },
      op == Op::kNone ? CUBLAS_OP_N : CUBLAS_OP_T,
      out.front().rows(),
      out.front().cols(),
      Scalar{1.0},
      TableOf(left),
      a.front().stride(),
      TableOf(right),
      b.front().stride(),
      Scalar{0.0},
      TableOf(to),
      out.front().stride(),
      a.size());
}

void CudaBackend::EnqueueSolveGroup(absl::Span<const Matrix> factors,
                                    absl::Span<const Matrix> b) {
  if (factors.front().rows() > kLargestInverted) {
    for (size_t i = 0; i < b.size(); ++i) {
      EnqueueTriangularSolve(CUBLAS_SIDE_LEFT, CUBLAS_OP_N, factors[i], b[i]);
      EnqueueTriangularSolve(CUBLAS_SIDE_LEFT, CUBLAS_OP_T, factors[i], b[i]);
    }
    return;
  }
  std::vector<Matrix> halves;
  for (const Matrix& right : b) {
    halves.push_back(
        Allocate(right.rows(), right.cols(), ScalarType::kFloat64));
  }
  EnqueueProductsOf(Op::kNone, factors, b, halves);
  EnqueueProductsOf(Op::kTranspose, factors, halves, b);
}

void CudaBackend::CholeskySolveBatch(absl::Span<const Matrix> factors,
                                     absl::Span<const Matrix> b) {
  Require(factors.size() == b.size(), "CholeskySolveBatch");
  // By rows, columns and both strides.
  Groups<std::tuple<int64_t, int64_t, int64_t, int64_t>> groups;
  for (size_t i = 0; i < b.size(); ++i) {
    Require(factors[i].rows() == b[i].rows() && IsDouble(factors[i]) &&
                IsDouble(b[i]),
            "CholeskySolveBatch");
    Begin({&factors[i]}, {&b[i]});
    ToInt(std::max({b[i].cols(), b[i].stride(), factors[i].stride()}));
    if (!b[i].empty()) {
      groups[{b[i].rows(), b[i].cols(), factors[i].stride(), b[i].stride()}]
          .push_back(i);
    }
  }
  for (const auto& [shape, group] : groups) {
    InParts(group, [&](absl::Span<const size_t> part) {
      EnqueueSolveGroup(Picked(factors, part), Picked(b, part));
    });
  }
}

}  // namespace repscore::cuda
