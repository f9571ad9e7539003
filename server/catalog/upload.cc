#include "server/catalog/upload.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/catalog/dataset_store.h"

namespace repscore::server {

StoredUpload::StoredUpload(DatasetStore& store,
                           DatasetRecord draft,
                           int64_t expected_bytes,
                           std::unique_ptr<BlobWriter> blob)
    : store_(store),
      draft_(std::move(draft)),
      expected_bytes_(expected_bytes),
      blob_(std::move(blob)),
      scanner_(draft_.description.spec.type) {}

absl::Status StoredUpload::Append(absl::Span<const std::byte> bytes) {
  REPSCORE_RETURN_IF_ERROR(failure_);
  if (static_cast<int64_t>(bytes.size()) > expected_bytes_ - blob_->size()) {
    failure_ = absl::InvalidArgumentError(
        absl::StrCat("data: ",
                     ToString(draft_.description.spec),
                     " takes ",
                     expected_bytes_,
                     " bytes, got at least ",
                     blob_->size() + static_cast<int64_t>(bytes.size())));
    return failure_;
  }
  failure_ = blob_->Append(bytes);
  scanner_.Scan(bytes);
  return failure_;
}

absl::Status StoredUpload::CheckContent() {
  if (blob_->size() != expected_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("data: ",
                     ToString(draft_.description.spec),
                     " takes ",
                     expected_bytes_,
                     " bytes, got ",
                     blob_->size()));
  }
  if (blob_->Digest() != draft_.data_sha256) {
    return absl::DataLossError(
        absl::StrCat("data: the SHA-256 of what arrived is ",
                     blob_->Digest(),
                     ", the request says ",
                     draft_.data_sha256));
  }
  if (const int64_t index = scanner_.first(); index >= 0) {
    const int64_t features = FeatureCount(draft_.description.spec);
    return absl::InvalidArgumentError(
        absl::StrCat("data: NaN or infinity at row ",
                     index / features,
                     ", column ",
                     index % features));
  }
  return absl::OkStatus();
}

absl::StatusOr<DatasetUpload::Committed> StoredUpload::Commit() {
  REPSCORE_RETURN_IF_ERROR(failure_);
  failure_ = absl::FailedPreconditionError("the upload has ended");
  REPSCORE_RETURN_IF_ERROR(CheckContent());
  REPSCORE_RETURN_IF_ERROR(blob_->Sync());
  return store_.Register(draft_, calibration_plan_, *blob_);
}

}  // namespace repscore::server
