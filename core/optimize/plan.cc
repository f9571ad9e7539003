#include "core/optimize/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr double kLargestLearningRate = 1e6;
constexpr int64_t kMostSteps = 1000000;
constexpr size_t kMostTerms = 16;
constexpr size_t kMostTracked = 64;
constexpr int64_t kMostComponents = 10000;
constexpr int64_t kMostMembers = 256;
constexpr size_t kMostSnapshots = 256;
constexpr int64_t kMostPairs = 100;
constexpr int64_t kMostTrials = 1000;

absl::Status Outside(std::string_view field,
                     double value,
                     std::string_view domain) {
  return absl::InvalidArgumentError(
      StrCat(field, ": ", value, " is not ", domain));
}

absl::Status OutsideCount(std::string_view field,
                          int64_t value,
                          int64_t least,
                          int64_t most) {
  return absl::InvalidArgumentError(
      StrCat(field, ": ", value, " is not from ", least, " to ", most));
}

absl::Status CheckSchedule(const LearningRateSchedule& schedule) {
  if (schedule.warmup_steps < 0 || schedule.warmup_steps > kMostSteps) {
    return OutsideCount(
        "adam.schedule.warmup_steps", schedule.warmup_steps, 0, kMostSteps);
  }
  if (const auto* cosine = std::get_if<CosineDecay>(&schedule.decay)) {
    if (cosine->steps < 1 || cosine->steps > kMostSteps) {
      return OutsideCount(
          "adam.schedule.cosine.steps", cosine->steps, 1, kMostSteps);
    }
    if (!(cosine->final_factor >= 0.0 && cosine->final_factor <= 1.0)) {
      return Outside("adam.schedule.cosine.final_factor",
                     cosine->final_factor,
                     "in [0, 1]");
    }
  }
  const auto* exponential = std::get_if<ExponentialDecay>(&schedule.decay);
  if (exponential != nullptr) {
    if (!(exponential->factor > 0.0 && exponential->factor <= 1.0)) {
      return Outside(
          "adam.schedule.exponential.factor", exponential->factor, "in (0, 1]");
    }
    if (exponential->every < 1 || exponential->every > kMostSteps) {
      return OutsideCount(
          "adam.schedule.exponential.every", exponential->every, 1, kMostSteps);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLbfgs(const LbfgsOptions& lbfgs) {
  if (lbfgs.memory < 1 || lbfgs.memory > kMostPairs) {
    return OutsideCount("lbfgs.memory", lbfgs.memory, 1, kMostPairs);
  }
  if (!(lbfgs.initial_step > 0.0 && std::isfinite(lbfgs.initial_step))) {
    return Outside(
        "lbfgs.initial_step", lbfgs.initial_step, "finite and positive");
  }
  if (lbfgs.max_trials < 1 || lbfgs.max_trials > kMostTrials) {
    return OutsideCount("lbfgs.max_trials", lbfgs.max_trials, 1, kMostTrials);
  }
  return absl::OkStatus();
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
  return CheckSchedule(adam.schedule);
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

absl::Status CheckDecoding(const TraceDecoding& decoding) {
  if (decoding.every < 1 || decoding.every > kMostSteps) {
    return OutsideCount("trace.decode_every", decoding.every, 1, kMostSteps);
  }
  const DecodingOptions& options = decoding.options;
  if (!(options.c > 0.0 && std::isfinite(options.c))) {
    return Outside("trace.decoding.c", options.c, "finite and positive");
  }
  if (options.folds_of.empty() && options.folds < 2) {
    return absl::InvalidArgumentError(
        StrCat("trace.decoding.folds: ", options.folds, " is less than 2"));
  }
  return absl::OkStatus();
}

absl::Status CheckSnapshots(const OptimizationPlan& plan) {
  if (plan.snapshot_scores.empty()) {
    return absl::OkStatus();
  }
  if (plan.terms.size() != 1 ||
      !std::holds_alternative<Maximize>(plan.terms.front().goal)) {
    return absl::InvalidArgumentError(
        "trace.snapshot_scores: need a single term to maximize");
  }
  if (plan.snapshot_scores.size() > kMostSnapshots) {
    return absl::InvalidArgumentError(
        StrCat("trace.snapshot_scores: there are ",
               plan.snapshot_scores.size(),
               "; at most ",
               kMostSnapshots,
               " are taken"));
  }
  for (size_t i = 0; i < plan.snapshot_scores.size(); ++i) {
    if (!std::isfinite(plan.snapshot_scores[i])) {
      return Outside(StrCat("trace.snapshot_scores[", i, "]"),
                     plan.snapshot_scores[i],
                     "finite");
    }
  }
  return absl::OkStatus();
}

/// Restarts and targets.
absl::Status CheckMembers(const OptimizationPlan& plan) {
  if (plan.restarts < 1 || plan.restarts > kMostMembers) {
    return OutsideCount("restarts", plan.restarts, 1, kMostMembers);
  }
  if (plan.restarts > 1 && std::holds_alternative<HostArray>(plan.start)) {
    return absl::InvalidArgumentError(
        "restarts: need a random start; this one is given");
  }
  if (plan.targets.empty()) {
    return absl::OkStatus();
  }
  if (plan.restarts > 1) {
    return absl::InvalidArgumentError(
        "restarts: targets all start from the same point; they take 1");
  }
  if (static_cast<int64_t>(plan.targets.size()) > kMostMembers) {
    return absl::InvalidArgumentError(StrCat("targets.points: there are ",
                                             plan.targets.size(),
                                             "; at most ",
                                             kMostMembers,
                                             " are taken"));
  }
  size_t axes = 0;
  for (const ObjectiveTerm& term : plan.terms) {
    axes += std::holds_alternative<Target>(term.goal) ? 1 : 0;
  }
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    const std::string field = StrCat("targets.points[", i, "].values");
    if (axes == 0 || plan.targets[i].size() != axes) {
      return absl::InvalidArgumentError(StrCat(field,
                                               ": has ",
                                               plan.targets[i].size(),
                                               " values, but ",
                                               axes,
                                               " terms have a target"));
    }
    for (const double value : plan.targets[i]) {
      if (!std::isfinite(value)) {
        return Outside(field, value, "finite");
      }
    }
  }
  return absl::OkStatus();
}

constexpr double kPi = 3.14159265358979323846;

double DecayFactor(const ConstantDecay& /*decay*/, int64_t /*steps*/) {
  return 1.0;
}

double DecayFactor(const CosineDecay& decay, int64_t steps) {
  const double share = static_cast<double>(std::min(steps, decay.steps)) /
                       static_cast<double>(std::max<int64_t>(1, decay.steps));
  return decay.final_factor +
         (1.0 - decay.final_factor) * (1.0 + std::cos(kPi * share)) / 2.0;
}

double DecayFactor(const ExponentialDecay& decay, int64_t steps) {
  const int64_t times = steps / std::max<int64_t>(1, decay.every);
  return std::pow(decay.factor, static_cast<double>(times));
}

}  // namespace

double ScheduleFactor(const LearningRateSchedule& schedule, int64_t t) {
  const int64_t warmup = schedule.warmup_steps;
  if (t <= warmup) {
    return static_cast<double>(t) / static_cast<double>(warmup);
  }
  const int64_t steps = t - 1 - warmup;
  return std::visit(
      [steps](const auto& decay) { return DecayFactor(decay, steps); },
      schedule.decay);
}

absl::StatusOr<std::vector<std::vector<double>>> MakeTargets(
    const TargetGrid& grid, int64_t axes) {
  if (axes < 1) {
    return absl::InvalidArgumentError("grid: no term has a target");
  }
  if (grid.boundary && axes != 2) {
    return absl::InvalidArgumentError(StrCat(
        "grid.boundary: needs two terms with a target; there are ", axes));
  }
  if (grid.points_per_side < 2 || grid.points_per_side > kMostMembers) {
    return OutsideCount(
        "grid.points_per_side", grid.points_per_side, 2, kMostMembers);
  }
  if (!std::isfinite(grid.lowest)) {
    return Outside("grid.lowest", grid.lowest, "finite");
  }
  if (!(std::isfinite(grid.highest) && grid.highest > grid.lowest)) {
    return Outside(
        "grid.highest", grid.highest, "finite and above grid.lowest");
  }
  const int64_t last = grid.points_per_side - 1;
  const auto at = [&](int64_t i) {
    const double share = static_cast<double>(i) / static_cast<double>(last);
    return i == last ? grid.highest
                     : grid.lowest + share * (grid.highest - grid.lowest);
  };
  std::vector<std::vector<double>> targets;
  if (grid.boundary) {
    for (int64_t i = 0; i < 4 * last; ++i) {
      const int64_t along = i % last;
      switch (i / last) {
        case 0:
          targets.push_back({at(along), at(0)});
          break;
        case 1:
          targets.push_back({at(last), at(along)});
          break;
        case 2:
          targets.push_back({at(last - along), at(last)});
          break;
        default:
          targets.push_back({at(0), at(last - along)});
      }
    }
    return targets;
  }
  int64_t count = 1;
  for (int64_t axis = 0; axis < axes; ++axis) {
    count *= grid.points_per_side;
    if (count > kMostMembers) {
      return absl::InvalidArgumentError(StrCat("grid.points_per_side: ",
                                               grid.points_per_side,
                                               " on ",
                                               axes,
                                               " axes are more than ",
                                               kMostMembers,
                                               " targets"));
    }
  }
  for (int64_t i = 0; i < count; ++i) {
    std::vector<double> target(static_cast<size_t>(axes));
    int64_t rest = i;
    for (int64_t axis = axes - 1; axis >= 0; --axis) {
      target[static_cast<size_t>(axis)] = at(rest % grid.points_per_side);
      rest /= grid.points_per_side;
    }
    targets.push_back(std::move(target));
  }
  return targets;
}

absl::Status ValidatePlan(const OptimizationPlan& plan) {
  REPSCORE_RETURN_IF_ERROR(CheckTerms(plan.terms));
  REPSCORE_RETURN_IF_ERROR(CheckAdam(plan.adam));
  if (plan.lbfgs.has_value()) {
    REPSCORE_RETURN_IF_ERROR(CheckLbfgs(*plan.lbfgs));
  }
  REPSCORE_RETURN_IF_ERROR(CheckStopping(plan));
  REPSCORE_RETURN_IF_ERROR(CheckMembers(plan));
  REPSCORE_RETURN_IF_ERROR(CheckSnapshots(plan));
  if (plan.decoding.has_value()) {
    REPSCORE_RETURN_IF_ERROR(CheckDecoding(*plan.decoding));
  }
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
