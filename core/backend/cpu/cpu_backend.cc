#include "core/backend/cpu/cpu_backend.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/backend/cpu/blas.h"
#include "core/backend/cpu/typed.h"

namespace repscore::cpu {
namespace {

// Below this many operations of a float32 product, about 0.1 ms, a second
// thread costs more than it brings: much more where other processes want the
// cores too.
constexpr double kSharedWork = 8e6;

/// Operations of a product, counted in those of float32.
double ProductWork(double flops, const Matrix& c) {
  return c.type() == ScalarType::kFloat64 ? 2.0 * flops : flops;
}

CBLAS_TRANSPOSE ToCblas(Op op) {
  return op == Op::kNone ? CblasNoTrans : CblasTrans;
}

int ToInt(int64_t value) {
  return static_cast<int>(value);
}

template <typename T>
void MirrorLower(const Matrix& c) {
  constexpr int64_t kTile = 32;
  const int64_t n = c.rows();
  T* data = Data<T>(c);
  const int64_t stride = c.stride();
#pragma omp parallel for schedule(dynamic)
  for (int64_t jt = 0; jt < n; jt += kTile) {
    for (int64_t it = jt; it < n; it += kTile) {
      for (int64_t j = jt; j < std::min(n, jt + kTile); ++j) {
        for (int64_t i = std::max(it, j + 1); i < std::min(n, it + kTile);
             ++i) {
          data[i * stride + j] = data[j * stride + i];
        }
      }
    }
  }
}

template <typename T>
void TransposeTiles(const Matrix& in, const Matrix& out) {
  constexpr int64_t kTile = 32;
#pragma omp parallel for schedule(static)
  for (int64_t jt = 0; jt < in.cols(); jt += kTile) {
    for (int64_t it = 0; it < in.rows(); it += kTile) {
      for (int64_t j = jt; j < std::min(in.cols(), jt + kTile); ++j) {
        const T* from = Column<T>(in, j);
        for (int64_t i = it; i < std::min(in.rows(), it + kTile); ++i) {
          Column<T>(out, i)[j] = from[i];
        }
      }
    }
  }
}

}  // namespace

CpuBackend::CpuBackend(int threads)
    // OpenBLAS waits for ever for threads that OpenMP does not give.
    : threads_(std::clamp(threads, 1, std::max(1, omp_get_thread_limit()))),
      kernels_(Kernels()),
      pool_(std::make_shared<MemoryPool>()) {}

DeviceMemory CpuBackend::memory() const {
  const int64_t page_bytes = sysconf(_SC_PAGE_SIZE);
  return {.total_bytes = sysconf(_SC_PHYS_PAGES) * page_bytes,
          .free_bytes = sysconf(_SC_AVPHYS_PAGES) * page_bytes};
}

std::unique_ptr<Backend> CpuBackend::Sibling(int threads) const {
  return std::make_unique<CpuBackend>(threads);
}

int CpuBackend::ThreadsFor(double work) const {
  return work < kSharedWork ? 1 : threads_;
}

void CpuBackend::UseThreadsFor(double work) {
  const int wanted = ThreadsFor(work);
  if (omp_get_max_threads() != wanted) {
    omp_set_num_threads(wanted);
  }
}

Matrix CpuBackend::Allocate(int64_t rows, int64_t cols, ScalarType type) {
  std::shared_ptr<void> buffer =
      pool_->Allocate(rows * cols * ScalarSize(type));
  void* data = buffer.get();
  return {
      std::move(buffer), data, rows, cols, std::max<int64_t>(1, rows), type};
}

Matrix CpuBackend::As(const Matrix& a, ScalarType type) {
  if (a.type() == type) {
    return a;
  }
  Matrix converted = Allocate(a.rows(), a.cols(), type);
  Copy(a, converted);
  return converted;
}

void CpuBackend::Upload(absl::Span<const double> elements, const Matrix& out) {
  Require(static_cast<int64_t>(elements.size()) == out.size(), "Upload");
  for (int64_t j = 0; j < out.cols(); ++j) {
    const double* from = elements.data() + j * out.rows();
    if (IsDouble(out)) {
      std::copy_n(from, out.rows(), Column<double>(out, j));
    } else {
      kernels_.narrow(out.rows(), from, Column<float>(out, j));
    }
  }
}

void CpuBackend::Download(const Matrix& in, absl::Span<double> elements) {
  Require(static_cast<int64_t>(elements.size()) == in.size(), "Download");
  for (int64_t j = 0; j < in.cols(); ++j) {
    double* to = elements.data() + j * in.rows();
    if (IsDouble(in)) {
      std::copy_n(Column<double>(in, j), in.rows(), to);
    } else {
      kernels_.widen(in.rows(), Column<float>(in, j), to);
    }
  }
}

void CpuBackend::Copy(const Matrix& in, const Matrix& out) {
  Require(in.rows() == out.rows() && in.cols() == out.cols(), "Copy");
  UseThreadsFor(static_cast<double>(in.size()) * 4);
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < in.cols(); ++j) {
    if (in.type() == out.type()) {
      std::memcpy(
          Column<char>(out, 0) + j * out.stride() * ScalarSize(out.type()),
          Column<char>(in, 0) + j * in.stride() * ScalarSize(in.type()),
          static_cast<size_t>(in.rows() * ScalarSize(in.type())));
    } else if (IsDouble(out)) {
      kernels_.widen(in.rows(), Column<float>(in, j), Column<double>(out, j));
    } else {
      kernels_.narrow(in.rows(), Column<double>(in, j), Column<float>(out, j));
    }
  }
}

void CpuBackend::Transpose(const Matrix& in, const Matrix& out) {
  Require(in.rows() == out.cols() && in.cols() == out.rows() &&
              in.type() == out.type(),
          "Transpose");
  UseThreadsFor(static_cast<double>(in.size()) * 4);
  if (IsDouble(in)) {
    TransposeTiles<double>(in, out);
  } else {
    TransposeTiles<float>(in, out);
  }
}

void CpuBackend::Fill(double value, const Matrix& out) {
  for (int64_t j = 0; j < out.cols(); ++j) {
    if (IsDouble(out)) {
      std::fill_n(Column<double>(out, j), out.rows(), value);
    } else {
      std::fill_n(Column<float>(out, j), out.rows(), static_cast<float>(value));
    }
  }
}

void CpuBackend::GatherRows(const Matrix& in,
                            absl::Span<const int64_t> indices,
                            const Matrix& out) {
  Require(static_cast<int64_t>(indices.size()) == out.rows() &&
              in.cols() == out.cols() && in.type() == out.type(),
          "GatherRows");
  UseThreadsFor(static_cast<double>(out.size()) * 4);
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < in.cols(); ++j) {
    for (int64_t i = 0; i < out.rows(); ++i) {
      const int64_t row = indices[static_cast<size_t>(i)];
      if (IsDouble(in)) {
        Column<double>(out, j)[i] = Column<double>(in, j)[row];
      } else {
        Column<float>(out, j)[i] = Column<float>(in, j)[row];
      }
    }
  }
}

void CpuBackend::Gemm(Op a_op,
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
  if (c.empty()) {
    return;
  }
  UseThreadsFor(ProductWork(
      2.0 * static_cast<double>(c.size()) * static_cast<double>(inner), c));
  if (IsDouble(c)) {
    cblas_dgemm(CblasColMajor,
                ToCblas(a_op),
                ToCblas(b_op),
                ToInt(c.rows()),
                ToInt(c.cols()),
                ToInt(inner),
                alpha,
                Data<double>(a),
                ToInt(a.stride()),
                Data<double>(b),
                ToInt(b.stride()),
                beta,
                Data<double>(c),
                ToInt(c.stride()));
  } else {
    cblas_sgemm(CblasColMajor,
                ToCblas(a_op),
                ToCblas(b_op),
                ToInt(c.rows()),
                ToInt(c.cols()),
                ToInt(inner),
                static_cast<float>(alpha),
                Data<float>(a),
                ToInt(a.stride()),
                Data<float>(b),
                ToInt(b.stride()),
                static_cast<float>(beta),
                Data<float>(c),
                ToInt(c.stride()));
  }
}

void CpuBackend::Syrk(
    Op op, double alpha, const Matrix& a, double beta, const Matrix& c) {
  const int64_t inner = op == Op::kNone ? a.cols() : a.rows();
  Require(c.rows() == c.cols() &&
              c.rows() == (op == Op::kNone ? a.rows() : a.cols()) &&
              a.type() == c.type(),
          "Syrk");
  UseThreadsFor(ProductWork(
      static_cast<double>(c.size()) * static_cast<double>(inner), c));
  if (IsDouble(c)) {
    cblas_dsyrk(CblasColMajor,
                CblasLower,
                ToCblas(op),
                ToInt(c.rows()),
                ToInt(inner),
                alpha,
                Data<double>(a),
                ToInt(a.stride()),
                beta,
                Data<double>(c),
                ToInt(c.stride()));
    MirrorLower<double>(c);
  } else {
    cblas_ssyrk(CblasColMajor,
                CblasLower,
                ToCblas(op),
                ToInt(c.rows()),
                ToInt(inner),
                static_cast<float>(alpha),
                Data<float>(a),
                ToInt(a.stride()),
                static_cast<float>(beta),
                Data<float>(c),
                ToInt(c.stride()));
    MirrorLower<float>(c);
  }
}

void CpuBackend::Axpby(double alpha,
                       const Matrix& a,
                       double beta,
                       const Matrix& b) {
  Require(a.rows() == b.rows() && a.cols() == b.cols() && a.type() == b.type(),
          "Axpby");
  UseThreadsFor(static_cast<double>(a.size()) * 2);
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < a.cols(); ++j) {
    if (IsDouble(a)) {
      kernels_.axpby_f64(
          a.rows(), alpha, Column<double>(a, j), beta, Column<double>(b, j));
    } else {
      kernels_.axpby_f32(
          a.rows(), alpha, Column<float>(a, j), beta, Column<float>(b, j));
    }
  }
}

void CpuBackend::AddDiagonal(double alpha, const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "AddDiagonal");
  for (int64_t i = 0; i < a.rows(); ++i) {
    Column<double>(a, i)[i] += alpha;
  }
}

void CpuBackend::ScaleRows(const Matrix& weights,
                           const Matrix& a,
                           const Matrix& out) {
  Require(weights.rows() == a.rows() && a.cols() == out.cols() && IsDouble(a) &&
              IsDouble(out) && IsDouble(weights),
          "ScaleRows");
  const double* weight = Data<double>(weights);
  for (int64_t j = 0; j < a.cols(); ++j) {
    const double* from = Column<double>(a, j);
    double* to = Column<double>(out, j);
    for (int64_t i = 0; i < a.rows(); ++i) {
      to[i] = weight[i] * from[i];
    }
  }
}

void CpuBackend::CentreColumns(const Matrix& a, const Matrix& means) {
  Require(means.rows() == a.cols() && IsDouble(means), "CentreColumns");
  UseThreadsFor(static_cast<double>(a.size()) * 4);
  const double count = static_cast<double>(a.rows());
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < a.cols(); ++j) {
    double mean = 0.0;
    // The second pass removes what rounding left of the first.
    for (int pass = 0; pass < 2; ++pass) {
      const double rest =
          (IsDouble(a) ? kernels_.sum_f64(a.rows(), Column<double>(a, j))
                       : kernels_.sum_f32(a.rows(), Column<float>(a, j))) /
          count;
      if (IsDouble(a)) {
        kernels_.centre_f64(a.rows(), rest, Column<double>(a, j));
      } else {
        kernels_.centre_f32(a.rows(), rest, Column<float>(a, j));
      }
      mean += rest;
    }
    Data<double>(means)[j] = mean;
  }
}

std::vector<double> CpuBackend::Dots(
    absl::Span<const std::pair<Matrix, Matrix>> pairs) {
  std::vector<double> results;
  results.reserve(pairs.size());
  for (const std::pair<Matrix, Matrix>& pair : pairs) {
    const Matrix& a = pair.first;
    const Matrix& b = pair.second;
    Require(
        a.rows() == b.rows() && a.cols() == b.cols() && a.type() == b.type(),
        "Dots");
    UseThreadsFor(static_cast<double>(a.size()) * 2);
    std::vector<double> columns(static_cast<size_t>(a.cols()));
#pragma omp parallel for schedule(static)
    for (int64_t j = 0; j < a.cols(); ++j) {
      columns[static_cast<size_t>(j)] =
          IsDouble(a)
              ? kernels_.dot_f64(
                    a.rows(), Column<double>(a, j), Column<double>(b, j))
              : kernels_.dot_f32(
                    a.rows(), Column<float>(a, j), Column<float>(b, j));
    }
    results.push_back(kernels_.sum_f64(a.cols(), columns.data()));
  }
  return results;
}

void CpuBackend::ColumnSums(const Matrix& a, const Matrix& sums) {
  Require(sums.rows() == a.cols() && IsDouble(sums), "ColumnSums");
  UseThreadsFor(static_cast<double>(a.size()));
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < a.cols(); ++j) {
    Data<double>(sums)[j] =
        IsDouble(a) ? kernels_.sum_f64(a.rows(), Column<double>(a, j))
                    : kernels_.sum_f32(a.rows(), Column<float>(a, j));
  }
}

void CpuBackend::RowSquaredNorms(const Matrix& a, const Matrix& norms) {
  Require(norms.rows() == a.rows() && IsDouble(norms), "RowSquaredNorms");
  Fill(0.0, norms);
  for (int64_t j = 0; j < a.cols(); ++j) {
    if (IsDouble(a)) {
      kernels_.add_squares_f64(
          a.rows(), Column<double>(a, j), Data<double>(norms));
    } else {
      kernels_.add_squares_f32(
          a.rows(), Column<float>(a, j), Data<double>(norms));
    }
  }
}

double CpuBackend::Trace(const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "Trace");
  double trace = 0.0;
  for (int64_t i = 0; i < a.rows(); ++i) {
    trace += Column<double>(a, i)[i];
  }
  return trace;
}

}  // namespace repscore::cpu
