#include "server/scheduling/lane_set.h"

#include <algorithm>
#include <utility>

#include "server/scheduling/lane_plan.h"

namespace repscore::server {
namespace {

// Host memory left to the process beside the lanes: gRPC, datasets, uploads.
constexpr int64_t kHostShare = 4;
// Device memory left to libraries.
constexpr int64_t kDeviceShare = 10;

int64_t HostBytes(const SchedulerOptions& options, const DeviceMemory& memory) {
  return options.host_memory_bytes > 0
             ? options.host_memory_bytes
             : memory.total_bytes - memory.total_bytes / kHostShare;
}

int64_t DeviceBytes(const SchedulerOptions& options,
                    const DeviceMemory& memory) {
  return options.device_memory_bytes > 0
             ? options.device_memory_bytes
             : memory.free_bytes - memory.free_bytes / kDeviceShare;
}

}  // namespace

LaneSet::LaneSet(const SchedulerOptions& options,
                 const std::vector<Device>& devices) {
  std::shared_ptr<MemoryBudget> host;
  for (const Device& device : devices) {
    LaneState state{.device = device.name};
    if (device.name == kHostDevice) {
      if (host == nullptr) {
        host =
            std::make_shared<MemoryBudget>(HostBytes(options, device.memory));
      }
      state.memory = host;
      state.max_work_bytes = options.max_host_work_bytes;
    } else {
      state.memory =
          std::make_shared<MemoryBudget>(DeviceBytes(options, device.memory));
    }
    state.max_work_bytes =
        std::min(state.max_work_bytes, state.memory->capacity());
    states_.push_back(std::move(state));
  }
}

void LaneSet::Lose(int lane, const absl::Status& status, JobQueue& queue) {
  states_[static_cast<size_t>(lane)].lost = status;
  queue.ForEach([&](JobQueue::Entry& entry) {
    if (!entry.MayRunOn(lane) || entry.is_bound) {
      return;
    }
    auto lanes = PlaceJob(entry.needs, states_);
    entry.lanes = lanes.ok() ? *std::move(lanes) : std::vector<int>{lane};
    entry.is_blocked = false;
  });
}

bool LaneSet::MayRun(JobQueue::Entry& entry,
                     int lane,
                     const JobQueue::Entry* elder,
                     MemoryBudget::Items& let_go) const {
  const MemoryBudget::Claim& claim = entry.needs.memory;
  const bool takes_nothing = claim.work_bytes == 0 && claim.kept_key.empty();
  if (entry.is_started || takes_nothing || entry.job->IsCancelled()) {
    entry.is_started = true;
    return true;
  }
  const auto& memory = (*this)[lane].memory;
  const bool gives_way =
      elder != nullptr && elder != &entry &&
      std::any_of(elder->lanes.begin(), elder->lanes.end(), [&](int other) {
        return (*this)[other].memory == memory;
      });
  if (gives_way) {
    return false;
  }
  auto reservation = memory->TryReserve(lane, claim, let_go);
  entry.is_blocked = !reservation.has_value();
  if (entry.is_blocked) {
    return false;
  }
  entry.is_started = true;
  entry.memory = *std::move(reservation);
  entry.job->TakeMemory(entry.memory);
  return true;
}

}  // namespace repscore::server
