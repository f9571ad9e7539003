// Small checks that the operations of the CUDA backend share.
#ifndef REPSCORE_CORE_BACKEND_CUDA_CHECKS_H_
#define REPSCORE_CORE_BACKEND_CUDA_CHECKS_H_

#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/status/status.h"
#include "core/backend/backend.h"
#include "core/backend/matrix.h"
#include "core/base/text.h"

namespace repscore::cuda {

inline bool IsDouble(const Matrix& a) {
  return a.type() == ScalarType::kFloat64;
}

inline bool SameShape(const Matrix& a, const Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols();
}

inline void Require(bool fits, std::string_view operation) {
  if (!fits) {
    throw BackendError(
        absl::InternalError(StrCat("matrices do not fit in ", operation)));
  }
}

/// Sizes as cuBLAS takes them.
inline int ToInt(int64_t value) {
  Require(value <= std::numeric_limits<int>::max(), "a product");
  return static_cast<int>(value);
}

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_CHECKS_H_
