#include "client/cpp/connection.h"

#include <grpc/grpc.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace repscore::client {
namespace {

// Matrices of several thousand systems are the largest replies.
constexpr int kMaxReceiveBytes = 512 << 20;
constexpr int kKeepaliveMilliseconds = 60'000;
constexpr int kKeepaliveTimeoutMilliseconds = 20'000;
constexpr int kFirstReconnectMilliseconds = 100;
constexpr int kLastReconnectMilliseconds = 2'000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                   kKeepaliveTimeoutMilliseconds);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   kFirstReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   kFirstReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   kLastReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetUserAgentPrefix("repscore-cpp/" REPSCORE_VERSION);
  return arguments;
}

// gRPC 1.51 ends with its last object, and that end may wait ten seconds for a
// poller of its own. It is kept until the process ends.
void KeepGrpcAlive() {
  [[maybe_unused]] static const bool kept = (grpc_init(), true);
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(
    const ConnectOptions& options) {
  if (options.tls_root_certificates.empty()) {
    return grpc::InsecureChannelCredentials();
  }
  return grpc::SslCredentials({options.tls_root_certificates, "", ""});
}

std::shared_ptr<grpc::Channel> MakeChannel(const ConnectOptions& options) {
  KeepGrpcAlive();
  return grpc::CreateCustomChannel(
      options.address, Credentials(options), Arguments());
}

}  // namespace

Client::Connection::Connection(ConnectOptions connect_options)
    : options(std::move(connect_options)),
      channel(MakeChannel(options)),
      catalog(v1::CatalogService::NewStub(channel)),
      scoring(v1::ScoringService::NewStub(channel)),
      comparison(v1::ComparisonService::NewStub(channel)),
      analysis(v1::AnalysisService::NewStub(channel)),
      runs(v1::RunsService::NewStub(channel)),
      admin(v1::AdminService::NewStub(channel)) {}

absl::Status Client::Connection::WaitUntilConnected() {
  const absl::Time deadline = absl::Now() + options.connect_timeout;
  if (channel->WaitForConnected(absl::ToChronoTime(deadline))) {
    return absl::OkStatus();
  }
  grpc::ClientContext context;
  SetTimeout(context, absl::Milliseconds(200));
  v1::GetServerInfoResponse response;
  const grpc::Status probe = admin->GetServerInfo(&context, {}, &response);
  if (probe.ok()) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat("cannot connect to ",
                   options.address,
                   " within ",
                   absl::FormatDuration(options.connect_timeout),
                   ": ",
                   probe.error_message()));
}

}  // namespace repscore::client
