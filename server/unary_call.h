// Unary calls whose answer needs no lane. A handler is one line:
//
//   return AnswerOnDisk(parts, context, "GetDataset", [=] { ...; });
#ifndef REPSCORE_SERVER_UNARY_CALL_H_
#define REPSCORE_SERVER_UNARY_CALL_H_

#include <functional>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/parts.h"

namespace repscore::server {

/// Fills in the response. Request and response stay valid while it runs.
using Answer = std::function<absl::Status()>;

/// Answers on the disk executor; refused when it is full or the server drains.
grpc::ServerUnaryReactor* AnswerOnDisk(Parts& parts,
                                       grpc::CallbackServerContext* context,
                                       const char* method,
                                       Answer answer);

/// Answers at once on the reaction thread, also while the server drains: for
/// what neither computes nor touches the disk.
grpc::ServerUnaryReactor* AnswerNow(Parts& parts,
                                    grpc::CallbackServerContext* context,
                                    const char* method,
                                    const Answer& answer);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_UNARY_CALL_H_
