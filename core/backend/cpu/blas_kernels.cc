// Which kernels OpenBLAS runs (its dispatcher takes AVX2 kernels on AVX-512
// processors that it does not know, OpenMathLib/OpenBLAS issue 6029), and how
// long the threads of OpenMP spin.
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/backend/cpu/blas.h"
#include "core/backend/create.h"

namespace repscore {
namespace {

constexpr char kCoreVariable[] = "OPENBLAS_CORETYPE";
constexpr char kWaitVariable[] = "OMP_WAIT_POLICY";
constexpr char kSpinVariable[] = "GOMP_SPINCOUNT";
// About 20 us: idle threads otherwise spin for milliseconds at every barrier,
// on cores that other lanes and processes want.
constexpr char kSpinCount[] = "5000";
constexpr char kGuardVariable[] = "REPSCORE_BLAS_SELECTED";

// __builtin_cpu_supports also asks the operating system (XCR0) whether it
// saves the wide registers.
bool HasAvx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512cd") != 0;
#else
  return false;
#endif
}

bool RunsNarrowKernels(const std::string& core) {
  return core == "Zen" || core == "Haswell" || core == "Prescott" ||
         core == "Nehalem" || core == "Sandybridge" || core == "generic";
}

}  // namespace

std::string BlasCoreName() {
  return openblas_get_corename();
}

void SelectBlasKernels(char** argv) {
  if (std::getenv(kGuardVariable) != nullptr) {
    return;
  }
  bool changed = false;
  if (std::getenv(kCoreVariable) == nullptr && HasAvx512() &&
      RunsNarrowKernels(BlasCoreName())) {
    changed = ::setenv(kCoreVariable, "SkylakeX", 1) == 0;
  }
  if (std::getenv(kWaitVariable) == nullptr &&
      std::getenv(kSpinVariable) == nullptr) {
    changed = ::setenv(kSpinVariable, kSpinCount, 1) == 0 || changed;
  }
  if (changed && ::setenv(kGuardVariable, "1", 1) == 0) {
    // Returns only on failure; then the process runs on as it was loaded.
    ::execv("/proc/self/exe", argv);
  }
}

}  // namespace repscore
