#include "server/reference_cache.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace repscore::server {
namespace {

constexpr int64_t kDoubleBytes = 8;

}  // namespace

absl::StatusOr<std::shared_ptr<const Reference>> ReferenceCache::Get(
    const LaneContext& lane,
    const std::shared_ptr<const Dataset>& dataset) const {
  const std::string key = ReferenceKey(*dataset);
  auto reference = std::static_pointer_cast<const Reference>(
      lane.memory.Find(lane.index, key));
  if (reference == nullptr) {
    REPSCORE_ASSIGN_OR_RETURN(reference,
                              Reference::Create(lane.backend, dataset));
    lane.memory.Keep(lane.index, key, reference, reference->bytes());
    lane.memory.Trim(lane.index, bytes_per_lane_);
  } else {
    // Its constants have come meanwhile.
    lane.memory.Resize(lane.index, key, reference->bytes());
  }
  return reference;
}

std::string ReferenceKey(const Dataset& dataset) {
  return absl::StrCat(dataset.name, " ", dataset.digest);
}

int64_t ReferenceBytes(const Dataset& dataset) {
  // The rows, and what stands in for them or their transposed upload.
  return 2 * kDoubleBytes * dataset.rows() * dataset.features();
}

}  // namespace repscore::server
