#include "core/backend/cpu/kernels.h"

namespace repscore::cpu {

const KernelTable& Kernels() {
#if defined(__x86_64__)
  static const KernelTable& table = []() -> const KernelTable& {
    if (__builtin_cpu_supports("avx512f") != 0 &&
        __builtin_cpu_supports("avx512dq") != 0 &&
        __builtin_cpu_supports("avx512bw") != 0 &&
        __builtin_cpu_supports("avx512vl") != 0) {
      return avx512::Table();
    }
    if (__builtin_cpu_supports("avx2") != 0 &&
        __builtin_cpu_supports("fma") != 0) {
      return avx2::Table();
    }
    return baseline::Table();
  }();
  return table;
#else
  return baseline::Table();
#endif
}

}  // namespace repscore::cpu
