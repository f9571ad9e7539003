// Matrices as kernels see them: typed pointers, passed by value.
#ifndef REPSCORE_CORE_BACKEND_CUDA_VIEWS_H_
#define REPSCORE_CORE_BACKEND_CUDA_VIEWS_H_

#include <cstdint>

#include "core/backend/cuda/launch.h"
#include "core/backend/matrix.h"

namespace repscore::cuda {

template <typename T>
struct View {
  T* data;
  int64_t stride;

  REPSCORE_DEVICE T& operator()(int64_t i, int64_t j) const {
    return data[j * stride + i];
  }
};

template <typename T>
View<T> ViewOf(const Matrix& a) {
  return {static_cast<T*>(a.data()), a.stride()};
}

/// From one element of a vector to the next, a column or a row.
inline int64_t StepOf(const Matrix& vector) {
  return vector.cols() == 1 ? 1 : vector.stride();
}

/// Calls `body` with a zero of the scalar type.
template <typename Body>
cudaError_t WithType(ScalarType type, const Body& body) {
  return type == ScalarType::kFloat64 ? body(double{0}) : body(float{0});
}

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_VIEWS_H_
