// Statuses of the wire as absl::Status. Private to the client library.
//
// The google.rpc.Status of an error travels as a payload, from which
// ErrorDetailsOf reads.
#ifndef REPSCORE_CLIENT_CPP_GRPC_STATUS_H_
#define REPSCORE_CLIENT_CPP_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace repscore::client {

inline constexpr char kStatusDetailsUrl[] =
    "type.googleapis.com/google.rpc.Status";

/// Same code, same message.
absl::Status ToAbslStatus(const grpc::Status& status);

/// The error stored in a failed run.
absl::Status ToAbslStatus(const google::rpc::Status& status);

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_GRPC_STATUS_H_
