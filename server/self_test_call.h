// RunSelfTest: every device computes golden values again, in short slices
// between other work.
#ifndef REPSCORE_SERVER_SELF_TEST_CALL_H_
#define REPSCORE_SERVER_SELF_TEST_CALL_H_

#include "absl/status/status.h"
#include "core/backend/backend.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "repscore/v1/admin.pb.h"
#include "server/parts.h"

namespace repscore::server {

/// Answers when all devices have; InvalidArgument for one that no lane has. A
/// device that is lost is part of the answer. Ends early when the client has
/// gone, its deadline has passed or the server drains.
grpc::ServerUnaryReactor* AnswerSelfTest(Parts& parts,
                                         grpc::CallbackServerContext* context,
                                         const v1::RunSelfTestRequest* request,
                                         v1::RunSelfTestResponse* response);

/// The whole self-test at once, for a lane that starts: DataLoss naming the
/// measure that is wrong. Logs how it went.
absl::Status ProveSound(Backend& backend);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SELF_TEST_CALL_H_
