// Elementwise work on n x n kernels and distances.
#include <cmath>

#include "core/backend/cpu/cpu_backend.h"
#include "core/backend/cpu/typed.h"

namespace repscore::cpu {
namespace {

/// Operations that one exponential is worth.
constexpr double kMapWork = 20;

bool IsSquare(const Matrix& a) {
  return a.rows() == a.cols() && IsDouble(a);
}

bool SameShape(const Matrix& a, const Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && IsDouble(a) &&
         IsDouble(b);
}

template <typename F>
void MapColumns(const Matrix& in, const Matrix& out, F function) {
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < in.cols(); ++j) {
    const double* from = Column<double>(in, j);
    double* to = Column<double>(out, j);
    for (int64_t i = 0; i < in.rows(); ++i) {
      to[i] = function(from[i]);
    }
  }
}

}  // namespace

void CpuBackend::UCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(n >= 4 && kernel.cols() == n && IsDouble(kernel), "UCentre");
  UseThreadsFor(static_cast<double>(kernel.size()) * 4);
  std::vector<double> sums(static_cast<size_t>(n));
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < n; ++j) {
    Column<double>(kernel, j)[j] = 0.0;
    sums[static_cast<size_t>(j)] =
        kernels_.sum_f64(n, Column<double>(kernel, j));
  }
  const double total = kernels_.sum_f64(n, sums.data());
  const double size = static_cast<double>(n);
  const double grand = total / ((size - 1.0) * (size - 2.0));
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < n; ++j) {
    double* column = Column<double>(kernel, j);
    const double shift = sums[static_cast<size_t>(j)] / (size - 2.0) - grand;
    for (int64_t i = 0; i < n; ++i) {
      column[i] -= sums[static_cast<size_t>(i)] / (size - 2.0) + shift;
    }
    column[j] = 0.0;
  }
}

void CpuBackend::DoubleCentre(const Matrix& kernel) {
  const int64_t n = kernel.rows();
  Require(IsSquare(kernel), "DoubleCentre");
  UseThreadsFor(static_cast<double>(kernel.size()) * 4);
  std::vector<double> means(static_cast<size_t>(n));
  const double size = static_cast<double>(n);
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < n; ++j) {
    means[static_cast<size_t>(j)] =
        kernels_.sum_f64(n, Column<double>(kernel, j)) / size;
  }
  const double grand = kernels_.sum_f64(n, means.data()) / size;
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < n; ++j) {
    double* column = Column<double>(kernel, j);
    const double shift = means[static_cast<size_t>(j)] - grand;
    for (int64_t i = 0; i < n; ++i) {
      column[i] -= means[static_cast<size_t>(i)] + shift;
    }
  }
}

void CpuBackend::SquaredDistances(const Matrix& kernel,
                                  double relative_floor,
                                  const Matrix& out) {
  const int64_t n = kernel.rows();
  Require(IsSquare(kernel) && SameShape(kernel, out), "SquaredDistances");
  UseThreadsFor(static_cast<double>(kernel.size()) * 4);
  std::vector<double> diagonal(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    diagonal[static_cast<size_t>(i)] = Column<double>(kernel, i)[i];
  }
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < n; ++j) {
    const double* from = Column<double>(kernel, j);
    double* to = Column<double>(out, j);
    for (int64_t i = 0; i < n; ++i) {
      const double sum =
          diagonal[static_cast<size_t>(i)] + diagonal[static_cast<size_t>(j)];
      const double distance = sum - 2.0 * from[i];
      to[i] = distance > relative_floor * sum ? distance : 0.0;
    }
    to[j] = 0.0;
  }
}

void CpuBackend::Map(Function function,
                     double scale,
                     const Matrix& in,
                     const Matrix& out) {
  Require(SameShape(in, out), "Map");
  UseThreadsFor(static_cast<double>(in.size()) * kMapWork);
  switch (function) {
    case Function::kExp:
      MapColumns(in, out, [scale](double x) { return std::exp(scale * x); });
      break;
    case Function::kSquareRoot:
      MapColumns(in, out, [scale](double x) { return std::sqrt(scale * x); });
      break;
    case Function::kReciprocal:
      MapColumns(in, out, [scale](double x) {
        return x == 0.0 ? 0.0 : 1.0 / (scale * x);
      });
      break;
  }
}

void CpuBackend::Hadamard(double alpha,
                          const Matrix& a,
                          const Matrix& b,
                          const Matrix& out) {
  Require(SameShape(a, b) && SameShape(a, out), "Hadamard");
  UseThreadsFor(static_cast<double>(a.size()) * 4);
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < a.cols(); ++j) {
    const double* left = Column<double>(a, j);
    const double* right = Column<double>(b, j);
    double* to = Column<double>(out, j);
    for (int64_t i = 0; i < a.rows(); ++i) {
      to[i] = alpha * left[i] * right[i];
    }
  }
}

void CpuBackend::Laplacian(const Matrix& weights, const Matrix& out) {
  Require(IsSquare(weights) && SameShape(weights, out), "Laplacian");
  UseThreadsFor(static_cast<double>(weights.size()) * 2);
  const int64_t n = weights.rows();
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < n; ++j) {
    const double* from = Column<double>(weights, j);
    double* to = Column<double>(out, j);
    const double sum = kernels_.sum_f64(n, from) - from[j];
    for (int64_t i = 0; i < n; ++i) {
      to[i] = -from[i];
    }
    to[j] = sum;
  }
}

void CpuBackend::FillDiagonal(double value, const Matrix& a) {
  Require(IsSquare(a), "FillDiagonal");
  for (int64_t i = 0; i < a.rows(); ++i) {
    Column<double>(a, i)[i] = value;
  }
}

}  // namespace repscore::cpu
