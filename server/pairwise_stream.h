// The reactor of ComparePairwise: prepared on the disk executor, computed on a
// lane as a batch job, progress written while it works.
#ifndef REPSCORE_SERVER_PAIRWISE_STREAM_H_
#define REPSCORE_SERVER_PAIRWISE_STREAM_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "repscore/v1/comparison.pb.h"
#include "server/parts.h"

namespace repscore::server {

grpc::ServerWriteReactor<v1::ComparePairwiseResponse>* StartPairwise(
    Parts& parts,
    grpc::CallbackServerContext* context,
    const v1::ComparePairwiseRequest* request);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_PAIRWISE_STREAM_H_
