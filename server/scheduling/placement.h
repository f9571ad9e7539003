// Which lanes may run a job. Plain values; the scheduler's mutex guards them.
#ifndef REPSCORE_SERVER_SCHEDULING_PLACEMENT_H_
#define REPSCORE_SERVER_SCHEDULING_PLACEMENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/scheduling/memory_budget.h"

namespace repscore::server {

/// What a job takes and where it may run.
struct JobNeeds {
  /// "cuda:0"; empty or "auto" for any.
  std::string device = {};
  MemoryBudget::Claim memory = MemoryBudget::Claim();
  /// What takes the memory, for messages: "the run".
  std::string what = "the job";
  /// Its slices may last: it calls LaneContext::Yield in between.
  bool is_long = false;
};

/// One lane as placement sees it.
struct LaneState {
  std::string device = {};
  /// Shared by the lanes of the host.
  std::shared_ptr<MemoryBudget> memory = {};
  /// Work of one job, at most: an operator's limit on the host.
  int64_t max_work_bytes = INT64_MAX;
  /// Not OK once the device has failed for good.
  absl::Status lost = {};
};

/// Lanes for these needs: of a GPU where one fits, else of the host.
/// InvalidArgument naming `device` for a device there is not,
/// FailedPrecondition DEVICE_LOST for one that has failed (Unavailable when no
/// device is left for a job that takes any), ResourceExhausted DEVICE_MEMORY or
/// HOST_MEMORY with the numbers when the memory can never be had; names the
/// host where that would do.
absl::StatusOr<std::vector<int>> PlaceJob(const JobNeeds& needs,
                                          const std::vector<LaneState>& lanes);

/// Whether it is PlaceJob's error of a device that has failed.
bool IsDeviceRefused(const absl::Status& status);

/// Unavailable DEVICE_LOST for work that was on the device.
absl::Status DeviceLostError(const std::string& device);

/// "cpu, cuda:1": names of the lanes that are not lost, each once.
std::vector<std::string> DevicesLeft(const std::vector<LaneState>& lanes);

/// ResourceExhausted for a device that ran out while it worked: DEVICE_MEMORY,
/// HOST_MEMORY on the host.
absl::Status OutOfMemoryError(const std::string& device,
                              const std::string& message);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_PLACEMENT_H_
