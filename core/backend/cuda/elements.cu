// Kernels of single elements.
#include <cmath>

#include "core/backend/cuda/kernels.h"
#include "core/backend/cuda/launch.h"
#include "core/backend/cuda/views.h"

namespace repscore::cuda {
namespace {

template <typename From, typename To>
struct CopyFunctor {
  View<From> in;
  View<To> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = static_cast<To>(in(i, j));
  }
};

template <typename T>
struct FillFunctor {
  T value;
  View<T> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = value;
  }
};

template <typename T>
struct GatherFunctor {
  View<T> in;
  const int64_t* indices;
  View<T> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = in(indices[i], j);
  }
};

template <typename T>
struct UnpackFunctor {
  const T* packed;
  int64_t first;
  int64_t rows;
  View<T> out;
  REPSCORE_DEVICE void operator()(int64_t k, int64_t) const {
    const int64_t element = first + k;
    out(element % rows, element / rows) = packed[k];
  }
};

template <typename T>
struct PackFunctor {
  View<T> in;
  int64_t first;
  int64_t rows;
  T* packed;
  REPSCORE_DEVICE void operator()(int64_t k, int64_t) const {
    const int64_t element = first + k;
    packed[k] = in(element % rows, element / rows);
  }
};

template <typename T>
struct AddScaledFunctor {
  const double* alpha;
  View<T> a;
  const double* beta;
  View<T> b;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    const T scaled = static_cast<T>(*alpha) * a(i, j);
    const T kept = static_cast<T>(*beta);
    b(i, j) = kept == T{0} ? scaled : scaled + kept * b(i, j);
  }
};

template <typename T>
struct OuterProductFunctor {
  const double* alpha;
  const T* a;
  int64_t a_step;
  const T* b;
  int64_t b_step;
  const double* beta;
  View<T> c;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    const T product = static_cast<T>(*alpha) * a[i * a_step] * b[j * b_step];
    const T kept = static_cast<T>(*beta);
    c(i, j) = kept == T{0} ? product : product + kept * c(i, j);
  }
};

template <typename T>
struct TransposeFunctor {
  View<T> in;
  View<T> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = in(j, i);
  }
};

template <typename T>
struct MirrorFunctor {
  View<T> a;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    if (i > j) {
      a(j, i) = a(i, j);
    }
  }
};

template <typename T>
struct OffsetFunctor {
  const double* offset;
  bool add;
  View<T> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    const T value = static_cast<T>(offset[j]);
    out(i, j) = add ? out(i, j) + value : value;
  }
};

struct DiagonalFunctor {
  double keep;
  const double* value;
  View<double> a;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t) const {
    a(i, i) = keep == 0.0 ? *value : keep * a(i, i) + *value;
  }
};

struct CopyDiagonalFunctor {
  View<double> a;
  double* diagonal;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t) const {
    diagonal[i] = a(i, i);
  }
};

struct ScaleRowsFunctor {
  const double* weights;
  View<double> a;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = weights[i] * a(i, j);
  }
};

struct ScaleColumnsFunctor {
  const double* weights;
  View<double> a;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = weights[j] * a(i, j);
  }
};

template <typename T>
struct FourthRootFunctor {
  const double* squared;
  View<T> a;
  View<T> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = a(i, j) / static_cast<T>(std::sqrt(std::sqrt(*squared)));
  }
};

struct DistanceFunctor {
  View<double> kernel;
  const double* diagonal;
  double floor;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    const double sum = diagonal[i] + diagonal[j];
    const double distance = sum - 2.0 * kernel(i, j);
    out(i, j) = i != j && distance > floor * sum ? distance : 0.0;
  }
};

struct ExpFunctor {
  const double* scale;
  View<double> in;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = std::exp(*scale * in(i, j));
  }
};

struct SquareRootFunctor {
  const double* scale;
  View<double> in;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = std::sqrt(*scale * in(i, j));
  }
};

struct ReciprocalFunctor {
  const double* scale;
  View<double> in;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    const double x = in(i, j);
    out(i, j) = x == 0.0 ? 0.0 : 1.0 / (*scale * x);
  }
};

struct HadamardFunctor {
  const double* alpha;
  View<double> a;
  View<double> b;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = *alpha * a(i, j) * b(i, j);
  }
};

struct TransposeUpperFunctor {
  View<double> factored;
  View<double> out;
  REPSCORE_DEVICE void operator()(int64_t i, int64_t j) const {
    out(i, j) = j <= i ? factored(j, i) : 0.0;
  }
};

const double* Doubles(const Matrix& a) {
  return static_cast<const double*>(a.data());
}

template <typename Functor>
cudaError_t ForEachOf(const Launcher& on,
                      const Matrix& shape,
                      const Functor& functor) {
  return ForEach(on, shape.rows(), shape.cols(), functor);
}

}  // namespace

cudaError_t CopyElements(const Launcher& on,
                         const Matrix& in,
                         const Matrix& out) {
  return WithType(in.type(), [&](auto from) {
    return WithType(out.type(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      return ForEachOf(
          on, in, CopyFunctor<From, To>{ViewOf<From>(in), ViewOf<To>(out)});
    });
  });
}

cudaError_t FillElements(const Launcher& on, double value, const Matrix& out) {
  return WithType(out.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(
        on, out, FillFunctor<T>{static_cast<T>(value), ViewOf<T>(out)});
  });
}

cudaError_t GatherElements(const Launcher& on,
                           const Matrix& in,
                           const int64_t* indices,
                           const Matrix& out) {
  return WithType(out.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(
        on, out, GatherFunctor<T>{ViewOf<T>(in), indices, ViewOf<T>(out)});
  });
}

cudaError_t Unpack(const Launcher& on,
                   const void* packed,
                   int64_t first,
                   int64_t count,
                   const Matrix& out) {
  return WithType(out.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEach(
        on,
        count,
        1,
        UnpackFunctor<T>{
            static_cast<const T*>(packed), first, out.rows(), ViewOf<T>(out)});
  });
}

cudaError_t Pack(const Launcher& on,
                 const Matrix& in,
                 int64_t first,
                 int64_t count,
                 void* packed) {
  return WithType(in.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEach(
        on,
        count,
        1,
        PackFunctor<T>{
            ViewOf<T>(in), first, in.rows(), static_cast<T*>(packed)});
  });
}

cudaError_t AddScaled(const Launcher& on,
                      const double* alpha,
                      const Matrix& a,
                      const double* beta,
                      const Matrix& b) {
  return WithType(b.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(
        on, b, AddScaledFunctor<T>{alpha, ViewOf<T>(a), beta, ViewOf<T>(b)});
  });
}

cudaError_t AddOuterProduct(const Launcher& on,
                            const double* alpha,
                            const Matrix& a,
                            const Matrix& b,
                            const double* beta,
                            const Matrix& c) {
  return WithType(c.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(on,
                     c,
                     OuterProductFunctor<T>{alpha,
                                            static_cast<const T*>(a.data()),
                                            StepOf(a),
                                            static_cast<const T*>(b.data()),
                                            StepOf(b),
                                            beta,
                                            ViewOf<T>(c)});
  });
}

cudaError_t TransposeElements(const Launcher& on,
                              const Matrix& in,
                              const Matrix& out) {
  return WithType(out.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(
        on, out, TransposeFunctor<T>{ViewOf<T>(in), ViewOf<T>(out)});
  });
}

cudaError_t MirrorLower(const Launcher& on, const Matrix& a) {
  return WithType(a.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(on, a, MirrorFunctor<T>{ViewOf<T>(a)});
  });
}

cudaError_t SetOffsets(const Launcher& on,
                       const Matrix& offset,
                       bool add,
                       const Matrix& out) {
  return WithType(out.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(
        on, out, OffsetFunctor<T>{Doubles(offset), add, ViewOf<T>(out)});
  });
}

cudaError_t ChangeDiagonal(const Launcher& on,
                           double keep,
                           const double* value,
                           const Matrix& a) {
  return ForEach(
      on, a.rows(), 1, DiagonalFunctor{keep, value, ViewOf<double>(a)});
}

cudaError_t CopyDiagonal(const Launcher& on,
                         const Matrix& a,
                         const Matrix& diagonal) {
  return ForEach(on,
                 a.rows(),
                 1,
                 CopyDiagonalFunctor{ViewOf<double>(a),
                                     static_cast<double*>(diagonal.data())});
}

cudaError_t ScaleRowsBy(const Launcher& on,
                        const Matrix& weights,
                        const Matrix& a,
                        const Matrix& out) {
  return ForEachOf(
      on,
      out,
      ScaleRowsFunctor{
          Doubles(weights), ViewOf<double>(a), ViewOf<double>(out)});
}

cudaError_t ScaleColumnsBy(const Launcher& on,
                           const Matrix& weights,
                           const Matrix& a,
                           const Matrix& out) {
  return ForEachOf(
      on,
      out,
      ScaleColumnsFunctor{
          Doubles(weights), ViewOf<double>(a), ViewOf<double>(out)});
}

cudaError_t DivideByFourthRoot(const Launcher& on,
                               const Matrix& squared,
                               const Matrix& a,
                               const Matrix& out) {
  return WithType(out.type(), [&](auto zero) {
    using T = decltype(zero);
    return ForEachOf(
        on,
        out,
        FourthRootFunctor<T>{Doubles(squared), ViewOf<T>(a), ViewOf<T>(out)});
  });
}

cudaError_t Distances(const Launcher& on,
                      const Matrix& kernel,
                      const Matrix& diagonal,
                      double relative_floor,
                      const Matrix& out) {
  return ForEachOf(on,
                   out,
                   DistanceFunctor{ViewOf<double>(kernel),
                                   Doubles(diagonal),
                                   relative_floor,
                                   ViewOf<double>(out)});
}

cudaError_t MapElements(const Launcher& on,
                        Function function,
                        const double* scale,
                        const Matrix& in,
                        const Matrix& out) {
  const View<double> from = ViewOf<double>(in);
  const View<double> to = ViewOf<double>(out);
  switch (function) {
    case Function::kExp:
      return ForEachOf(on, out, ExpFunctor{scale, from, to});
    case Function::kSquareRoot:
      return ForEachOf(on, out, SquareRootFunctor{scale, from, to});
    case Function::kReciprocal:
      return ForEachOf(on, out, ReciprocalFunctor{scale, from, to});
  }
  return cudaErrorInvalidValue;
}

cudaError_t MultiplyElements(const Launcher& on,
                             const double* alpha,
                             const Matrix& a,
                             const Matrix& b,
                             const Matrix& out) {
  return ForEachOf(
      on,
      out,
      HadamardFunctor{
          alpha, ViewOf<double>(a), ViewOf<double>(b), ViewOf<double>(out)});
}

cudaError_t TransposeUpper(const Launcher& on,
                           const Matrix& factored,
                           const Matrix& out) {
  return ForEachOf(
      on,
      out,
      TransposeUpperFunctor{ViewOf<double>(factored), ViewOf<double>(out)});
}

}  // namespace repscore::cuda
