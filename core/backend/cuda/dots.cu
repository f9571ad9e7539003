// Many sums of products at once: columns cut into segments, one block each, and
// one block that adds the segments of a term.
#include <algorithm>

#include "core/backend/cuda/kernels.h"
#include "core/backend/cuda/launch.h"
#include "core/backend/cuda/views.h"

namespace repscore::cuda {
namespace {

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

  struct State {
    int64_t rows;
    int64_t term;
  };

  REPSCORE_DEVICE State Start(int64_t term) const {
    return {table.first_segment[term + 1] - table.first_segment[term], term};
  }
  REPSCORE_DEVICE Sums Visit(int, const State& state, int64_t i) const {
    return {partial[table.first_segment[state.term] + i], 0.0};
  }
  REPSCORE_DEVICE void Finish(int,
                              State& state,
                              Sums total,
                              bool writes) const {
    if (writes) {
      results[state.term] = total.first;
    }
  }
};

}  // namespace

std::array<int64_t, 8> WordsOf(const DotTerm& term) {
  return {reinterpret_cast<int64_t>(term.a),
          reinterpret_cast<int64_t>(term.b),
          static_cast<int64_t>(term.type),
          term.rows,
          term.cols,
          term.step,
          term.a_stride,
          term.b_stride};
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

cudaError_t SumDots(const Launcher& on,
                    const std::vector<DotTerm>& terms,
                    const Matrix& partial,
                    const Matrix& results) {
  auto* sums = static_cast<double*>(partial.data());
  auto* const totals = static_cast<double*>(results.data());
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
        ForColumns(on, segments, longest, DotProgram{table, sums});
    if (error == cudaSuccess) {
      error = ForColumns(on,
                         static_cast<int64_t>(count),
                         segments,
                         DotTotalProgram{table, sums, totals + first});
    }
    if (error != cudaSuccess) {
      return error;
    }
    sums += segments;
  }
  return cudaSuccess;
}

}  // namespace repscore::cuda
