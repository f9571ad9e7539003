// What is wanted beside every score.
#ifndef REPSCORE_CLIENT_CLI_CONTEXT_FLAGS_H_
#define REPSCORE_CLIENT_CLI_CONTEXT_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "repscore/v1/types.pb.h"

namespace repscore::cli {

struct ContextFlags {
  int64_t ceiling_splits = 0;
  std::optional<double> ceiling;
  std::string normalization;
  bool clip = false;
  int64_t bootstrap_draws = 0;
  std::optional<double> confidence;
  std::string bootstrap_group;
  int64_t permutations = 0;
  bool baseline = false;
  bool companion = false;
  bool calibration = false;
  uint64_t seed = 0;
};

/// What any reference can give.
void AddContextFlags(CLI::App& command, ContextFlags& flags);

/// And what only a registered one has: repetitions, groups, calibrations.
void AddDatasetContextFlags(CLI::App& command, ContextFlags& flags);

/// A usage error for flags that need a ceiling when there is none.
absl::StatusOr<v1::ContextOptions> MakeContext(const ContextFlags& flags);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_CONTEXT_FLAGS_H_
