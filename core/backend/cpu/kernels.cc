#include "core/backend/cpu/kernels.h"

#include <cmath>
#include <string_view>

#if defined(__x86_64__) && defined(__GLIBC__)
// The C library has vector forms of this function, but its headers declare them
// for -ffast-math only.
extern "C" {
#pragma omp declare simd notinbranch
double exp(double) noexcept;
}
#endif

// Nothing here may be an inline function with external linkage that other
// translation units share: the linker would keep one copy, compiled for any of
// the instruction sets. Hence the anonymous namespace and plain loops.
namespace repscore::cpu::REPSCORE_KERNEL_LEVEL {
namespace {

// Sums run in a fixed order whatever the vector width: kLanes partial sums.
constexpr int64_t kLanes = 16;

struct Partial {
  double lane[kLanes] = {};
  double Total() const {
    double total = 0.0;
    for (int64_t i = 0; i < kLanes; ++i) {
      total += lane[i];
    }
    return total;
  }
};

template <typename T>
double Sum(int64_t n, const T* a) {
  Partial partial;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) {
      partial.lane[j] += static_cast<double>(a[i + j]);
    }
  }
  for (; i < n; ++i) {
    partial.lane[0] += static_cast<double>(a[i]);
  }
  return partial.Total();
}

template <typename T>
double Dot(int64_t n, const T* a, const T* b) {
  Partial partial;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) {
      partial.lane[j] +=
          static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
    }
  }
  for (; i < n; ++i) {
    partial.lane[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return partial.Total();
}

template <typename T>
double AddTerms(int64_t n, const ColumnTerms<T>& terms, T* g) {
  if (terms.own_scale != 0.0) {
    const T scale = static_cast<T>(terms.own_scale);
    for (int64_t i = 0; i < n; ++i) {
      g[i] += scale * terms.own[i];
    }
  }
  if (terms.row_weights != nullptr) {
    for (int64_t i = 0; i < n; ++i) {
      g[i] += static_cast<T>(terms.row_weights[i]) * terms.own[i];
    }
  }
  if (terms.direct != nullptr) {
    for (int64_t i = 0; i < n; ++i) {
      g[i] += static_cast<T>(terms.direct[i]);
    }
  }
  return Sum(n, g);
}

template <typename T>
double Centre(int64_t n, double mean, T* values) {
  for (int64_t i = 0; i < n; ++i) {
    values[i] = static_cast<T>(static_cast<double>(values[i]) - mean);
  }
  return Dot(n, values, values);
}

template <typename T>
double Adam(int64_t n, const AdamColumn<T>& column, const T* g) {
  const T beta1 = static_cast<T>(column.beta1);
  const T rest1 = static_cast<T>(1.0 - column.beta1);
  const T beta2 = static_cast<T>(column.beta2);
  const T rest2 = static_cast<T>(1.0 - column.beta2);
  const T epsilon = static_cast<T>(column.epsilon);
  const T step_size = static_cast<T>(column.step_size);
  const T second_scale = static_cast<T>(column.second_scale);
  const T* own = column.own;
  T* first = column.first;
  T* second = column.second;
  T* next = column.next;
  for (int64_t i = 0; i < n; ++i) {
    const T m = beta1 * first[i] + rest1 * g[i];
    const T v = beta2 * second[i] + rest2 * g[i] * g[i];
    first[i] = m;
    second[i] = v;
    next[i] = own[i] + step_size * m / (std::sqrt(v * second_scale) + epsilon);
  }
  return Sum(n, next);
}

template <typename T>
void AddSquares(int64_t n, const T* a, double* squares) {
  for (int64_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(a[i]);
    squares[i] += value * value;
  }
}

template <typename T>
void Axpby(int64_t n, double alpha, const T* a, double beta, T* b) {
  const T s = static_cast<T>(alpha);
  const T t = static_cast<T>(beta);
  if (beta == 0.0) {
    for (int64_t i = 0; i < n; ++i) {
      b[i] = s * a[i];
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    b[i] = s * a[i] + t * b[i];
  }
}

void Exp(int64_t n, double* values) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    values[i] = ::exp(values[i]);
  }
}

void Widen(int64_t n, const float* in, double* out) {
  for (int64_t i = 0; i < n; ++i) {
    out[i] = static_cast<double>(in[i]);
  }
}

void Narrow(int64_t n, const double* in, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(in[i]);
  }
}

#define REPSCORE_STRING_INNER(text) #text
#define REPSCORE_STRING(text) REPSCORE_STRING_INNER(text)

constexpr KernelTable kTable = {
    .name = REPSCORE_STRING(REPSCORE_KERNEL_LEVEL),
    .add_terms_f64 = AddTerms<double>,
    .add_terms_f32 = AddTerms<float>,
    .centre_f64 = Centre<double>,
    .centre_f32 = Centre<float>,
    .adam_f64 = Adam<double>,
    .adam_f32 = Adam<float>,
    .sum_f64 = Sum<double>,
    .sum_f32 = Sum<float>,
    .dot_f64 = Dot<double>,
    .dot_f32 = Dot<float>,
    .add_squares_f64 = AddSquares<double>,
    .add_squares_f32 = AddSquares<float>,
    .axpby_f64 = Axpby<double>,
    .axpby_f32 = Axpby<float>,
    .exp_f64 = Exp,
    .widen = Widen,
    .narrow = Narrow,
};

}  // namespace

const KernelTable& Table() {
  return kTable;
}

}  // namespace repscore::cpu::REPSCORE_KERNEL_LEVEL
