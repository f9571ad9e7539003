#include "server/server_builder.h"

#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"

namespace repscore::server {
namespace {

constexpr int kMillisPerSecond = 1000;
constexpr int kMaxConcurrentStreams = 128;
constexpr int kMaxMetadataBytes = 16 << 10;
constexpr int kHandshakeSeconds = 10;
constexpr int kKeepaliveSeconds = 60;
constexpr int kKeepaliveTimeoutSeconds = 20;
constexpr int kMinPingSeconds = 10;
constexpr int kMaxIdleSeconds = 15 * 60;
/// gRPC may use one in this many parts of the host's memory.
constexpr size_t kMemoryShare = 4;

/// Reflection for one server: the library adds its plugin to all servers of
/// the process as it is loaded.
class ReflectionOption final : public grpc::ServerBuilderOption {
 public:
  explicit ReflectionOption(bool is_on) : is_on_(is_on) {}

  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}

  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>*
                         plugins) override {
    auto plugin =
        std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>();
    std::erase_if(*plugins, [&plugin](const auto& other) {
      return other->name() == plugin->name();
    });
    if (is_on_) {
      plugins->push_back(std::move(plugin));
    }
  }

 private:
  const bool is_on_;
};

size_t HostMemory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGE_SIZE);
  return static_cast<size_t>(pages) * static_cast<size_t>(page_bytes);
}

absl::StatusOr<std::string> ReadText(const std::string& path,
                                     const char* option) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (!file.good() && text.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": cannot read ", path));
  }
  return text;
}

}  // namespace

void Configure(const Config& config, grpc::ServerBuilder& builder) {
  grpc::EnableDefaultHealthCheckService(true);
  builder.SetOption(std::make_unique<ReflectionOption>(config.reflection));
  builder.SetMaxReceiveMessageSize(static_cast<int>(config.max_message_bytes));
  builder.SetMaxSendMessageSize(-1);
  const std::pair<const char*, int> arguments[] = {
      {GRPC_ARG_ALLOW_REUSEPORT, 0},
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams},
      {GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
       kHandshakeSeconds * kMillisPerSecond},
      {GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveSeconds * kMillisPerSecond},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
       kKeepaliveTimeoutSeconds * kMillisPerSecond},
      {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
      {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
       kMinPingSeconds * kMillisPerSecond},
      {GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleSeconds * kMillisPerSecond},
  };
  for (const auto& [name, value] : arguments) {
    builder.AddChannelArgument(name, value);
  }
  builder.SetResourceQuota(
      grpc::ResourceQuota("repscore").Resize(HostMemory() / kMemoryShare));
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const Config& config) {
  if (config.tls_cert.empty()) {
    return grpc::InsecureServerCredentials();
  }
  grpc::SslServerCredentialsOptions options;
  REPSCORE_ASSIGN_OR_RETURN(std::string certificate,
                            ReadText(config.tls_cert, "tls_cert"));
  REPSCORE_ASSIGN_OR_RETURN(std::string key,
                            ReadText(config.tls_key, "tls_key"));
  options.pem_key_cert_pairs.push_back({key, certificate});
  return grpc::SslServerCredentials(options);
}

}  // namespace repscore::server
