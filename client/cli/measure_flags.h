// The measures of a command.
#ifndef REPSCORE_CLIENT_CLI_MEASURE_FLAGS_H_
#define REPSCORE_CLIENT_CLI_MEASURE_FLAGS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "repscore/v1/types.pb.h"

namespace repscore::cli {

/// What is scored when no measure is asked for.
std::vector<std::string> DefaultMeasures();

struct MeasureFlags {
  std::vector<std::string> ids;
  std::string folds_file = {};
};

/// -m and --folds. The measures in `flags` are the default.
CLI::Option* AddMeasureFlags(CLI::App& command, MeasureFlags& flags);

absl::StatusOr<std::vector<v1::MeasureSpec>> MakeMeasures(
    const MeasureFlags& flags);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_MEASURE_FLAGS_H_
