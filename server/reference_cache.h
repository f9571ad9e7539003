// Datasets prepared on the lanes: each lane keeps the references it used last,
// up to a number of bytes.
//
// Every lane has its own shelf and touches no other, so that calls from the
// lanes' threads need no lock. Clear each shelf before its lane ends.
#ifndef REPSCORE_SERVER_REFERENCE_CACHE_H_
#define REPSCORE_SERVER_REFERENCE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/measures/reference.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

class ReferenceCache {
 public:
  ReferenceCache(int lanes, int64_t bytes_per_lane)
      : bytes_per_lane_(bytes_per_lane), shelves_(static_cast<size_t>(lanes)) {}

  /// The reference of this dataset on this lane, made when there is none. Call
  /// from the lane's thread. Errors are those of Reference::Create.
  absl::StatusOr<std::shared_ptr<const Reference>> Get(
      LaneContext& lane, const std::shared_ptr<const Dataset>& dataset);

  /// Lets go of the lane's references. Call from the lane's thread.
  void Clear(LaneContext& lane) {
    shelves_[static_cast<size_t>(lane.index)].clear();
  }

 private:
  struct Entry {
    /// Name and content digest: a deleted name may come back with other data.
    std::string key;
    std::shared_ptr<const Reference> reference;
  };
  /// Last used first.
  using Shelf = std::list<Entry>;

  void Trim(Shelf& shelf) const;

  const int64_t bytes_per_lane_;
  std::vector<Shelf> shelves_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_REFERENCE_CACHE_H_
