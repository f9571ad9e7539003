// CUDA devices as backends. No CUDA header is seen here; a build without CUDA
// links cuda_unavailable.cc in place of the implementation.
#ifndef REPSCORE_CORE_BACKEND_CUDA_CUDA_DEVICE_H_
#define REPSCORE_CORE_BACKEND_CUDA_CUDA_DEVICE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/backend/create.h"

namespace repscore::cuda {

/// Devices this build can use; 0 without CUDA.
int DeviceCount();

/// What ListDevices() says of them; empty without CUDA.
std::vector<DeviceInfo> Devices();

/// FailedPrecondition when there is no such device or no CUDA in this build.
absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(int device);

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_CUDA_DEVICE_H_
