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

// A column of a sum of products is cut into segments of this many elements.
constexpr int64_t kSegment = 8192;
// Terms that go to a kernel by value.
constexpr size_t kTermsPerLaunch = 24;

int64_t SegmentsPerColumn(const DotTerm& term) {
  return (term.rows + kSegment - 1) / kSegment;
}

int64_t SegmentsOf(const DotTerm& term) {
  return term.cols * SegmentsPerColumn(term);
}

struct DotTable {
  DotTerm terms[kTermsPerLaunch];
  int64_t per_column[kTermsPerLaunch];
  int64_t first_segment[kTermsPerLaunch + 1];
  int count;
};

struct DotProgram {
  static constexpr int kPhases = 1;
  DotTable table;
  double* partial;

  struct State {
    int64_t rows;
    int64_t segment;
    const void* a;
    const void* b;
    int64_t step;
    ScalarType type;
  };

  REPSCORE_DEVICE State Start(int64_t segment) const {
    int t = 0;
    while (segment >= table.first_segment[t + 1]) {
      ++t;
    }
    const DotTerm& term = table.terms[t];
    const int64_t within = segment - table.first_segment[t];
    const int64_t column = within / table.per_column[t];
    const int64_t first = within % table.per_column[t] * kSegment;
    const int64_t rest = term.rows - first;
    const int64_t size = term.type == ScalarType::kFloat64
                             ? static_cast<int64_t>(sizeof(double))
                             : static_cast<int64_t>(sizeof(float));
    const int64_t a_at = (column * term.a_stride + first * term.step) * size;
    const int64_t b_at = (column * term.b_stride + first * term.step) * size;
    return {
        rest < kSegment ? rest : kSegment,
        segment,
        static_cast<const char*>(term.a) + a_at,
        term.b == nullptr ? nullptr : static_cast<const char*>(term.b) + b_at,
        term.step,
        term.type};
  }
  template <typename T>
  REPSCORE_DEVICE static double Product(const State& state, int64_t i) {
    const int64_t at = i * state.step;
    const double left = static_cast<double>(static_cast<const T*>(state.a)[at]);
    return state.b == nullptr
               ? left
               : left * static_cast<double>(static_cast<const T*>(state.b)[at]);
  }
  REPSCORE_DEVICE Sums Visit(int, const State& state, int64_t i) const {
    return {state.type == ScalarType::kFloat64 ? Product<double>(state, i)
                                               : Product<float>(state, i),
            0.0};
  }
  REPSCORE_DEVICE void Finish(int,
                              State& state,
                              Sums total,
                              bool writes) const {
    if (writes) {
      partial[state.segment] = total.first;
    }
  }
};

struct DotTotalProgram {
  static constexpr int kPhases = 1;
  DotTable table;
  const double* partial;
  double* results;

  REPSCORE_DEVICE ColumnState Start(int64_t term) const {
    return {
        table.first_segment[term + 1] - table.first_segment[term], term, 0.0};
  }
  REPSCORE_DEVICE Sums Visit(int, const ColumnState& state, int64_t i) const {
    return {partial[table.first_segment[state.column] + i], 0.0};
  }
  REPSCORE_DEVICE void Finish(int,
                              ColumnState& state,
                              Sums total,
                              bool writes) const {
    if (writes) {
      results[state.column] = total.first;
    }
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

struct PivotProgram {
  static constexpr int kPhases = 1;
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

cudaError_t SumColumns(cudaStream_t stream,
                       const Matrix& a,
                       const Matrix& sums) {
  return WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForColumns(stream,
                      a.cols(),
                      a.rows(),
                      SumProgram<T>{ViewOf<T>(a), a.rows(), Doubles(sums)});
  });
}

cudaError_t RemoveMeans(cudaStream_t stream,
                        const Matrix& a,
                        const Matrix& means) {
  return WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForColumns(stream,
                      a.cols(),
                      a.rows(),
                      CentreProgram<T>{ViewOf<T>(a), a.rows(), Doubles(means)});
  });
}

int64_t RowSumChunks(int64_t cols) {
  return std::max<int64_t>(1, (cols + kRowSumColumns - 1) / kRowSumColumns);
}

cudaError_t SquaredRowNorms(cudaStream_t stream,
                            const Matrix& a,
                            const Matrix& partial,
                            const Matrix& norms) {
  const cudaError_t error = WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEach(stream,
                   a.rows(),
                   partial.cols(),
                   PartialRowNormFunctor<T>{
                       ViewOf<T>(a), a.cols(), ViewOf<double>(partial)});
  });
  return error != cudaSuccess ? error
                              : ForEach(stream,
                                        a.rows(),
                                        1,
                                        RowTotalFunctor{ViewOf<double>(partial),
                                                        partial.cols(),
                                                        Doubles(norms)});
}

DotTerm DotOf(const Matrix& a, const Matrix& b) {
  DotTerm term;
  term.a = a.data();
  term.b = b.data();
  term.type = a.type();
  term.rows = a.rows();
  term.cols = a.cols();
  term.a_stride = a.stride();
  term.b_stride = b.stride();
  if (a.stride() == a.rows() && b.stride() == b.rows()) {
    term.rows = a.size();
    term.cols = 1;
  }
  if (a.empty()) {
    term.rows = term.cols = 0;
  }
  return term;
}

DotTerm TraceOf(const Matrix& a) {
  DotTerm term;
  term.a = a.data();
  term.type = a.type();
  term.rows = a.rows();
  term.cols = 1;
  term.step = a.stride() + 1;
  return term;
}

int64_t DotSegments(const std::vector<DotTerm>& terms) {
  int64_t segments = 0;
  for (const DotTerm& term : terms) {
    segments += SegmentsOf(term);
  }
  return segments;
}

cudaError_t SumDots(cudaStream_t stream,
                    const std::vector<DotTerm>& terms,
                    double* partial,
                    double* results) {
  for (size_t first = 0; first < terms.size(); first += kTermsPerLaunch) {
    const size_t count = std::min(kTermsPerLaunch, terms.size() - first);
    DotTable table = {};
    table.count = static_cast<int>(count);
    int64_t longest = 1;
    for (size_t t = 0; t < count; ++t) {
      const DotTerm& term = terms[first + t];
      table.terms[t] = term;
      table.per_column[t] = SegmentsPerColumn(term);
      table.first_segment[t + 1] = table.first_segment[t] + SegmentsOf(term);
      longest = std::max(longest, std::min(term.rows, kSegment));
    }
    const int64_t segments = table.first_segment[count];
    cudaError_t error =
        ForColumns(stream, segments, longest, DotProgram{table, partial});
    if (error == cudaSuccess) {
      error = ForColumns(stream,
                         static_cast<int64_t>(count),
                         segments,
                         DotTotalProgram{table, partial, results + first});
    }
    if (error != cudaSuccess) {
      return error;
    }
    partial += segments;
  }
  return cudaSuccess;
}

namespace {

cudaError_t CentreKernel(cudaStream_t stream,
                         const Matrix& kernel,
                         const Matrix& sums,
                         const Matrix& total,
                         double divisor,
                         double grand_divisor,
                         bool clear_diagonal) {
  const int64_t n = kernel.rows();
  cudaError_t error =
      ForColumns(stream,
                 n,
                 n,
                 KernelSumProgram{
                     ViewOf<double>(kernel), n, clear_diagonal, Doubles(sums)});
  if (error == cudaSuccess) {
    error = SumColumns(stream, sums, total);
  }
  if (error == cudaSuccess) {
    error = ForEach(stream,
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

cudaError_t DoubleCentreKernel(cudaStream_t stream,
                               const Matrix& kernel,
                               const Matrix& sums,
                               const Matrix& total) {
  const double n = static_cast<double>(kernel.rows());
  return CentreKernel(stream, kernel, sums, total, n, n * n, false);
}

cudaError_t UCentreKernel(cudaStream_t stream,
                          const Matrix& kernel,
                          const Matrix& sums,
                          const Matrix& total) {
  const double n = static_cast<double>(kernel.rows());
  return CentreKernel(
      stream, kernel, sums, total, n - 2.0, (n - 1.0) * (n - 2.0), true);
}

cudaError_t LaplacianOf(cudaStream_t stream,
                        const Matrix& weights,
                        const Matrix& out) {
  const int64_t n = weights.rows();
  return ForColumns(
      stream,
      n,
      n,
      LaplacianProgram{ViewOf<double>(weights), ViewOf<double>(out), n});
}

cudaError_t JudgePivots(cudaStream_t stream,
                        const Matrix& factor,
                        const Matrix& diagonal,
                        double relative_floor,
                        const int* info,
                        double* verdict) {
  const int64_t n = factor.rows();
  return ForColumns(stream,
                    1,
                    n,
                    PivotProgram{ViewOf<double>(factor),
                                 Doubles(diagonal),
                                 relative_floor,
                                 info,
                                 n,
                                 verdict});
}

}  // namespace repscore::cuda
