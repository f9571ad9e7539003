// The one mapping from absl::Status to what goes over the wire:
// google.rpc.Status with ErrorInfo always, and BadRequest, ResourceInfo and
// RetryInfo where they apply. Pure functions: safe from any thread.
#ifndef REPSCORE_SERVER_STATUS_H_
#define REPSCORE_SERVER_STATUS_H_

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace repscore::server {

/// Messages are cut to about 1 KiB: they travel in HTTP/2 headers.
google::rpc::Status ToRpcStatus(const absl::Status& status);

/// google.rpc.Status in grpc-status-details-bin.
grpc::Status ToGrpcStatus(const absl::Status& status);
grpc::Status ToGrpcStatus(const google::rpc::Status& status);

/// The inverse of ToRpcStatus: code, message and the details this server knows.
absl::Status FromRpcStatus(const google::rpc::Status& status);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_STATUS_H_
