// Targets that a joint optimisation walks along: a grid or a file.
#ifndef REPSCORE_CLIENT_CLI_TARGET_WALK_H_
#define REPSCORE_CLIENT_CLI_TARGET_WALK_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "repscore/v1/scoring.pb.h"

namespace repscore::cli {

/// What is not given is left to the server's defaults.
struct WalkFlags {
  std::optional<int32_t> points_per_side;
  bool boundary = false;
  std::optional<double> lowest;
  std::optional<double> highest;
  std::string list_file;
};

void AddWalkFlags(CLI::App& command, WalkFlags& flags);

v1::TargetGrid MakeGrid(const WalkFlags& flags);

struct TargetTable {
  /// As the first line names them.
  std::vector<std::string> measures;
  /// With one value per measure.
  v1::TargetList list;
};

/// A CSV file: measures in the first line, then a target per line. A usage
/// error, naming the line, for anything else.
absl::StatusOr<TargetTable> ReadTargetTable(const std::string& path);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_TARGET_WALK_H_
