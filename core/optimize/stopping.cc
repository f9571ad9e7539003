#include "core/optimize/stopping.h"

#include <algorithm>
#include <vector>

namespace repscore {

StopReason Stopping::Decide(const Objective& objective,
                            const Objective::Value& value,
                            int64_t step,
                            double elapsed_seconds) {
  if (rule.score.has_value() &&
      objective.IsBetter(value.scores.front(), *rule.score)) {
    return StopReason::kScoreReached;
  }
  if (rule.goal_tolerance.has_value()) {
    const std::vector<GoalVerdict> verdicts =
        objective.Verdicts(value.scores, *rule.goal_tolerance);
    if (std::all_of(
            verdicts.begin(), verdicts.end(), [](const GoalVerdict& verdict) {
              return verdict.reached;
            })) {
      return StopReason::kGoalsReached;
    }
  }
  if (value.at_optimum) {
    return StopReason::kAtOptimum;
  }
  if (rule.plateau.has_value()) {
    if (step == 0 ||
        value.objective > best_objective + rule.plateau->min_delta) {
      best_objective = value.objective;
      steps_since_best = 0;
    } else if (++steps_since_best >= rule.plateau->patience) {
      return StopReason::kPlateau;
    }
  }
  if (step >= rule.max_steps) {
    return StopReason::kMaxSteps;
  }
  return elapsed_seconds >= rule.max_seconds ? StopReason::kMaxTime
                                             : StopReason::kNone;
}

}  // namespace repscore
