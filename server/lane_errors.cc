#include "server/lane_errors.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/scheduling/lane_plan.h"

namespace repscore::server {
namespace {

// How Guarded() and NoThrow() call it, whatever the device.
constexpr char kOutOfHostMemory[] = "out of host memory";
constexpr double kMebibyte = 1024.0 * 1024.0;

double Mebibytes(int64_t bytes) {
  return static_cast<double>(bytes) / kMebibyte;
}

}  // namespace

bool IsOutOfMemory(const absl::Status& status) {
  return status.code() == absl::StatusCode::kResourceExhausted;
}

absl::Status LaneStatus(const LaneContext& lane, absl::Status status) {
  if (status.ok()) {
    return status;
  }
  const std::string device = lane.backend.name();
  if (!lane.CheckHealth().ok()) {
    return DeviceLostError(device);
  }
  if (!IsOutOfMemory(status)) {
    return status;
  }
  const MemoryBudget::Usage usage = lane.memory.usage();
  const DeviceMemory memory = lane.backend.memory();
  return OutOfMemoryError(
      status.message() == kOutOfHostMemory ? std::string(kHostDevice) : device,
      absl::StrFormat(
          "%s ran out of memory: %s; %.1f MiB of %.1f MiB are free, "
          "jobs have reserved %.1f MiB, references take %.1f MiB",
          device,
          absl::StrCat(status.message()),
          Mebibytes(memory.free_bytes),
          Mebibytes(memory.total_bytes),
          Mebibytes(usage.reserved_bytes),
          Mebibytes(usage.kept_bytes)));
}

}  // namespace repscore::server
