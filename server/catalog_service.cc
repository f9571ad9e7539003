#include "server/catalog_service.h"

#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/convert_datasets.h"
#include "server/error.h"
#include "server/register_dataset_call.h"
#include "server/scoring.h"
#include "server/unary_call.h"

namespace repscore::server {
namespace {

absl::Status List(Catalog& catalog,
                  const v1::ListDatasetsRequest& request,
                  v1::ListDatasetsResponse* response) {
  REPSCORE_RETURN_IF_ERROR(
      CheckPage(request.page_size(), request.page_token()));
  REPSCORE_ASSIGN_OR_RETURN(
      const Page<DatasetRecord> page,
      catalog.ListDatasets(
          {.size = request.page_size(), .token = request.page_token()}));
  for (const DatasetRecord& record : page.items) {
    *response->add_datasets() = ToProto(record);
  }
  response->set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerReadReactor<v1::RegisterDatasetRequest>*
CatalogService::RegisterDataset(grpc::CallbackServerContext* context,
                                v1::RegisterDatasetResponse* response) {
  return StartRegisterDataset(parts_, calibrator_, context, response);
}

grpc::ServerUnaryReactor* CatalogService::ListDatasets(
    grpc::CallbackServerContext* context,
    const v1::ListDatasetsRequest* request,
    v1::ListDatasetsResponse* response) {
  return AnswerOnDisk(
      parts_, context, "ListDatasets", [this, request, response] {
        return List(parts_.catalog, *request, response);
      });
}

grpc::ServerUnaryReactor* CatalogService::GetDataset(
    grpc::CallbackServerContext* context,
    const v1::GetDatasetRequest* request,
    v1::GetDatasetResponse* response) {
  return AnswerOnDisk(
      parts_,
      context,
      "GetDataset",
      [this, request, response]() -> absl::Status {
        REPSCORE_RETURN_IF_ERROR(CheckName(request->name(), "name"));
        const auto record = parts_.catalog.GetDataset(request->name());
        REPSCORE_RETURN_IF_ERROR(
            DatasetStatus(record.status(), request->name(), "name"));
        *response->mutable_dataset() = ToProto(*record);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* CatalogService::DeleteDataset(
    grpc::CallbackServerContext* context,
    const v1::DeleteDatasetRequest* request,
    v1::DeleteDatasetResponse* /*response*/) {
  return AnswerOnDisk(
      parts_, context, "DeleteDataset", [this, request]() -> absl::Status {
        REPSCORE_RETURN_IF_ERROR(CheckName(request->name(), "name"));
        return DatasetStatus(parts_.catalog.DeleteDataset(request->name()),
                             request->name(),
                             "name");
      });
}

}  // namespace repscore::server
