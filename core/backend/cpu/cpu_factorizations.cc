// Factorisations of small float64 matrices, through LAPACK.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/backend/cpu/blas.h"
#include "core/backend/cpu/cpu_backend.h"
#include "core/backend/cpu/typed.h"
#include "core/base/text.h"

namespace repscore::cpu {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

lapack_int ToLapack(int64_t value) {
  return static_cast<lapack_int>(value);
}

void Check(lapack_int info, std::string_view routine) {
  if (info != 0) {
    throw BackendError(absl::InternalError(
        StrCat(routine, " did not converge (info ", info, ")")));
  }
}

// Eigenvalues and singular values are found by many small products: only this
// share of their operations is worth a second thread.
constexpr double kSharedPart = 1.0 / 40;

double Cube(int64_t n) {
  const double size = static_cast<double>(n);
  return size * size * size;
}

/// Thin SVD of a (destroyed): u [m x k], vt [k x n], k = min(m, n).
std::vector<double> Gesdd(const Matrix& a, double* u, double* vt) {
  const char job = 'S';
  const lapack_int m = ToLapack(a.rows());
  const lapack_int n = ToLapack(a.cols());
  const lapack_int k = std::min(m, n);
  const lapack_int lda = ToLapack(a.stride());
  std::vector<double> values(static_cast<size_t>(k));
  std::vector<lapack_int> integers(static_cast<size_t>(8 * k));
  lapack_int info = 0;
  lapack_int size = -1;
  double best = 0.0;
  LAPACK_dgesdd(&job,
                &m,
                &n,
                Data<double>(a),
                &lda,
                values.data(),
                u,
                &m,
                vt,
                &k,
                &best,
                &size,
                integers.data(),
                &info);
  size = static_cast<lapack_int>(best);
  std::vector<double> work(static_cast<size_t>(size));
  LAPACK_dgesdd(&job,
                &m,
                &n,
                Data<double>(a),
                &lda,
                values.data(),
                u,
                &m,
                vt,
                &k,
                work.data(),
                &size,
                integers.data(),
                &info);
  Check(info, "dgesdd");
  return values;
}

/// Eigenvalues of a, which becomes the eigenvectors for job 'V' and is
/// destroyed for 'N'.
std::vector<double> Syevd(char job, const Matrix& a) {
  const char uplo = 'L';
  const lapack_int n = ToLapack(a.rows());
  const lapack_int lda = ToLapack(a.stride());
  std::vector<double> values(static_cast<size_t>(n));
  lapack_int info = 0;
  lapack_int size = -1;
  lapack_int integer_size = -1;
  double best = 0.0;
  lapack_int best_integer = 0;
  LAPACK_dsyevd(&job,
                &uplo,
                &n,
                Data<double>(a),
                &lda,
                values.data(),
                &best,
                &size,
                &best_integer,
                &integer_size,
                &info);
  size = static_cast<lapack_int>(best);
  integer_size = best_integer;
  std::vector<double> work(static_cast<size_t>(size));
  std::vector<lapack_int> integers(static_cast<size_t>(integer_size));
  LAPACK_dsyevd(&job,
                &uplo,
                &n,
                Data<double>(a),
                &lda,
                values.data(),
                work.data(),
                &size,
                integers.data(),
                &integer_size,
                &info);
  Check(info, "dsyevd");
  return values;
}

}  // namespace

std::vector<double> CpuBackend::SymmetricEigen(const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "SymmetricEigen");
  UseThreadsFor(9 * Cube(a.rows()) * kSharedPart);
  return Syevd('V', a);
}

std::vector<double> CpuBackend::SymmetricEigenvalues(const Matrix& a) {
  Require(a.rows() == a.cols() && IsDouble(a), "SymmetricEigenvalues");
  UseThreadsFor(4.0 / 3 * Cube(a.rows()) * kSharedPart);
  return Syevd('N', a);
}

Matrix CpuBackend::TriangularFactor(const Matrix& a) {
  const int64_t k = std::min(a.rows(), a.cols());
  Matrix copy = Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  Copy(a, copy);
  UseThreadsFor(2.0 * static_cast<double>(a.size()) * static_cast<double>(k));
  const lapack_int m = ToLapack(a.rows());
  const lapack_int n = ToLapack(a.cols());
  const lapack_int lda = ToLapack(copy.stride());
  std::vector<double> tau(static_cast<size_t>(k));
  lapack_int info = 0;
  lapack_int size = -1;
  double best = 0.0;
  LAPACK_dgeqrf(
      &m, &n, Data<double>(copy), &lda, tau.data(), &best, &size, &info);
  size = static_cast<lapack_int>(best);
  std::vector<double> work(static_cast<size_t>(size));
  LAPACK_dgeqrf(
      &m, &n, Data<double>(copy), &lda, tau.data(), work.data(), &size, &info);
  Check(info, "dgeqrf");
  Matrix factor = Allocate(k, a.cols(), ScalarType::kFloat64);
  for (int64_t j = 0; j < a.cols(); ++j) {
    const int64_t upper = std::min(j + 1, k);
    std::copy_n(Column<double>(copy, j), upper, Column<double>(factor, j));
    std::fill_n(Column<double>(factor, j) + upper, k - upper, 0.0);
  }
  return factor;
}

Matrix CpuBackend::CompressColumns(const Matrix& a) {
  Require(IsDouble(a), "CompressColumns");
  if (a.cols() <= a.rows()) {
    return a;
  }
  Matrix transposed = Allocate(a.cols(), a.rows(), ScalarType::kFloat64);
  Transpose(a, transposed);
  // a' = Q R, hence a a' = R'R and R' stands in for a.
  const Matrix factor = TriangularFactor(transposed);
  Matrix compressed =
      Allocate(factor.cols(), factor.rows(), ScalarType::kFloat64);
  Transpose(factor, compressed);
  return compressed;
}

PolarNorm CpuBackend::Polar(const Matrix& a,
                            PolarMethod method,
                            const Matrix& q) {
  Require(a.rows() == q.rows() && a.cols() == q.cols() && IsDouble(a) &&
              IsDouble(q),
          "Polar");
  if (a.rows() < a.cols()) {
    const Matrix tall = Allocate(a.cols(), a.rows(), ScalarType::kFloat64);
    const Matrix factor = Allocate(a.cols(), a.rows(), ScalarType::kFloat64);
    Transpose(a, tall);
    const PolarNorm norm = Polar(tall, method, factor);
    Transpose(factor, q);
    return norm;
  }
  if (method == PolarMethod::kGram) {
    return {.nuclear = PolarByGram(a, q), .fine = false};
  }
  return {.nuclear = PolarBySvd(a, q)};
}

std::vector<double> CpuBackend::Svd(const Matrix& a,
                                    const Matrix& u,
                                    const Matrix& vt) {
  const int64_t k = std::min(a.rows(), a.cols());
  Require(u.rows() == a.rows() && u.cols() == k && vt.rows() == k &&
              vt.cols() == a.cols() && IsDouble(a) && IsDouble(u) &&
              IsDouble(vt) && u.stride() == u.rows() && vt.stride() == k,
          "Svd");
  const Matrix copy = Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  Copy(a, copy);
  UseThreadsFor(4.0 * static_cast<double>(a.size()) * static_cast<double>(k) *
                kSharedPart);
  return Gesdd(copy, Data<double>(u), Data<double>(vt));
}

double CpuBackend::PolarBySvd(const Matrix& a, const Matrix& q) {
  // a = U S V', q = U V' over singular values above max(m, n) eps s_1
  const Matrix copy = Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  Copy(a, copy);
  UseThreadsFor(4.0 * static_cast<double>(a.size()) *
                static_cast<double>(a.cols()) * kSharedPart);
  const Matrix u = Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  const Matrix vt = Allocate(a.cols(), a.cols(), ScalarType::kFloat64);
  const std::vector<double> values =
      Gesdd(copy, Data<double>(u), Data<double>(vt));
  const double floor =
      static_cast<double>(a.rows()) * kEpsilon * values.front();
  double norm = 0.0;
  int64_t rank = 0;
  for (const double value : values) {
    norm += value;
    rank += value > floor ? 1 : 0;
  }
  if (rank == 0) {
    Fill(0.0, q);
    return norm;
  }
  Gemm(Op::kNone, Op::kNone, 1.0, u.Columns(0, rank), vt.Rows(0, rank), 0.0, q);
  return norm;
}

double CpuBackend::PolarByGram(const Matrix& a, const Matrix& q) {
  // a'a = V diag(w) V', q = a V diag(w)^-1/2 V' over w above rounding
  const int64_t n = a.cols();
  const Matrix vectors = Allocate(n, n, ScalarType::kFloat64);
  Syrk(Op::kTranspose, 1.0, a, 0.0, vectors);
  const std::vector<double> values = SymmetricEigen(vectors);
  const double floor =
      static_cast<double>(n) * kEpsilon * std::max(values.back(), 0.0);
  double norm = 0.0;
  int64_t dropped = 0;
  for (const double value : values) {
    norm += std::sqrt(std::max(value, 0.0));
    dropped += value > floor ? 0 : 1;
  }
  if (dropped == n) {
    Fill(0.0, q);
    return norm;
  }
  const Matrix kept = vectors.Columns(dropped, n - dropped);
  const Matrix scaled = Allocate(n, n - dropped, ScalarType::kFloat64);
  for (int64_t j = 0; j < kept.cols(); ++j) {
    const double scale =
        1.0 / std::sqrt(values[static_cast<size_t>(dropped + j)]);
    kernels_.axpby_f64(
        n, scale, Column<double>(kept, j), 0.0, Column<double>(scaled, j));
  }
  const Matrix root = Allocate(n, n, ScalarType::kFloat64);
  Gemm(Op::kNone, Op::kTranspose, 1.0, scaled, kept, 0.0, root);
  Gemm(Op::kNone, Op::kNone, 1.0, a, root, 0.0, q);
  return norm;
}

}  // namespace repscore::cpu
