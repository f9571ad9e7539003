// repscore runs array
#ifndef REPSCORE_CLIENT_CLI_RUN_ARRAY_COMMAND_H_
#define REPSCORE_CLIENT_CLI_RUN_ARRAY_COMMAND_H_

#include <CLI/CLI.hpp>

#include "client/cli/session.h"

namespace repscore::cli {

/// Adds the subcommand to `runs`.
void AddRunArrayCommand(CLI::App& runs, Session& session);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_RUN_ARRAY_COMMAND_H_
