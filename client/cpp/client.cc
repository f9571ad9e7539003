#include "client/cpp/client.h"

#include <algorithm>
#include <utility>

#include "client/cpp/connection.h"
#include "core/base/status_macros.h"

namespace repscore::client {
namespace {

constexpr int32_t kPageSize = 200;

using Catalog = v1::CatalogService::Stub;
using Scoring = v1::ScoringService::Stub;
using Runs = v1::RunsService::Stub;
using Admin = v1::AdminService::Stub;

// Follows pages until the last one, or until there are `limit` items. `fetch`
// fills a response for a request, `items_of` names the response's items.
template <typename Request, typename Response, typename Item, typename Fetch>
absl::StatusOr<std::vector<Item>> AllPages(
    int64_t limit,
    google::protobuf::RepeatedPtrField<Item>* (Response::*items_of)(),
    Fetch fetch) {
  std::vector<Item> items;
  Request request;
  while (true) {
    const int64_t missing =
        limit > 0 ? limit - static_cast<int64_t>(items.size()) : kPageSize;
    request.set_page_size(
        static_cast<int32_t>(std::min<int64_t>(missing, kPageSize)));
    Response response;
    REPSCORE_RETURN_IF_ERROR(fetch(request, response));
    for (Item& item : *(response.*items_of)()) {
      items.push_back(std::move(item));
    }
    const bool enough =
        limit > 0 && static_cast<int64_t>(items.size()) >= limit;
    if (response.next_page_token().empty() || enough) {
      return items;
    }
    request.set_page_token(response.next_page_token());
  }
}

}  // namespace

Client::Client(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}

Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(
    ConnectOptions options) {
  auto connection = std::make_unique<Connection>(std::move(options));
  REPSCORE_RETURN_IF_ERROR(connection->WaitUntilConnected());
  return std::unique_ptr<Client>(new Client(std::move(connection)));
}

absl::StatusOr<std::vector<v1::Dataset>> Client::ListDatasets(int64_t limit) {
  return AllPages<v1::ListDatasetsRequest>(
      limit,
      &v1::ListDatasetsResponse::mutable_datasets,
      [this](const auto& request, auto& response) {
        return connection_->Call(
            connection_->catalog, &Catalog::ListDatasets, request, response);
      });
}

absl::StatusOr<v1::Dataset> Client::GetDataset(std::string_view name) {
  v1::GetDatasetRequest request;
  request.set_name(std::string(name));
  v1::GetDatasetResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Call(
      connection_->catalog, &Catalog::GetDataset, request, response));
  return std::move(*response.mutable_dataset());
}

absl::Status Client::DeleteDataset(std::string_view name) {
  v1::DeleteDatasetRequest request;
  request.set_name(std::string(name));
  v1::DeleteDatasetResponse response;
  return connection_->Call(connection_->catalog,
                           &Catalog::DeleteDataset,
                           request,
                           response,
                           /*repeatable=*/false);
}

absl::StatusOr<std::vector<v1::MeasureDescription>> Client::ListMeasures() {
  v1::ListMeasuresResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Call(connection_->scoring,
                                             &Scoring::ListMeasures,
                                             v1::ListMeasuresRequest(),
                                             response));
  return std::vector<v1::MeasureDescription>(response.measures().begin(),
                                             response.measures().end());
}

absl::StatusOr<v1::MeasureDescription> Client::DescribeMeasure(
    const v1::MeasureSpec& measure) {
  v1::DescribeMeasureRequest request;
  *request.mutable_measure() = measure;
  v1::DescribeMeasureResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Call(
      connection_->scoring, &Scoring::DescribeMeasure, request, response));
  return std::move(*response.mutable_measure());
}

absl::StatusOr<v1::EstimateScoreResponse> Client::EstimateScore(
    std::string_view dataset,
    const v1::TensorSpec& candidate,
    absl::Span<const v1::MeasureSpec> measures,
    const v1::ContextOptions& context,
    std::string_view device) {
  v1::EstimateScoreRequest request;
  request.set_dataset(std::string(dataset));
  *request.mutable_candidate() = candidate;
  request.mutable_measures()->Assign(measures.begin(), measures.end());
  *request.mutable_context() = context;
  request.set_device(std::string(device));
  v1::EstimateScoreResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->scoring, &Scoring::EstimateScore, request, response));
  return response;
}

absl::StatusOr<v1::Run> Client::GetRun(std::string_view name) {
  v1::GetRunRequest request;
  request.set_name(std::string(name));
  v1::GetRunResponse response;
  REPSCORE_RETURN_IF_ERROR(
      connection_->Call(connection_->runs, &Runs::GetRun, request, response));
  return std::move(*response.mutable_run());
}

absl::StatusOr<std::vector<v1::Run>> Client::ListRuns(int64_t limit) {
  return AllPages<v1::ListRunsRequest>(
      limit,
      &v1::ListRunsResponse::mutable_runs,
      [this](const auto& request, auto& response) {
        return connection_->Call(
            connection_->runs, &Runs::ListRuns, request, response);
      });
}

absl::StatusOr<v1::Run> Client::CancelRun(std::string_view name) {
  v1::CancelRunRequest request;
  request.set_name(std::string(name));
  v1::CancelRunResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Call(
      connection_->runs, &Runs::CancelRun, request, response));
  return std::move(*response.mutable_run());
}

absl::StatusOr<v1::GetServerInfoResponse> Client::GetServerInfo() {
  v1::GetServerInfoResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Call(connection_->admin,
                                             &Admin::GetServerInfo,
                                             v1::GetServerInfoRequest(),
                                             response));
  return response;
}

absl::StatusOr<v1::RunSelfTestResponse> Client::RunSelfTest(
    const std::vector<std::string>& devices) {
  v1::RunSelfTestRequest request;
  request.mutable_devices()->Assign(devices.begin(), devices.end());
  v1::RunSelfTestResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->admin, &Admin::RunSelfTest, request, response));
  return response;
}

}  // namespace repscore::client
