// Adam with its learning rate, or L-BFGS.
#ifndef REPSCORE_CLIENT_CLI_OPTIMIZER_FLAGS_H_
#define REPSCORE_CLIENT_CLI_OPTIMIZER_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/status_macros.h"
#include "repscore/v1/scoring.pb.h"

namespace repscore::cli {

/// What is not given is left to the server's defaults.
struct OptimizerFlags {
  std::optional<double> learning_rate;
  std::optional<double> beta1;
  std::optional<double> beta2;
  std::optional<double> epsilon;
  std::string schedule;
  std::optional<int64_t> warmup_steps;
  bool lbfgs = false;
  std::optional<int32_t> lbfgs_memory;
  std::optional<double> lbfgs_step;
  std::optional<int32_t> lbfgs_trials;
};

void AddOptimizerFlags(CLI::App& command, OptimizerFlags& flags);

/// A usage error for a schedule that is none.
absl::StatusOr<v1::AdamOptions> MakeAdam(const OptimizerFlags& flags);
v1::LbfgsOptions MakeLbfgs(const OptimizerFlags& flags);

/// Fills `adam` or `lbfgs` of an optimisation request.
template <typename Request>
absl::Status FillOptimizer(const OptimizerFlags& flags, Request& request) {
  if (flags.lbfgs) {
    *request.mutable_lbfgs() = MakeLbfgs(flags);
    return absl::OkStatus();
  }
  REPSCORE_ASSIGN_OR_RETURN(*request.mutable_adam(), MakeAdam(flags));
  return absl::OkStatus();
}

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_OPTIMIZER_FLAGS_H_
