// The `repscore` command: a client of repscore servers for the shell.

#include <CLI/CLI.hpp>
#include <iostream>

#include "client/cli/failure.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"

namespace repscore::cli {
namespace {

int Main(int argc, char** argv) {
  Interrupt interrupt;
  Session session(interrupt);
  CLI::App app("Scores how similar neural representations are.", "repscore");
  app.set_version_flag("--version", REPSCORE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  session.AddFlags(app);
  AddDatasetsCommand(app, session);
  AddMeasuresCommand(app, session);
  AddScoreCommand(app, session);
  AddEstimateCommand(app, session);
  AddCompareCommand(app, session);
  AddPairwiseCommand(app, session);
  AddEmbedCommand(app, session);
  AddMeanCommand(app, session);
  AddAggregateCommand(app, session);
  AddOptimizeCommand(app, session);
  AddJointOptimizeCommand(app, session);
  AddRunsCommand(app, session);
  AddDecodeCommand(app, session);
  AddBaselinesCommand(app, session);
  AddPerturbCommand(app, session);
  AddCalibrateCommand(app, session);
  AddCalibrationCommand(app, session);
  AddInfoCommand(app, session);
  AddSelfTestCommand(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      return app.exit(error);
    }
    PrintError(UsageError(error.what()));
    std::cerr << "Run 'repscore --help' or 'repscore SUBCOMMAND --help'."
              << std::endl;
    return kUsageError;
  }
  absl::Status status = session.command();
  if (status.ok() && !std::cout.flush()) {
    status = LocalFileError(absl::DataLossError("cannot write to stdout"));
  }
  const int interrupted = interrupt.exit_code();
  if (!status.ok() && !(interrupted != 0 && absl::IsCancelled(status))) {
    PrintError(status);
  }
  return interrupted != 0 ? interrupted : ExitCodeOf(status);
}

}  // namespace
}  // namespace repscore::cli

int main(int argc, char** argv) {
  return repscore::cli::Main(argc, argv);
}
