// In the place of libraries.cc: the emulated functions are linked.
#include "core/backend/cuda/libraries.h"

namespace repscore::cuda {

absl::StatusOr<const Libraries*> LoadLibraries() {
  static Libraries libraries = {
// NOLINTNEXTLINE(bugprone-macro-parentheses)
#define REPSCORE_LINKED(field, function) .field = &function,
      REPSCORE_BLAS_FUNCTIONS(REPSCORE_LINKED)
          REPSCORE_SOLVER_FUNCTIONS(REPSCORE_LINKED)
#undef REPSCORE_LINKED
              .gemm_ex = &cublasGemmEx,
  };
  return &libraries;
}

}  // namespace repscore::cuda
