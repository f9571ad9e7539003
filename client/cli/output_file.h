// Files that commands write.
#ifndef REPSCORE_CLIENT_CLI_OUTPUT_FILE_H_
#define REPSCORE_CLIENT_CLI_OUTPUT_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace repscore::cli {

/// A usage error when `path` could not be written in the end, for use before
/// long work.
absl::Status CheckCanWrite(const std::string& path);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_OUTPUT_FILE_H_
