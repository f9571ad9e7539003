#include "client/cli/session.h"

#include <utility>

#include "client/cli/arguments.h"
#include "core/base/status_macros.h"

namespace repscore::cli {

void Session::AddFlags(CLI::App& app) {
  app.add_option("--server",
                 flags_.server,
                 "Address of the server: host:port or unix:/path")
      ->envname("REPSCORE_SERVER")
      ->capture_default_str();
  app.add_option("--tls-roots",
                 flags_.tls_roots_file,
                 "Connect with TLS, trusting the certificates in this PEM file")
      ->envname("REPSCORE_TLS_ROOTS");
  app.add_option("--connect-timeout",
                 flags_.connect_timeout_seconds,
                 "Seconds to wait for a connection")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", flags_.json, "Write JSON instead of tables");
}

absl::StatusOr<client::Client*> Session::Connect() {
  if (client_ == nullptr) {
    client::ConnectOptions options;
    options.address = flags_.server;
    options.connect_timeout = absl::Seconds(flags_.connect_timeout_seconds);
    if (!flags_.tls_roots_file.empty()) {
      REPSCORE_ASSIGN_OR_RETURN(options.tls_root_certificates,
                                ReadTextFile(flags_.tls_roots_file));
    }
    REPSCORE_ASSIGN_OR_RETURN(client_,
                              client::Client::Connect(std::move(options)));
  }
  return client_.get();
}

}  // namespace repscore::cli
