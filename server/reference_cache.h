// Datasets prepared on the lanes, kept in the memory budget of each lane until
// other work needs the room. Thread-safe; a lane's references are used from its
// thread only.
#ifndef REPSCORE_SERVER_REFERENCE_CACHE_H_
#define REPSCORE_SERVER_REFERENCE_CACHE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/measures/reference.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

class ReferenceCache {
 public:
  explicit ReferenceCache(int64_t bytes_per_lane)
      : bytes_per_lane_(bytes_per_lane) {}

  /// The reference of this dataset on this lane, made when there is none. Call
  /// from the lane's thread. Errors are those of Reference::Create.
  absl::StatusOr<std::shared_ptr<const Reference>> Get(
      const LaneContext& lane,
      const std::shared_ptr<const Dataset>& dataset) const;

 private:
  const int64_t bytes_per_lane_;
};

/// Key of a dataset's reference: name and content digest, since a deleted name
/// may come back with other data.
std::string ReferenceKey(const Dataset& dataset);

/// Bytes that a reference takes when it is made.
int64_t ReferenceBytes(const Dataset& dataset);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_REFERENCE_CACHE_H_
