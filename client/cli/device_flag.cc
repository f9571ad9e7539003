#include "client/cli/device_flag.h"

namespace repscore::cli {

CLI::Option* AddDeviceFlag(CLI::App& command, std::string& device) {
  return command.add_option("--device",
                            device,
                            "Where the server computes: auto [default], cpu, "
                            "cuda:0; 'repscore info' lists its devices");
}

}  // namespace repscore::cli
