// The end of the way back to the rows, fused: elementwise terms, centring and
// Adam over one column at a time, after the products.
#include <cmath>

#include "core/backend/cuda/kernels.h"
#include "core/backend/cuda/launch.h"
#include "core/backend/cuda/views.h"

namespace repscore::cuda {
namespace {

/// What a gradient adds to its products.
template <typename T>
struct Terms {
  View<T> own;
  const double* row_weights;  ///< or null
  View<double> direct;        ///< or null
  const double* means;        ///< or null
  int64_t rows;
  View<T> gradient;

  /// Element of the gradient, g so far, with its terms added.
  REPSCORE_DEVICE T Sum(T own_scale, T g, T value, int64_t i, int64_t j) const {
    if (own_scale != T{0}) {
      g += own_scale * value;
    }
    if (row_weights != nullptr) {
      g += static_cast<T>(row_weights[i]) * value;
    }
    if (direct.data != nullptr) {
      g += static_cast<T>(direct(i, j));
    }
    return g;
  }
  REPSCORE_DEVICE double Mean(double sum, int64_t j) const {
    if (means != nullptr) {
      sum -= means[j];
    }
    return sum / static_cast<double>(rows);
  }
};

template <typename T>
struct GradientProgram {
  static constexpr int kPhases = 2;
  Terms<T> terms;
  const double* own_scale;

  struct State {
    int64_t rows;
    int64_t column;
    double mean;
    T own_scale;
  };

  REPSCORE_DEVICE State Start(int64_t j) const {
    return {terms.rows, j, 0.0, static_cast<T>(*own_scale)};
  }
  struct Loaded {
    T gradient;
    T own;
  };
  REPSCORE_DEVICE Loaded Load(int phase, const State& state, int64_t i) const {
    const int64_t j = state.column;
    return {terms.gradient(i, j), phase == 0 ? terms.own(i, j) : T{0}};
  }
  REPSCORE_DEVICE Sums Visit(int phase,
                             const State& state,
                             int64_t i,
                             const Loaded& at) const {
    const int64_t j = state.column;
    const T g =
        phase == 0
            ? terms.Sum(state.own_scale, at.gradient, at.own, i, j)
            : static_cast<T>(static_cast<double>(at.gradient) - state.mean);
    terms.gradient(i, j) = g;
    return {static_cast<double>(g), 0.0};
  }
  REPSCORE_DEVICE void Finish(int phase, State& state, Sums total, bool) const {
    if (phase == 0) {
      state.mean = terms.Mean(total.first, state.column);
    }
  }
};

/// Factors of a step in the type of the rows.
template <typename T>
struct Rates {
  T beta1;
  T rest1;
  T beta2;
  T rest2;
  T epsilon;
  T step_size;
  T second_scale;
  T own_scale;
};

template <typename T>
struct StepProgram {
  static constexpr int kPhases = 3;
  Terms<T> terms;  ///< its gradient is `next`
  const StepFactors* factors;
  View<T> first;
  View<T> second;
  View<T> next;
  double* means;
  double* gradient_norms;
  double* next_norms;

  struct State {
    int64_t rows;
    int64_t column;
    double mean;
    double next_mean;
    Rates<T> rates;
  };

  REPSCORE_DEVICE State Start(int64_t j) const {
    const Rates<T> rates = {static_cast<T>(factors->beta1),
                            static_cast<T>(1.0 - factors->beta1),
                            static_cast<T>(factors->beta2),
                            static_cast<T>(1.0 - factors->beta2),
                            static_cast<T>(factors->epsilon),
                            static_cast<T>(factors->step_size),
                            static_cast<T>(factors->second_scale),
                            static_cast<T>(factors->own_scale)};
    return {terms.rows, j, 0.0, 0.0, rates};
  }
  struct Loaded {
    T element;
    T own;
    T first;
    T second;
  };
  REPSCORE_DEVICE Loaded Load(int phase, const State& state, int64_t i) const {
    const int64_t j = state.column;
    Loaded at = {next(i, j), T{0}, T{0}, T{0}};
    if (phase < 2) {
      at.own = terms.own(i, j);
    }
    if (phase == 1) {
      at.first = first(i, j);
      at.second = second(i, j);
    }
    return at;
  }
  REPSCORE_DEVICE Sums Visit(int phase,
                             const State& state,
                             int64_t i,
                             const Loaded& at) const {
    const int64_t j = state.column;
    T& element = next(i, j);
    if (phase == 0) {
      const T g = terms.Sum(state.rates.own_scale, at.element, at.own, i, j);
      element = g;
      return {static_cast<double>(g), 0.0};
    }
    if (phase == 1) {
      const T g = static_cast<T>(static_cast<double>(at.element) - state.mean);
      const T moved = Moved(state.rates, i, j, g, at);
      element = moved;
      const double wide = static_cast<double>(g);
      return {wide * wide, static_cast<double>(moved)};
    }
    const T rest =
        static_cast<T>(static_cast<double>(at.element) - state.next_mean);
    element = rest;
    const double centred = static_cast<double>(rest);
    return {centred * centred, 0.0};
  }
  /// Adam's update of one element.
  REPSCORE_DEVICE T Moved(const Rates<T>& rates,
                          int64_t i,
                          int64_t j,
                          T g,
                          const Loaded& at) const {
    const T m = rates.beta1 * at.first + rates.rest1 * g;
    const T v = rates.beta2 * at.second + rates.rest2 * g * g;
    first(i, j) = m;
    second(i, j) = v;
    return at.own + rates.step_size * m /
                        (std::sqrt(v * rates.second_scale) + rates.epsilon);
  }
  REPSCORE_DEVICE void Finish(int phase,
                              State& state,
                              Sums total,
                              bool writes) const {
    const int64_t j = state.column;
    if (phase == 0) {
      state.mean = terms.Mean(total.first, j);
    } else if (phase == 1) {
      state.next_mean = total.second / static_cast<double>(state.rows);
      if (writes) {
        gradient_norms[j] = total.first;
        means[j] += state.next_mean;
      }
    } else if (writes) {
      next_norms[j] = total.first;
    }
  }
};

template <typename T>
Terms<T> TermsOf(const GradientTerms& terms, const Matrix& gradient) {
  return {ViewOf<T>(terms.own),
          static_cast<const double*>(terms.row_weights.data()),
          ViewOf<double>(terms.direct),
          static_cast<const double*>(terms.means.data()),
          terms.own.rows(),
          ViewOf<T>(gradient)};
}

}  // namespace

cudaError_t FinishGradient(const Launcher& on,
                           const GradientTerms& terms,
                           const double* own_scale,
                           const Matrix& gradient) {
  return WithType(gradient.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForColumns(
        on,
        gradient.cols(),
        gradient.rows(),
        GradientProgram<T>{TermsOf<T>(terms, gradient), own_scale});
  });
}

cudaError_t FinishStep(const Launcher& on,
                       const GradientTerms& terms,
                       const AdamMatrices& adam) {
  double* const norms = static_cast<double*>(adam.norms.data());
  return WithType(adam.next.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForColumns(on,
                      adam.next.cols(),
                      adam.next.rows(),
                      StepProgram<T>{TermsOf<T>(terms, adam.next),
                                     adam.factors,
                                     ViewOf<T>(adam.first),
                                     ViewOf<T>(adam.second),
                                     ViewOf<T>(adam.next),
                                     static_cast<double*>(adam.means.data()),
                                     norms,
                                     norms + adam.norms.stride()});
  });
}

}  // namespace repscore::cuda
