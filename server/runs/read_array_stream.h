// The reactor of ReadRunArray: an array of a run in chunks, one write in
// flight. It holds one array, however slow the reader is.
#ifndef REPSCORE_SERVER_RUNS_READ_ARRAY_STREAM_H_
#define REPSCORE_SERVER_RUNS_READ_ARRAY_STREAM_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "repscore/v1/runs.pb.h"
#include "server/parts.h"
#include "server/runs/run_manager.h"

namespace repscore::server {

/// Starts the call; the reactor owns itself.
grpc::ServerWriteReactor<v1::ReadRunArrayResponse>* StartReadRunArray(
    Parts& parts,
    RunManager& runs,
    grpc::CallbackServerContext* context,
    const v1::ReadRunArrayRequest* request);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_READ_ARRAY_STREAM_H_
