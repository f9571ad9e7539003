// ScoringService.StreamScore: scores a candidate while it arrives. The header
// is prepared on the disk executor, chunks are accumulated on one lane.
#ifndef REPSCORE_SERVER_STREAM_SCORE_CALL_H_
#define REPSCORE_SERVER_STREAM_SCORE_CALL_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "repscore/v1/scoring.pb.h"
#include "server/parts.h"

namespace repscore::server {

/// Starts the call; the reactor owns itself.
grpc::ServerReadReactor<v1::StreamScoreRequest>* StartStreamScore(
    Parts& parts,
    grpc::CallbackServerContext* context,
    v1::StreamScoreResponse* response);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_STREAM_SCORE_CALL_H_
