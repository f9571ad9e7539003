// Typed access to the elements of CPU matrices.
#ifndef REPSCORE_CORE_BACKEND_CPU_TYPED_H_
#define REPSCORE_CORE_BACKEND_CPU_TYPED_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "core/backend/backend.h"
#include "core/backend/matrix.h"
#include "core/base/text.h"

namespace repscore::cpu {

template <typename T>
T* Data(const Matrix& a) {
  return static_cast<T*>(a.data());
}

template <typename T>
T* Column(const Matrix& a, int64_t j) {
  return static_cast<T*>(a.data()) + j * a.stride();
}

inline bool IsDouble(const Matrix& a) {
  return a.type() == ScalarType::kFloat64;
}

inline void Require(bool fits, std::string_view operation) {
  if (!fits) {
    throw BackendError(
        absl::InternalError(StrCat("matrices do not fit in ", operation)));
  }
}

}  // namespace repscore::cpu

#endif  // REPSCORE_CORE_BACKEND_CPU_TYPED_H_
