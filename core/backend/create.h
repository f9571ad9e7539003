// Makes backends. One Backend serves one thread at a time.
#ifndef REPSCORE_CORE_BACKEND_CREATE_H_
#define REPSCORE_CORE_BACKEND_CREATE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"

namespace repscore {

/// `device` is "cpu", "cuda:N" or "auto" (a GPU when there is one). `threads`
/// is the CPU threads one operation may use. FailedPrecondition when the
/// device is not there or this build has no CUDA.
absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(std::string_view device,
                                                       int threads);

/// Core name the linear algebra library dispatches to, for instance
/// "SkylakeX".
std::string BlasCoreName();

/// Sets what OpenBLAS and OpenMP read from the environment as they are loaded
/// and, when something was missing, re-executes the process once: the core type
/// where OpenBLAS takes AVX2 kernels on a new AVX-512 CPU, and a short spin at
/// barriers. Call first in main(). Values set by the user win.
void SelectBlasKernels(char** argv);

}  // namespace repscore

#endif  // REPSCORE_CORE_BACKEND_CREATE_H_
