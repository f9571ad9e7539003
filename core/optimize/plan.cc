#include "core/optimize/plan.h"

#include <cmath>

#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr double kLargestLearningRate = 1e6;
constexpr int64_t kMostSteps = 1000000;
constexpr size_t kMostTerms = 16;
constexpr size_t kMostTracked = 64;
constexpr int64_t kMostComponents = 10000;

absl::Status Outside(std::string_view field,
                     double value,
                     std::string_view domain) {
  return absl::InvalidArgumentError(
      StrCat(field, ": ", value, " is not ", domain));
}

absl::Status CheckAdam(const AdamOptions& adam) {
  if (!(adam.learning_rate > 0.0 &&
        adam.learning_rate <= kLargestLearningRate)) {
    return Outside("adam.learning_rate", adam.learning_rate, "in (0, 1e6]");
  }
  if (!(adam.beta1 >= 0.0 && adam.beta1 < 1.0)) {
    return Outside("adam.beta1", adam.beta1, "in [0, 1)");
  }
  if (!(adam.beta2 >= 0.0 && adam.beta2 < 1.0)) {
    return Outside("adam.beta2", adam.beta2, "in [0, 1)");
  }
  if (!(adam.epsilon > 0.0 && adam.epsilon <= 1.0)) {
    return Outside("adam.epsilon", adam.epsilon, "in (0, 1]");
  }
  return absl::OkStatus();
}

absl::Status CheckStopping(const OptimizationPlan& plan) {
  const StoppingRule& stopping = plan.stopping;
  if (stopping.max_steps < 1 || stopping.max_steps > kMostSteps) {
    return absl::InvalidArgumentError(StrCat("stopping.max_steps: ",
                                             stopping.max_steps,
                                             " is not from 1 to ",
                                             kMostSteps));
  }
  if (!(stopping.max_seconds > 0.0)) {
    return Outside("stopping.max_time", stopping.max_seconds, "positive");
  }
  if (stopping.score.has_value()) {
    if (std::isnan(*stopping.score)) {
      return Outside("stopping.score", *stopping.score, "a number");
    }
    if (plan.terms.size() != 1 ||
        !std::holds_alternative<Maximize>(plan.terms.front().goal)) {
      return absl::InvalidArgumentError(
          "stopping.score: needs a single term to maximize; use "
          "goal_tolerance for several goals");
    }
  }
  if (stopping.plateau.has_value()) {
    if (stopping.plateau->patience < 1) {
      return absl::InvalidArgumentError(StrCat("stopping.plateau.patience: ",
                                               stopping.plateau->patience,
                                               " is not at least 1"));
    }
    if (!(stopping.plateau->min_delta >= 0.0) ||
        std::isinf(stopping.plateau->min_delta)) {
      return Outside("stopping.plateau.min_delta",
                     stopping.plateau->min_delta,
                     "finite and at least 0");
    }
  }
  if (stopping.goal_tolerance.has_value() &&
      !(*stopping.goal_tolerance > 0.0 &&
        std::isfinite(*stopping.goal_tolerance))) {
    return Outside("stopping.goal_tolerance",
                   *stopping.goal_tolerance,
                   "finite and positive");
  }
  return absl::OkStatus();
}

absl::Status CheckTerms(const std::vector<ObjectiveTerm>& terms) {
  if (terms.empty() || terms.size() > kMostTerms) {
    return absl::InvalidArgumentError(StrCat("terms: there are ",
                                             terms.size(),
                                             "; from 1 to ",
                                             kMostTerms,
                                             " are taken"));
  }
  for (size_t i = 0; i < terms.size(); ++i) {
    const ObjectiveTerm& term = terms[i];
    const std::string field = StrCat("terms[", i, "]");
    if (!(term.weight > 0.0 && std::isfinite(term.weight))) {
      return Outside(field + ".weight", term.weight, "finite and positive");
    }
    const Target* target = std::get_if<Target>(&term.goal);
    if (target != nullptr && !std::isfinite(target->value)) {
      return Outside(field + ".target.value", target->value, "finite");
    }
    const Floor* floor = std::get_if<Floor>(&term.goal);
    if (floor != nullptr && !std::isfinite(floor->value)) {
      return Outside(field + ".floor.value", floor->value, "finite");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidatePlan(const OptimizationPlan& plan) {
  REPSCORE_RETURN_IF_ERROR(CheckTerms(plan.terms));
  REPSCORE_RETURN_IF_ERROR(CheckAdam(plan.adam));
  REPSCORE_RETURN_IF_ERROR(CheckStopping(plan));
  if (plan.trace_every < 1) {
    return absl::InvalidArgumentError(
        StrCat("trace.every: ", plan.trace_every, " is not at least 1"));
  }
  if (plan.tracked.size() > kMostTracked) {
    return absl::InvalidArgumentError(StrCat("trace.tracked: there are ",
                                             plan.tracked.size(),
                                             "; at most ",
                                             kMostTracked,
                                             " are taken"));
  }
  if (plan.principal_components < 0 ||
      plan.principal_components > kMostComponents) {
    return absl::InvalidArgumentError(StrCat("trace.principal_components: ",
                                             plan.principal_components,
                                             " is not from 0 to ",
                                             kMostComponents));
  }
  const GaussianStart* gaussian = std::get_if<GaussianStart>(&plan.start);
  if (gaussian != nullptr && gaussian->features < 0) {
    return absl::InvalidArgumentError(StrCat(
        "start.gaussian.features: ", gaussian->features, " is not positive"));
  }
  return absl::OkStatus();
}

}  // namespace repscore
