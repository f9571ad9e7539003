// When an optimisation ends.
#ifndef REPSCORE_CORE_OPTIMIZE_STOPPING_H_
#define REPSCORE_CORE_OPTIMIZE_STOPPING_H_

#include <cstdint>

#include "core/optimize/objective.h"
#include "core/optimize/plan.h"

namespace repscore {

/// A stopping rule with what it remembers of the run.
struct Stopping {
  explicit Stopping(const StoppingRule& stopping_rule) : rule(stopping_rule) {}

  /// The first rule that holds at this point, or kNone.
  StopReason Decide(const Objective& objective,
                    const Objective::Value& value,
                    int64_t step,
                    double elapsed_seconds);

  StoppingRule rule;
  double best_objective = 0.0;
  int64_t steps_since_best = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_STOPPING_H_
