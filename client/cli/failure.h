// How the command fails: messages for people, exit codes for scripts.
#ifndef REPSCORE_CLIENT_CLI_FAILURE_H_
#define REPSCORE_CLIENT_CLI_FAILURE_H_

#include <string>

#include "absl/status/status.h"

namespace repscore::cli {

enum ExitCode : int {
  kSuccess = 0,
  /// The server refused or failed.
  kServerError = 1,
  /// Arguments or local files that cannot be used.
  kUsageError = 2,
  kCannotConnect = 3,
};

/// InvalidArgument that ends the command with kUsageError.
absl::Status UsageError(const std::string& message);

/// `status` of a local file, as a usage error with the same text.
absl::Status LocalFileError(const absl::Status& status);

/// The same status with "CONTEXT: " in front of its message.
absl::Status WithContext(const std::string& context,
                         const absl::Status& status);

/// Unavailable without the server's own reason is kCannotConnect.
ExitCode ExitCodeOf(const absl::Status& status);

/// "MESSAGE (REASON, field FIELD)"
std::string Describe(const absl::Status& status);

/// "repscore: error: MESSAGE (REASON, field FIELD)" on stderr.
void PrintError(const absl::Status& status);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_FAILURE_H_
