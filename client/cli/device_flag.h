// Where the server is to compute.
#ifndef REPSCORE_CLIENT_CLI_DEVICE_FLAG_H_
#define REPSCORE_CLIENT_CLI_DEVICE_FLAG_H_

#include <CLI/CLI.hpp>
#include <string>

namespace repscore::cli {

/// --device; what is not given is left to the server.
CLI::Option* AddDeviceFlag(CLI::App& command, std::string& device);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_DEVICE_FLAG_H_
