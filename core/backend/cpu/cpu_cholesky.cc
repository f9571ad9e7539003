// Cholesky factors and what is solved with them, one or many at a time, through
// LAPACK.
#include <omp.h>

#include <algorithm>
#include <vector>

#include "core/backend/cpu/blas.h"
#include "core/backend/cpu/cpu_backend.h"
#include "core/backend/cpu/typed.h"
#include "core/base/parallel.h"

namespace repscore::cpu {
namespace {

// Matrices go side by side, one thread each, where that keeps this share of the
// threads busy; otherwise the library's threads share one after the other.
constexpr double kWellShared = 0.7;

double FactorFlops(const Matrix& a) {
  const double size = static_cast<double>(a.rows());
  return size * size * size / 3;
}

double SolveFlops(const Matrix& factor, const Matrix& b) {
  return 2.0 * static_cast<double>(factor.size()) *
         static_cast<double>(b.cols());
}

/// As Backend::Cholesky, by the threads that are set.
bool Factor(const Matrix& a, double relative_floor) {
  const int64_t n = a.rows();
  std::vector<double> diagonal(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    diagonal[static_cast<size_t>(i)] = Column<double>(a, i)[i];
  }
  const char uplo = 'L';
  const auto size = static_cast<lapack_int>(n);
  const auto lda = static_cast<lapack_int>(a.stride());
  lapack_int info = 0;
  LAPACK_dpotrf(&uplo, &size, Data<double>(a), &lda, &info);
  if (info != 0) {
    return false;
  }
  for (int64_t i = 0; i < n; ++i) {
    const double pivot = Column<double>(a, i)[i];
    if (!(pivot * pivot > relative_floor * diagonal[static_cast<size_t>(i)])) {
      return false;
    }
  }
  return true;
}

/// As Backend::CholeskySolve, by the threads that are set.
void Solve(const Matrix& factor, const Matrix& b) {
  for (const CBLAS_TRANSPOSE transpose : {CblasNoTrans, CblasTrans}) {
    cblas_dtrsm(CblasColMajor,
                CblasLeft,
                CblasLower,
                transpose,
                CblasNonUnit,
                static_cast<int>(b.rows()),
                static_cast<int>(b.cols()),
                1.0,
                Data<double>(factor),
                static_cast<int>(factor.stride()),
                Data<double>(b),
                static_cast<int>(b.stride()));
  }
}

/// True where `count` pieces of work on `threads` threads leave few idle.
bool GoSideBySide(size_t count, int threads) {
  const auto most = static_cast<size_t>(threads);
  const size_t rounds = (count + most - 1) / most;
  return static_cast<double>(count) >=
         kWellShared * static_cast<double>(rounds * most);
}

}  // namespace

template <typename Work>
void CpuBackend::ForBatch(size_t count, double flops, const Work& work) {
  // What is too small to share by itself is too small in company: a second
  // thread is awaited at the end of every batch all the same.
  UseThreadsFor(2.0 * flops / static_cast<double>(std::max<size_t>(1, count)));
  const int threads = omp_get_max_threads();
  ForEach(static_cast<int64_t>(count),
          GoSideBySide(count, threads) ? threads : 1,
          [&](int64_t i) { work(static_cast<size_t>(i)); });
}

bool CpuBackend::Cholesky(const Matrix& a, double relative_floor) {
  Require(a.rows() == a.cols() && IsDouble(a), "Cholesky");
  UseThreadsFor(2.0 * FactorFlops(a));
  return Factor(a, relative_floor);
}

void CpuBackend::CholeskySolve(const Matrix& factor, const Matrix& b) {
  Require(factor.rows() == b.rows() && IsDouble(factor) && IsDouble(b),
          "CholeskySolve");
  UseThreadsFor(2.0 * SolveFlops(factor, b));
  Solve(factor, b);
}

std::vector<bool> CpuBackend::CholeskyBatch(absl::Span<const Matrix> batch,
                                            double relative_floor) {
  double flops = 0.0;
  for (const Matrix& a : batch) {
    Require(a.rows() == a.cols() && IsDouble(a), "CholeskyBatch");
    flops += FactorFlops(a);
  }
  // Elements of vector<bool> share bytes, which threads must not.
  std::vector<char> definite(batch.size());
  ForBatch(batch.size(), flops, [&](size_t i) {
    definite[i] = Factor(batch[i], relative_floor) ? 1 : 0;
  });
  return {definite.begin(), definite.end()};
}

void CpuBackend::CholeskySolveBatch(absl::Span<const Matrix> factors,
                                    absl::Span<const Matrix> b) {
  Require(factors.size() == b.size(), "CholeskySolveBatch");
  double flops = 0.0;
  for (size_t i = 0; i < b.size(); ++i) {
    Require(factors[i].rows() == b[i].rows() && IsDouble(factors[i]) &&
                IsDouble(b[i]),
            "CholeskySolveBatch");
    flops += SolveFlops(factors[i], b[i]);
  }
  ForBatch(b.size(), flops, [&](size_t i) { Solve(factors[i], b[i]); });
}

}  // namespace repscore::cpu
