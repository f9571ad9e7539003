#include <string>
#include <utility>

#include "client/cpp/candidate_chunks.h"
#include "client/cpp/client.h"
#include "client/cpp/connection.h"
#include "core/base/status_macros.h"

namespace repscore::client {
namespace {

using Analysis = v1::AnalysisService::Stub;

}  // namespace

absl::StatusOr<v1::DecodeLabelsResponse> Client::DecodeLabels(
    const v1::DecodeLabelsRequest& request) {
  v1::DecodeLabelsResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->analysis, &Analysis::DecodeLabels, request, response));
  return response;
}

absl::StatusOr<v1::ComputeBaselinesResponse> Client::ComputeBaselines(
    const v1::ComputeBaselinesRequest& request) {
  v1::ComputeBaselinesResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->analysis, &Analysis::ComputeBaselines, request, response));
  return response;
}

absl::StatusOr<v1::PerturbComponentsResponse> Client::PerturbComponents(
    const v1::PerturbComponentsRequest& request) {
  v1::PerturbComponentsResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->analysis, &Analysis::PerturbComponents, request, response));
  return response;
}

absl::StatusOr<std::vector<v1::Run>> Client::CalibrateDataset(
    std::string_view dataset, const v1::CalibrationPlan& plan) {
  v1::CalibrateDatasetRequest request;
  request.set_dataset(std::string(dataset));
  *request.mutable_plan() = plan;
  v1::CalibrateDatasetResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Call(
      connection_->analysis, &Analysis::CalibrateDataset, request, response));
  return std::vector<v1::Run>(response.runs().begin(), response.runs().end());
}

absl::StatusOr<v1::GetCalibrationResponse> Client::GetCalibration(
    std::string_view dataset, absl::Span<const v1::MeasureSpec> measures) {
  v1::GetCalibrationRequest request;
  request.set_dataset(std::string(dataset));
  request.mutable_measures()->Assign(measures.begin(), measures.end());
  v1::GetCalibrationResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->analysis, &Analysis::GetCalibration, request, response));
  return response;
}

absl::StatusOr<HostArray> Client::ReadRunArray(std::string_view name,
                                               std::string_view digest) {
  v1::ReadRunArrayRequest request;
  request.set_name(std::string(name));
  HostArray array;
  absl::Status malformed;
  REPSCORE_RETURN_IF_ERROR(CallWithRetries(
      connection_->options.retry,
      /*repeatable=*/true,
      [&](grpc::ClientContext& context) {
        array = {};
        malformed = absl::OkStatus();
        const auto reader = connection_->runs->ReadRunArray(&context, request);
        v1::ReadRunArrayResponse response;
        while (malformed.ok() && reader->Read(&response)) {
          malformed = AppendChunk(request.name(), response.chunk(), array);
        }
        if (malformed.ok()) {
          return reader->Finish();
        }
        context.TryCancel();
        reader->Finish();
        return grpc::Status::OK;
      }));
  REPSCORE_RETURN_IF_ERROR(malformed);
  REPSCORE_RETURN_IF_ERROR(CheckArrived(request.name(), digest, array));
  return array;
}

}  // namespace repscore::client
