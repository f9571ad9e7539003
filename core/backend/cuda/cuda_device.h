// CUDA devices as backends. No CUDA header is seen here; a build without CUDA
// links cuda_unavailable.cc in place of the implementation.
#ifndef REPSCORE_CORE_BACKEND_CUDA_CUDA_DEVICE_H_
#define REPSCORE_CORE_BACKEND_CUDA_CUDA_DEVICE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/backend/create.h"

namespace repscore::cuda {

/// Devices this build can use; 0 without CUDA.
int DeviceCount();

/// What ListDevices() says of them; empty without CUDA.
std::vector<DeviceInfo> Devices();

/// `threads` is the CPU threads that work on the host beside it may use.
/// FailedPrecondition when there is no such device, it cannot be used, or this
/// build has no CUDA.
absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(int device,
                                                           int threads);

/// How often the host has waited for the device on behalf of this backend, and
/// how often it has launched recorded steps; 0 for other backends.
int64_t HostWaits(const Backend& backend);
int64_t GraphReplays(const Backend& backend);
/// Kernels and copies in those.
int64_t ReplayedLaunches(const Backend& backend);
/// For benchmarks: CudaBackend::SecondsOfReplays().
std::optional<double> SecondsOfReplays(Backend& backend, int64_t launches);

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_CUDA_DEVICE_H_
