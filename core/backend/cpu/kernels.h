// The loops of the CPU backend that no library has, compiled once per
// instruction set and chosen at run time. Pointers do not alias unless said.
#ifndef REPSCORE_CORE_BACKEND_CPU_KERNELS_H_
#define REPSCORE_CORE_BACKEND_CPU_KERNELS_H_

#include <cstdint>
#include <string_view>

namespace repscore::cpu {

/// One column of the fused pull-back: terms of G that are elementwise.
template <typename T>
struct ColumnTerms {
  const T* own = nullptr;  ///< [n]
  double own_scale = 0.0;
  const double* row_weights = nullptr;  ///< [n] or null
  const double* direct = nullptr;       ///< [n] or null
};

template <typename T>
struct AdamColumn {
  const T* own = nullptr;
  T* first = nullptr;
  T* second = nullptr;
  T* next = nullptr;
  double beta1 = 0.0;
  double beta2 = 0.0;
  double epsilon = 0.0;
  double step_size = 0.0;
  double second_scale = 0.0;
};

/// Loops over one contiguous column of n elements.
struct KernelTable {
  std::string_view name;

  /// gradient += elementwise terms; returns its sum.
  double (*add_terms_f64)(int64_t n, const ColumnTerms<double>&, double* g);
  double (*add_terms_f32)(int64_t n, const ColumnTerms<float>&, float* g);

  /// values -= mean; returns the sum of squares of the result.
  double (*centre_f64)(int64_t n, double mean, double* values);
  double (*centre_f32)(int64_t n, double mean, float* values);

  /// Adam's update of one column with gradient g; returns the sum of next.
  double (*adam_f64)(int64_t n, const AdamColumn<double>&, const double* g);
  double (*adam_f32)(int64_t n, const AdamColumn<float>&, const float* g);

  double (*sum_f64)(int64_t n, const double* a);
  double (*sum_f32)(int64_t n, const float* a);
  double (*dot_f64)(int64_t n, const double* a, const double* b);
  double (*dot_f32)(int64_t n, const float* a, const float* b);

  /// squares[i] += a[i]^2
  void (*add_squares_f64)(int64_t n, const double* a, double* squares);
  void (*add_squares_f32)(int64_t n, const float* a, double* squares);

  /// b = alpha * a + beta * b
  void (*axpby_f64)(
      int64_t n, double alpha, const double* a, double beta, double* b);
  void (*axpby_f32)(
      int64_t n, double alpha, const float* a, double beta, float* b);

  /// values = exp(values), to 4 units in the last place
  void (*exp_f64)(int64_t n, double* values);

  void (*widen)(int64_t n, const float* in, double* out);
  void (*narrow)(int64_t n, const double* in, float* out);
};

namespace baseline {
const KernelTable& Table();
}
namespace avx2 {
const KernelTable& Table();
}
namespace avx512 {
const KernelTable& Table();
}

/// The widest table this processor runs.
const KernelTable& Kernels();

}  // namespace repscore::cpu

#endif  // REPSCORE_CORE_BACKEND_CPU_KERNELS_H_
