// ScoringService.Score: one inline candidate, one slice on a lane.
#ifndef REPSCORE_SERVER_SCORE_CALL_H_
#define REPSCORE_SERVER_SCORE_CALL_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "repscore/v1/scoring.pb.h"
#include "server/parts.h"

namespace repscore::server {

/// Starts the call; the reactor owns itself.
grpc::ServerUnaryReactor* StartScore(Parts& parts,
                                     grpc::CallbackServerContext* context,
                                     const v1::ScoreRequest* request,
                                     v1::ScoreResponse* response);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCORE_CALL_H_
