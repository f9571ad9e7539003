// A CUDA device that is none: streams, events, pools and graphs on the host.
//
// Work does not run when it is enqueued. It runs when somebody waits for it,
// and of every other stream only what it must: the latest that a device may
// run it. Memory that was freed, or never written, reads as NaN. So an order
// that the host code forgot to ask for shows as a wrong result.
//
// One device for the process; thread-safe.
#ifndef REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATION_H_
#define REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATION_H_

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>

namespace repscore::cuda_emulation {

/// What a test may turn; see Reset() for where they stand.
struct Settings {
  int devices = 1;
  int compute_major = 9;
  size_t memory_bytes = size_t{2} << 30;
  /// float32 to float64 rate.
  int float64_ratio = 2;
  bool captures_fail = false;
};

Settings& TheSettings();

/// Default settings, no errors. Everything made before must be gone.
void Reset();

/// The next `count` allocations of device memory fail.
void FailAllocations(int count);

/// The next work that runs fails with `error`, and all calls after it.
void FailNextWork(cudaError_t error);

/// The next `count` products that run are NaN.
void SpoilProducts(int count);

/// Whether the product that is running now is to be NaN.
bool TakeSpoiledProduct();

struct Counts {
  int64_t host_waits = 0;
  int64_t live_bytes = 0;  ///< allocated from pools and not freed
  int64_t captures = 0;
};
Counts TheCounts();

/// Appends work to a stream, or to the graph that it is being recorded to.
cudaError_t Enqueue(cudaStream_t stream, std::function<void()> work);

}  // namespace repscore::cuda_emulation

#endif  // REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATION_H_
