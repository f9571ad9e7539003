// Makes backends. One Backend serves one thread at a time.
#ifndef REPSCORE_CORE_BACKEND_CREATE_H_
#define REPSCORE_CORE_BACKEND_CREATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"

namespace repscore {

/// `device` is "cpu", "cuda:N" or "auto" (a GPU when there is one). `threads`
/// is the CPU threads one operation may use. FailedPrecondition when the
/// device is not there or this build has no CUDA.
absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(std::string_view device,
                                                       int threads);

/// A device that CreateBackend can make a backend of.
struct DeviceInfo {
  /// As CreateBackend takes it: "cpu", "cuda:0".
  std::string name;
  /// For people: "NVIDIA H100 80GB HBM3, compute capability 9.0, driver 13.0".
  std::string description;
  int64_t memory_bytes = 0;
  /// float64 runs at half the float32 rate or better, not at a small fraction.
  bool fast_float64 = true;
};

/// The CPU first, then every GPU that this build can use.
std::vector<DeviceInfo> ListDevices();

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
