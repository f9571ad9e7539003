// Linked into a repscored whose GPU can be made to fail: the next product after
// a word has been written to the file that REPSCORE_DEVICE_FAULT names does
// what the word says, once.
//   allocation  it finds no memory
//   nan         its result is NaN
//   address     it reads memory that is not there, which ends the device for
//               this process; on an emulated device, whose memory is the
//               host's, its work fails as if it did
#include <cuda_runtime.h>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>

#include "core/backend/cuda/libraries.h"
#ifdef REPSCORE_EMULATED_DEVICE
#include "tests/support/cuda_emulation/emulation.h"
#endif

namespace repscore::cuda {
namespace {

decltype(Libraries::dgemm) real_product = nullptr;

std::string TakeFault() {
  const char* const path = std::getenv("REPSCORE_DEVICE_FAULT");
  std::string fault;
  if (path != nullptr && std::ifstream(path) >> fault) {
    std::ofstream(path, std::ios::trunc);
  }
  return fault;
}

// As cublasDgemm.
// NOLINTNEXTLINE(readability-function-size)
cublasStatus_t FaultyProduct(cublasHandle_t handle,
                             cublasOperation_t a_op,
                             cublasOperation_t b_op,
                             int m,
                             int n,
                             int k,
                             const double* alpha,
                             const double* a,
                             int a_stride,
                             const double* b,
                             int b_stride,
                             const double* beta,
                             double* c,
                             int c_stride) {
  const std::string fault = TakeFault();
  if (fault == "allocation") {
    return CUBLAS_STATUS_ALLOC_FAILED;
  }
  if (fault == "address") {
#ifdef REPSCORE_EMULATED_DEVICE
    cuda_emulation::FailNextWork(cudaErrorIllegalAddress);
#else
    // Mapped nowhere.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    a = reinterpret_cast<const double*>(uintptr_t{1} << 12U);
#endif
  }
  const double* scale = alpha;
  if (fault == "nan") {
    // The device reads it where the host has it.
    static double* const nan = [] {
      double* made = nullptr;
      cudaMallocHost(reinterpret_cast<void**>(&made), sizeof(double));
      *made = std::numeric_limits<double>::quiet_NaN();
      return made;
    }();
    scale = nan;
  }
  return real_product(handle,
                      a_op,
                      b_op,
                      m,
                      n,
                      k,
                      scale,
                      a,
                      a_stride,
                      b,
                      b_stride,
                      beta,
                      c,
                      c_stride);
}

/// Before main(): nothing has used the library yet.
[[maybe_unused]] const bool installed = [] {
  const absl::StatusOr<const Libraries*> loaded = LoadLibraries();
  if (loaded.ok()) {
    auto& libraries = const_cast<Libraries&>(**loaded);
    real_product = libraries.dgemm;
    libraries.dgemm = FaultyProduct;
  }
  return loaded.ok();
}();

}  // namespace
}  // namespace repscore::cuda
