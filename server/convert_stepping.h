// Between the wire and the core: how an optimisation steps and when it stops.
// Pure functions, safe from any thread. Numbers are checked by ValidatePlan.
#ifndef REPSCORE_SERVER_CONVERT_STEPPING_H_
#define REPSCORE_SERVER_CONVERT_STEPPING_H_

#include "absl/status/statusor.h"
#include "core/optimize/plan.h"
#include "repscore/v1/scoring.pb.h"

namespace repscore::server {

AdamOptions ToAdam(const v1::AdamOptions& wire);
LbfgsOptions ToLbfgs(const v1::LbfgsOptions& wire);

/// InvalidArgument naming "stopping.max_time" for what is no duration.
absl::StatusOr<StoppingRule> ToStopping(const v1::StoppingOptions& wire);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CONVERT_STEPPING_H_
