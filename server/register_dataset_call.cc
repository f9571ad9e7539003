#include "server/register_dataset_call.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/convert_datasets.h"
#include "server/upload_call.h"

namespace repscore::server {
namespace {

class RegisterDatasetCall final
    : public UploadCall<v1::RegisterDatasetRequest> {
 public:
  RegisterDatasetCall(Parts& parts,
                      Calibrator& calibrator,
                      const grpc::CallbackServerContext& context,
                      v1::RegisterDatasetResponse* response)
      : UploadCall(parts, context, "RegisterDataset"),
        calibrator_(calibrator),
        response_(response) {}

 protected:
  absl::Status Schedule() override {
    if (upload_ == nullptr) {
      return parts().disk.Submit([this] { WorkOn(); });
    }
    parts().disk.Post([this] { WorkOn(); });
    return absl::OkStatus();
  }

  absl::Status Open(const v1::RegisterDatasetRequest& message) override {
    const v1::RegisterDatasetHeader& header = message.header();
    REPSCORE_RETURN_IF_ERROR(CheckName(header.dataset_id(), "dataset_id"));
    REPSCORE_RETURN_IF_ERROR(CheckName(header.sha256(), "sha256"));
    REPSCORE_ASSIGN_OR_RETURN(DatasetDescription description,
                              ToDescription(header));
    REPSCORE_RETURN_IF_ERROR(CheckSize(description.spec));
    REPSCORE_RETURN_IF_ERROR(Normalize(description));
    if (header.has_calibration()) {
      REPSCORE_RETURN_IF_ERROR(CheckCalibrationPlan(
          header.calibration(), description, "calibration"));
    }
    auto upload = parts().catalog.BeginUpload(
        header.dataset_id(), description, header.sha256());
    if (upload.status().code() == absl::StatusCode::kResourceExhausted) {
      return WithReason(upload.status(), "DISK_FULL");
    }
    REPSCORE_ASSIGN_OR_RETURN(upload_, std::move(upload));
    if (header.has_calibration()) {
      has_plan_ = true;
      upload_->KeepCalibration(header.calibration().SerializeAsString());
    }
    return absl::OkStatus();
  }

  absl::Status Consume(const std::string& bytes) override {
    absl::Status status = upload_->Append(BytesOf(bytes));
    return status.code() == absl::StatusCode::kInvalidArgument
               ? WithField(std::move(status), "chunk.data")
               : status;
  }

  absl::Status Complete() override {
    auto committed = upload_->Commit();
    if (committed.status().code() == absl::StatusCode::kDataLoss) {
      return WithReason(committed.status(), "UPLOAD_CHECKSUM_MISMATCH");
    }
    REPSCORE_RETURN_IF_ERROR(committed.status());
    *response_->mutable_dataset() = ToProto(committed->record);
    response_->set_already_registered(committed->already_registered);
    if (has_plan_) {
      calibrator_.PlanKept();
    }
    return absl::OkStatus();
  }

  void Release() override { upload_.reset(); }

 private:
  void WorkOn() {
    if (Work()) {
      parts().disk.Post([this] { WorkOn(); });
    }
  }

  absl::Status CheckSize(const ArraySpec& spec) {
    REPSCORE_ASSIGN_OR_RETURN(const int64_t bytes,
                              CheckedByteSize(spec, "spec"));
    const int64_t limit = parts().config.max_dataset_bytes;
    if (bytes <= limit) {
      return absl::OkStatus();
    }
    return WithField(Error(absl::StatusCode::kResourceExhausted,
                           "DATASET_TOO_LARGE",
                           absl::StrCat("spec.shape: ",
                                        ToString(spec),
                                        " needs ",
                                        bytes,
                                        " bytes, the limit of one dataset is ",
                                        limit)),
                     "spec.shape");
  }

  Calibrator& calibrator_;
  v1::RegisterDatasetResponse* const response_;
  bool has_plan_ = false;
  std::unique_ptr<DatasetUpload> upload_;
};

}  // namespace

grpc::ServerReadReactor<v1::RegisterDatasetRequest>* StartRegisterDataset(
    Parts& parts,
    Calibrator& calibrator,
    grpc::CallbackServerContext* context,
    v1::RegisterDatasetResponse* response) {
  auto* call = new RegisterDatasetCall(parts, calibrator, *context, response);
  call->Start();
  return call;
}

}  // namespace repscore::server
