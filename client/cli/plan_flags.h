// Which optimisations tell what scores on a dataset mean.
#ifndef REPSCORE_CLIENT_CLI_PLAN_FLAGS_H_
#define REPSCORE_CLIENT_CLI_PLAN_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "repscore/v1/catalog.pb.h"

namespace repscore::cli {

/// What is not given is left to the server's defaults.
struct PlanFlags {
  std::optional<int32_t> restarts;
  std::optional<uint64_t> seed;
  std::optional<int64_t> max_steps;
  std::optional<int32_t> components;
};

/// All flags, whose names begin with "--PREFIX".
std::vector<CLI::Option*> AddPlanFlags(CLI::App& command,
                                       const std::string& prefix,
                                       PlanFlags& flags);

v1::CalibrationPlan MakePlan(const PlanFlags& flags,
                             const std::vector<v1::MeasureSpec>& measures);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_PLAN_FLAGS_H_
