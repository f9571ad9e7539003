// gRPC's settings of this server: limits, keepalive, credentials, reflection.
#ifndef REPSCORE_SERVER_SERVER_BUILDER_H_
#define REPSCORE_SERVER_SERVER_BUILDER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "server/config.h"

namespace repscore::server {

/// Sets message, metadata, stream, memory and keepalive limits, health checks
/// and (if configured) reflection.
void Configure(const Config& config, grpc::ServerBuilder& builder);

/// TLS when certificate and key are configured, else none. InvalidArgument
/// when a file cannot be read.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const Config& config);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SERVER_BUILDER_H_
