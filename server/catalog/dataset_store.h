// Datasets of a catalog: the part of Catalog that concerns them. Thread-safe.
#ifndef REPSCORE_SERVER_CATALOG_DATASET_STORE_H_
#define REPSCORE_SERVER_CATALOG_DATASET_STORE_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/catalog/catalog.h"
#include "server/catalog/dataset_cache.h"
#include "server/catalog/storage.h"

namespace repscore::server {

class DatasetStore {
 public:
  /// `storage` must outlive it.
  DatasetStore(Storage& storage, int64_t cache_bytes)
      : storage_(storage), cache_(cache_bytes) {}

  /// As Catalog's functions.
  absl::StatusOr<std::unique_ptr<DatasetUpload>> BeginUpload(
      const std::string& dataset_id,
      const DatasetDescription& description,
      const std::string& sha256);
  absl::StatusOr<DatasetRecord> Get(std::string_view name);
  absl::StatusOr<Page<DatasetRecord>> List(const PageRequest& page);
  absl::Status Delete(std::string_view name);
  absl::StatusOr<std::shared_ptr<const Dataset>> Load(std::string_view name);

  /// Lists `draft`, which has no version yet, with the synced bytes of `blob`,
  /// or finds the version with the same content. Keeps a calibration `plan`
  /// that is not empty for it.
  absl::StatusOr<DatasetUpload::Committed> Register(const DatasetRecord& draft,
                                                    const std::string& plan,
                                                    BlobWriter& blob);

 private:
  absl::StatusOr<std::shared_ptr<const Dataset>> LoadFromDisk(
      const DatasetRecord& record);

  Storage& storage_;
  DatasetCache cache_;
  std::mutex load_mutex_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_DATASET_STORE_H_
