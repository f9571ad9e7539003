// Recently loaded datasets, least recently used out first. Thread-safe.
#ifndef REPSCORE_SERVER_CATALOG_DATASET_CACHE_H_
#define REPSCORE_SERVER_CATALOG_DATASET_CACHE_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/data/dataset.h"

namespace repscore::server {

class DatasetCache {
 public:
  /// Keeps at most `capacity_bytes` of elements alive by itself. A dataset that
  /// somebody else holds is found beyond that.
  explicit DatasetCache(int64_t capacity_bytes)
      : capacity_bytes_(capacity_bytes) {}

  /// Null when it is not in memory.
  std::shared_ptr<const Dataset> Find(const std::string& name);

  void Insert(std::shared_ptr<const Dataset> dataset);

  void Erase(const std::string& name);

 private:
  using Kept = std::list<std::shared_ptr<const Dataset>>;

  struct Entry {
    std::weak_ptr<const Dataset> dataset;
    /// kept_.end() when the cache does not keep it alive.
    Kept::iterator kept;
  };

  void Keep(Entry& entry, std::shared_ptr<const Dataset> dataset);
  void Drop(Entry& entry);
  void ForgetExpired();

  const int64_t capacity_bytes_;
  std::mutex mutex_;
  int64_t kept_bytes_ = 0;
  /// Most recently used first.
  Kept kept_;
  std::map<std::string, Entry> entries_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_DATASET_CACHE_H_
