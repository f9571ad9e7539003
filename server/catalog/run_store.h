// Runs of a catalog: the part of Catalog that concerns them. Thread-safe.
#ifndef REPSCORE_SERVER_CATALOG_RUN_STORE_H_
#define REPSCORE_SERVER_CATALOG_RUN_STORE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/catalog/catalog.h"
#include "server/catalog/storage.h"

namespace repscore::server {

class RunStore {
 public:
  /// `storage` must outlive it.
  explicit RunStore(Storage& storage) : storage_(storage) {}

  /// As Catalog's functions.
  absl::Status Create(const RunRecord& run);
  absl::Status Record(const RunRecord& run,
                      absl::Span<const RunEventRecord> events,
                      std::string_view checkpoint);
  absl::StatusOr<RunRecord> Get(std::string_view run_id);
  absl::StatusOr<Page<RunRecord>> List(const PageRequest& page);
  absl::StatusOr<std::vector<RunEventRecord>> ReadEvents(
      std::string_view run_id, int64_t after_sequence, int64_t limit);
  absl::StatusOr<std::string> ReadCheckpoint(std::string_view run_id);
  absl::Status PutArrays(std::string_view run_id,
                         absl::Span<const RunArrayRecord> arrays);
  absl::StatusOr<RunArrayRecord> ReadArray(std::string_view run_id,
                                           std::string_view array_name);
  absl::StatusOr<std::vector<RunRecord>> Unfinished();
  absl::StatusOr<std::vector<RunRecord>> Succeeded(
      std::string_view dataset_digest, int64_t max_request_bytes);
  absl::StatusOr<RunRecord> FindCalibration(std::string_view dataset_digest,
                                            std::string_view calibration_key);

 private:
  absl::StatusOr<std::unique_ptr<BlobWriter>> WriteBlob(
      std::string_view purpose, absl::Span<const std::byte> bytes);

  Storage& storage_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_RUN_STORE_H_
