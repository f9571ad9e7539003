// CatalogService: registered datasets.
#ifndef REPSCORE_SERVER_CATALOG_SERVICE_H_
#define REPSCORE_SERVER_CATALOG_SERVICE_H_

#include "repscore/v1/catalog.grpc.pb.h"
#include "server/experiments/calibrator.h"
#include "server/parts.h"

namespace repscore::server {

class CatalogService final : public v1::CatalogService::CallbackService {
 public:
  CatalogService(Parts& parts, Calibrator& calibrator)
      : parts_(parts), calibrator_(calibrator) {}

  grpc::ServerReadReactor<v1::RegisterDatasetRequest>* RegisterDataset(
      grpc::CallbackServerContext* context,
      v1::RegisterDatasetResponse* response) override;

  grpc::ServerUnaryReactor* ListDatasets(
      grpc::CallbackServerContext* context,
      const v1::ListDatasetsRequest* request,
      v1::ListDatasetsResponse* response) override;

  grpc::ServerUnaryReactor* GetDataset(
      grpc::CallbackServerContext* context,
      const v1::GetDatasetRequest* request,
      v1::GetDatasetResponse* response) override;

  grpc::ServerUnaryReactor* DeleteDataset(
      grpc::CallbackServerContext* context,
      const v1::DeleteDatasetRequest* request,
      v1::DeleteDatasetResponse* response) override;

 private:
  Parts& parts_;
  Calibrator& calibrator_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_SERVICE_H_
