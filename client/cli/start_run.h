// Starts a run, shows it, and on Ctrl-C cancels it.
#ifndef REPSCORE_CLIENT_CLI_START_RUN_H_
#define REPSCORE_CLIENT_CLI_START_RUN_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/run_flags.h"
#include "client/cli/session.h"
#include "client/cpp/client.h"

namespace repscore::cli {

using Start = std::function<absl::StatusOr<client::RunOutcome>(
    client::Client&, const client::RunObserver&)>;

/// Follows the run that `start` starts to its end. A detached run is left
/// alone once it has started; its name goes to stdout.
absl::Status StartRun(Session& session,
                      const RunFlags& flags,
                      const Start& start);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_START_RUN_H_
