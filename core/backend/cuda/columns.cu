// Kernels of sums over columns.
#include <algorithm>
#include <cmath>

#include "core/backend/cuda/kernels.h"
#include "core/backend/cuda/launch.h"
#include "core/backend/cuda/views.h"

namespace repscore::cuda {
namespace {

double* Doubles(const Matrix& a) {
  return static_cast<double*>(a.data());
}

struct ColumnState {
  int64_t rows;
  int64_t column;
  double value;
};

template <typename T>
struct SumProgram {
  static constexpr int kPhases = 1;
  static constexpr int kTogether = 16;
  View<T> a;
  int64_t rows;
  double* sums;

  REPSCORE_DEVICE ColumnState Start(int64_t j) const { return {rows, j, 0.0}; }
  REPSCORE_DEVICE Sums Visit(int, const ColumnState& state, int64_t i) const {
    return {static_cast<double>(a(i, state.column)), 0.0};
  }
  REPSCORE_DEVICE void Finish(int,
                              ColumnState& state,
                              Sums total,
                              bool writes) const {
    if (writes) {
      sums[state.column] = total.first;
    }
  }
};

/// Mean, centred column, what rounding left of the mean, centred again.
template <typename T>
struct CentreProgram {
  static constexpr int kPhases = 3;
  View<T> a;
  int64_t rows;
  double* means;

  struct State {
    int64_t rows;
    int64_t column;
    double rest;
    double mean;
  };

  REPSCORE_DEVICE State Start(int64_t j) const { return {rows, j, 0.0, 0.0}; }
  REPSCORE_DEVICE Sums Visit(int phase, const State& state, int64_t i) const {
    T& element = a(i, state.column);
    if (phase > 0) {
      element = static_cast<T>(static_cast<double>(element) - state.rest);
    }
    return {static_cast<double>(element), 0.0};
  }
  REPSCORE_DEVICE void Finish(int phase,
                              State& state,
                              Sums total,
                              bool writes) const {
    state.rest = total.first / static_cast<double>(rows);
    if (phase < kPhases - 1) {
      state.mean += state.rest;
    } else if (writes) {
      means[state.column] = state.mean;
    }
  }
};

constexpr int64_t kRowSumColumns = 64;

template <typename T>
struct PartialRowNormFunctor {
  View<T> a;
  int64_t cols;
  View<double> partial;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t chunk) const {
    const int64_t first = chunk * kRowSumColumns;
    const int64_t last =
        first + kRowSumColumns < cols ? first + kRowSumColumns : cols;
    double sum = 0.0;
    for (int64_t j = first; j < last; ++j) {
      const double value = static_cast<double>(a(i, j));
      sum += value * value;
    }
    partial(i, chunk) = sum;
  }
};

struct RowTotalFunctor {
  View<double> partial;
  int64_t chunks;
  double* norms;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t) const {
    double sum = 0.0;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      sum += partial(i, chunk);
    }
    norms[i] = sum;
  }
};

/// Column sums of a symmetric kernel, its diagonal cleared first on request.
struct KernelSumProgram {
  static constexpr int kPhases = 1;
  View<double> kernel;
  int64_t rows;
  bool clear_diagonal;
  double* sums;

  REPSCORE_DEVICE ColumnState Start(int64_t j) const { return {rows, j, 0.0}; }
  REPSCORE_DEVICE Sums Visit(int, const ColumnState& state, int64_t i) const {
    if (clear_diagonal && i == state.column) {
      kernel(i, state.column) = 0.0;
    }
    return {kernel(i, state.column), 0.0};
  }
  REPSCORE_DEVICE void Finish(int,
                              ColumnState& state,
                              Sums total,
                              bool writes) const {
    if (writes) {
      sums[state.column] = total.first;
    }
  }
};

/// kernel_ij -= (sum_i + sum_j) / divisor - total / grand_divisor
struct CentreKernelFunctor {
  View<double> kernel;
  const double* sums;
  const double* total;
  double divisor;
  double grand_divisor;
  bool clear_diagonal;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    const double shift = sums[j] / divisor - *total / grand_divisor;
    const double centred = kernel(i, j) - (sums[i] / divisor + shift);
    kernel(i, j) = clear_diagonal && i == j ? 0.0 : centred;
  }
};

struct LaplacianProgram {
  static constexpr int kPhases = 2;
  View<double> weights;
  View<double> out;
  int64_t rows;

  REPSCORE_DEVICE ColumnState Start(int64_t j) const { return {rows, j, 0.0}; }
  REPSCORE_DEVICE Sums Visit(int phase,
                             const ColumnState& state,
                             int64_t i) const {
    const double weight = weights(i, state.column);
    const bool diagonal = i == state.column;
    if (phase == 1) {
      out(i, state.column) = diagonal ? state.value : -weight;
    }
    return {diagonal ? 0.0 : weight, 0.0};
  }
  REPSCORE_DEVICE void Finish(int phase,
                              ColumnState& state,
                              Sums total,
                              bool) const {
    if (phase == 0) {
      state.value = total.first;
    }
  }
};

/// One element of a product with a vector for every "column".
template <typename T>
struct VectorProgram {
  static constexpr int kPhases = 1;
  static constexpr int kTogether = 16;
  const double* alpha;
  const T* a;
  int64_t row_step;    ///< from one row of op(a) to the next
  int64_t inner_step;  ///< along it
  const T* x;
  int64_t x_step;
  int64_t inner;
  const double* beta;
  T* out;

  REPSCORE_DEVICE ColumnState Start(int64_t row) const {
    return {inner, row, 0.0};
  }
  REPSCORE_DEVICE Sums Visit(int, const ColumnState& state, int64_t k) const {
    const T left = a[state.column * row_step + k * inner_step];
    return {static_cast<double>(left) * static_cast<double>(x[k * x_step]),
            0.0};
  }
  REPSCORE_DEVICE void Finish(int,
                              ColumnState& state,
                              Sums total,
                              bool writes) const {
    if (writes) {
      T& element = out[state.column];
      const double product = *alpha * total.first;
      element = static_cast<T>(
          *beta == 0.0 ? product
                       : product + *beta * static_cast<double>(element));
    }
  }
};

struct PivotProgram {
  static constexpr int kPhases = 1;
  static constexpr int kTogether = 16;
  View<double> factor;
  const double* diagonal;
  double floor;
  const int* info;
  int64_t rows;
  double* verdict;

  REPSCORE_DEVICE ColumnState Start(int64_t) const { return {rows, 0, 0.0}; }
  REPSCORE_DEVICE Sums Visit(int, const ColumnState&, int64_t i) const {
    const double pivot = factor(i, i);
    return {pivot * pivot > floor * diagonal[i] ? 0.0 : 1.0, 0.0};
  }
  REPSCORE_DEVICE void Finish(int,
                              ColumnState&,
                              Sums total,
                              bool writes) const {
    if (writes) {
      verdict[0] = total.first + (*info != 0 ? 1.0 : 0.0);
    }
  }
};

}  // namespace

cudaError_t SumColumns(const Launcher& on,
                       const Matrix& a,
                       const Matrix& sums) {
  return WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForColumns(on,
                      a.cols(),
                      a.rows(),
                      SumProgram<T>{ViewOf<T>(a), a.rows(), Doubles(sums)});
  });
}

cudaError_t RemoveMeans(const Launcher& on,
                        const Matrix& a,
                        const Matrix& means) {
  return WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForColumns(on,
                      a.cols(),
                      a.rows(),
                      CentreProgram<T>{ViewOf<T>(a), a.rows(), Doubles(means)});
  });
}

int64_t RowSumChunks(int64_t cols) {
  return std::max<int64_t>(1, (cols + kRowSumColumns - 1) / kRowSumColumns);
}

cudaError_t SquaredRowNorms(const Launcher& on,
                            const Matrix& a,
                            const Matrix& partial,
                            const Matrix& norms) {
  const cudaError_t error = WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEach(on,
                   a.rows(),
                   partial.cols(),
                   PartialRowNormFunctor<T>{
                       ViewOf<T>(a), a.cols(), ViewOf<double>(partial)});
  });
  return error != cudaSuccess ? error
                              : ForEach(on,
                                        a.rows(),
                                        1,
                                        RowTotalFunctor{ViewOf<double>(partial),
                                                        partial.cols(),
                                                        Doubles(norms)});
}

namespace {

cudaError_t CentreKernel(const Launcher& on,
                         const Matrix& kernel,
                         const Matrix& sums,
                         const Matrix& total,
                         double divisor,
                         double grand_divisor,
                         bool clear_diagonal) {
  const int64_t n = kernel.rows();
  cudaError_t error =
      ForColumns(on,
                 n,
                 n,
                 KernelSumProgram{
                     ViewOf<double>(kernel), n, clear_diagonal, Doubles(sums)});
  if (error == cudaSuccess) {
    error = SumColumns(on, sums, total);
  }
  if (error == cudaSuccess) {
    error = ForEach(on,
                    n,
                    n,
                    CentreKernelFunctor{ViewOf<double>(kernel),
                                        Doubles(sums),
                                        Doubles(total),
                                        divisor,
                                        grand_divisor,
                                        clear_diagonal});
  }
  return error;
}

}  // namespace

cudaError_t DoubleCentreKernel(const Launcher& on,
                               const Matrix& kernel,
                               const Matrix& sums,
                               const Matrix& total) {
  const double n = static_cast<double>(kernel.rows());
  return CentreKernel(on, kernel, sums, total, n, n * n, false);
}

cudaError_t UCentreKernel(const Launcher& on,
                          const Matrix& kernel,
                          const Matrix& sums,
                          const Matrix& total) {
  const double n = static_cast<double>(kernel.rows());
  return CentreKernel(
      on, kernel, sums, total, n - 2.0, (n - 1.0) * (n - 2.0), true);
}

cudaError_t LaplacianOf(const Launcher& on,
                        const Matrix& weights,
                        const Matrix& out) {
  const int64_t n = weights.rows();
  return ForColumns(
      on,
      n,
      n,
      LaplacianProgram{ViewOf<double>(weights), ViewOf<double>(out), n});
}

cudaError_t JudgePivots(const Launcher& on,
                        const Matrix& factor,
                        const Matrix& diagonal,
                        double relative_floor,
                        const Matrix& info,
                        const Matrix& verdict) {
  const int64_t n = factor.rows();
  return ForColumns(on,
                    1,
                    n,
                    PivotProgram{ViewOf<double>(factor),
                                 Doubles(diagonal),
                                 relative_floor,
                                 static_cast<const int*>(info.data()),
                                 n,
                                 Doubles(verdict)});
}

cudaError_t MultiplyVector(const Launcher& on,
                           bool transposed,
                           const double* alpha,
                           const Matrix& a,
                           const Matrix& x,
                           const double* beta,
                           const Matrix& out) {
  return WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    const int64_t inner = transposed ? a.rows() : a.cols();
    return ForColumns(
        on,
        out.rows(),
        inner,
        VectorProgram<T>{.alpha = alpha,
                         .a = static_cast<const T*>(a.data()),
                         .row_step = transposed ? a.stride() : 1,
                         .inner_step = transposed ? 1 : a.stride(),
                         .x = static_cast<const T*>(x.data()),
                         .x_step = StepOf(x),
                         .inner = inner,
                         .beta = beta,
                         .out = static_cast<T*>(out.data())});
  });
}

}  // namespace repscore::cuda
