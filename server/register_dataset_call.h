// CatalogService.RegisterDataset: takes a dataset in, all of it on the disk
// executor. The dataset is listed once its bytes are on the disk.
#ifndef REPSCORE_SERVER_REGISTER_DATASET_CALL_H_
#define REPSCORE_SERVER_REGISTER_DATASET_CALL_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "repscore/v1/catalog.pb.h"
#include "server/experiments/calibrator.h"
#include "server/parts.h"

namespace repscore::server {

/// Starts the call; the reactor owns itself.
grpc::ServerReadReactor<v1::RegisterDatasetRequest>* StartRegisterDataset(
    Parts& parts,
    Calibrator& calibrator,
    grpc::CallbackServerContext* context,
    v1::RegisterDatasetResponse* response);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_REGISTER_DATASET_CALL_H_
