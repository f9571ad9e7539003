// A dataset whose bytes are still coming.
#ifndef REPSCORE_SERVER_CATALOG_UPLOAD_H_
#define REPSCORE_SERVER_CATALOG_UPLOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/data/non_finite_scanner.h"
#include "server/catalog/blob_store.h"
#include "server/catalog/catalog.h"

namespace repscore::server {

class DatasetStore;

class StoredUpload final : public DatasetUpload {
 public:
  /// `draft` has everything but a version; `store` must outlive the upload.
  StoredUpload(DatasetStore& store,
               DatasetRecord draft,
               int64_t expected_bytes,
               std::unique_ptr<BlobWriter> blob);

  absl::Status Append(absl::Span<const std::byte> bytes) override;
  void KeepCalibration(std::string plan) override {
    calibration_plan_ = std::move(plan);
  }
  absl::StatusOr<Committed> Commit() override;

 private:
  absl::Status CheckContent();

  DatasetStore& store_;
  DatasetRecord draft_;
  std::string calibration_plan_;
  int64_t expected_bytes_;
  std::unique_ptr<BlobWriter> blob_;
  NonFiniteScanner scanner_;
  /// What every later call answers.
  absl::Status failure_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_UPLOAD_H_
