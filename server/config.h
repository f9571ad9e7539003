// What the operator can set. Each option has one default, one place in the
// TOML file, one environment variable and one flag, all four from one table:
// defaults < file < environment < flags.
#ifndef REPSCORE_SERVER_CONFIG_H_
#define REPSCORE_SERVER_CONFIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace repscore::server {

struct Config {
  /// HOST:PORT (port 0: any free one) or unix:PATH.
  std::vector<std::string> listen = {"127.0.0.1:50051"};
  /// The real port of the first TCP address is written here.
  std::string port_file;
  std::string data_dir = "repscore-data";

  /// See PlanLanes.
  std::string device = "auto";
  /// Of the host; every GPU has one.
  int64_t lanes = 1;
  /// 0: cores / lanes.
  int64_t threads_per_lane = 0;
  int64_t disk_threads = 4;

  int64_t max_scores = 256;
  int64_t max_runs = 64;
  int64_t max_message_bytes = int64_t{8} << 20;
  int64_t max_dataset_bytes = int64_t{4} << 30;
  /// Of one score or run on the host.
  int64_t max_request_memory = int64_t{4} << 30;
  /// For all jobs on the host; 0: three quarters of its memory.
  int64_t host_memory_bytes = 0;
  /// For all jobs on a GPU; 0: nine tenths of what is free.
  int64_t device_memory_bytes = 0;
  /// Elements of loaded datasets kept in memory.
  int64_t dataset_cache_bytes = int64_t{1} << 30;
  /// Prepared references kept by each lane, within its memory.
  int64_t reference_cache_bytes = int64_t{1} << 30;

  double checkpoint_seconds = 1.0;
  double drain_seconds = 30.0;

  bool reflection = true;
  /// Every lane computes golden values before the server is ready.
  bool self_test = false;
  std::string tls_cert;
  std::string tls_key;

  std::string log_level = "info";
  std::string log_format = "text";
};

/// Where the value of an option came from: "default", "file FILE:LINE",
/// "environment NAME" or "flag".
using Origins = std::map<std::string, std::string>;

enum class Action {
  kServe,
  kPrint,    ///< print `text` and exit successfully
  kDevices,  ///< print the devices there are and exit successfully
};

struct CommandLine {
  Action action = Action::kServe;
  Config config;
  std::string text;
};

/// Value of an environment variable, or nullptr.
using Environment = std::function<const char*(const std::string&)>;

/// InvalidArgument says which flag, variable or line of the file is wrong.
absl::StatusOr<CommandLine> ParseCommandLine(int argc,
                                             const char* const* argv,
                                             const Environment& environment);

/// Checks that the options fit together.
absl::Status ValidateConfig(const Config& config);

/// The effective values as a TOML file with their origin behind them.
std::string PrintConfig(const Config& config, const Origins& origins);

/// threads_per_lane with its default filled in.
int ThreadsPerLane(const Config& config);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CONFIG_H_
