// What all subcommands share: global flags, the connection, the chosen command.
#ifndef REPSCORE_CLIENT_CLI_SESSION_H_
#define REPSCORE_CLIENT_CLI_SESSION_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/interrupt.h"
#include "client/cpp/client.h"

namespace repscore::cli {

struct GlobalFlags {
  std::string server = "localhost:50051";
  std::string tls_roots_file;
  double connect_timeout_seconds = 5.0;
  bool json = false;
};

/// Not thread-safe. `interrupt` must outlive it.
class Session {
 public:
  explicit Session(Interrupt& interrupt) : interrupt_(interrupt) {}

  void AddFlags(CLI::App& app);

  /// The connection, made at the first call; it belongs to the session.
  absl::StatusOr<client::Client*> Connect();

  bool json() const { return flags_.json; }
  Interrupt& interrupt() { return interrupt_; }

  /// What the parsed subcommand does; set by its CLI11 callback.
  std::function<absl::Status()> command;

 private:
  Interrupt& interrupt_;
  GlobalFlags flags_;
  std::unique_ptr<client::Client> client_;
};

void AddDatasetsCommand(CLI::App& app, Session& session);
void AddMeasuresCommand(CLI::App& app, Session& session);
void AddScoreCommand(CLI::App& app, Session& session);
void AddCompareCommand(CLI::App& app, Session& session);
void AddPairwiseCommand(CLI::App& app, Session& session);
void AddEmbedCommand(CLI::App& app, Session& session);
void AddMeanCommand(CLI::App& app, Session& session);
void AddAggregateCommand(CLI::App& app, Session& session);
void AddEstimateCommand(CLI::App& app, Session& session);
void AddOptimizeCommand(CLI::App& app, Session& session);
void AddJointOptimizeCommand(CLI::App& app, Session& session);
void AddRunsCommand(CLI::App& app, Session& session);
void AddDecodeCommand(CLI::App& app, Session& session);
void AddBaselinesCommand(CLI::App& app, Session& session);
void AddPerturbCommand(CLI::App& app, Session& session);
void AddCalibrateCommand(CLI::App& app, Session& session);
void AddCalibrationCommand(CLI::App& app, Session& session);
void AddInfoCommand(CLI::App& app, Session& session);
void AddSelfTestCommand(CLI::App& app, Session& session);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_SESSION_H_
