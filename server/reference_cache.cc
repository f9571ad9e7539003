#include "server/reference_cache.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace repscore::server {

absl::StatusOr<std::shared_ptr<const Reference>> ReferenceCache::Get(
    LaneContext& lane, const std::shared_ptr<const Dataset>& dataset) {
  Shelf& shelf = shelves_[static_cast<size_t>(lane.index)];
  std::string key = absl::StrCat(dataset->name, " ", dataset->digest);
  const auto found =
      std::find_if(shelf.begin(), shelf.end(), [&key](const Entry& entry) {
        return entry.key == key;
      });
  if (found != shelf.end()) {
    shelf.splice(shelf.begin(), shelf, found);
    return shelf.front().reference;
  }
  REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<const Reference> reference,
                            Reference::Create(lane.backend, dataset));
  shelf.push_front({.key = std::move(key), .reference = reference});
  Trim(shelf);
  return reference;
}

void ReferenceCache::Trim(Shelf& shelf) const {
  int64_t bytes = 0;
  for (auto entry = shelf.begin(); entry != shelf.end();) {
    bytes += entry->reference->bytes();
    const bool keep = entry == shelf.begin() || bytes <= bytes_per_lane_;
    entry = keep ? std::next(entry) : shelf.erase(entry);
  }
}

}  // namespace repscore::server
