#include "core/optimize/objective.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

// Penalty of a floor: a lack of 0.01 weighs like a slope of 0.1 in the score.
constexpr double kFloorPenalty = 10.0;
// Floors that contradict each other would push their multipliers for ever.
constexpr double kMostMultiplier = 1e3;

std::string FieldOf(const ObjectiveTerm& term, size_t index) {
  return term.field.empty() ? StrCat("terms[", index, "].measure") : term.field;
}

absl::Status CheckGoal(const ObjectiveTerm& term,
                       const MeasureInfo& info,
                       size_t index) {
  const auto within = [&](double value, std::string_view goal) {
    if (value >= info.lowest && value <= info.highest) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(StrCat("terms[",
                                             index,
                                             "].",
                                             goal,
                                             ".value: ",
                                             value,
                                             " is outside the range [",
                                             info.lowest,
                                             ", ",
                                             info.highest,
                                             "] of ",
                                             info.id));
  };
  if (const auto* target = std::get_if<Target>(&term.goal)) {
    return within(target->value, "target");
  }
  if (const auto* floor = std::get_if<Floor>(&term.goal)) {
    return within(floor->value, "floor");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Objective> Objective::Create(
    absl::Span<const ObjectiveTerm> terms) {
  Objective objective;
  for (size_t i = 0; i < terms.size(); ++i) {
    const std::string field = FieldOf(terms[i], i);
    REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<const Measure> measure,
                              CreateMeasure(terms[i].measure, field));
    if (!measure->info().differentiable) {
      return absl::InvalidArgumentError(
          StrCat(field, ".id: ", measure->info().id, " has no gradient"));
    }
    REPSCORE_RETURN_IF_ERROR(CheckGoal(terms[i], measure->info(), i));
    objective.measures_.push_back(std::move(measure));
  }
  objective.terms_.assign(terms.begin(), terms.end());
  objective.multipliers_.assign(terms.size(), 0.0);
  return objective;
}

Objective::Contribution Objective::Contribute(size_t term, double score) const {
  const Goal& goal = terms_[term].goal;
  if (const auto* target = std::get_if<Target>(&goal)) {
    const double residual = score - target->value;
    if (target->loss == TargetLoss::kSquared) {
      return {.value = -residual * residual, .slope = -2.0 * residual};
    }
    const double sign = residual > 0.0 ? 1.0 : residual < 0.0 ? -1.0 : 0.0;
    return {.value = -std::abs(residual), .slope = -sign};
  }
  if (const auto* floor = std::get_if<Floor>(&goal)) {
    // -(max(0, lambda + rho lack)^2 - lambda^2) / (2 rho)
    const double lambda = multipliers_[term];
    const double force =
        std::max(0.0, lambda + kFloorPenalty * (floor->value - score));
    return {.value = -(force * force - lambda * lambda) / (2 * kFloorPenalty),
            .slope = force};
  }
  const bool distance =
      measures_[term]->info().orientation == Orientation::kDistance;
  return {.value = distance ? -score : score, .slope = distance ? -1.0 : 1.0};
}

absl::StatusOr<Objective::Value> Objective::Evaluate(
    const Statistics& statistics,
    AdjointRequest request,
    Accuracy accuracy) const {
  Value total;
  for (size_t i = 0; i < measures_.size(); ++i) {
    REPSCORE_ASSIGN_OR_RETURN(
        Evaluation evaluation,
        measures_[i]->Evaluate(statistics, request, accuracy));
    const Contribution contribution = Contribute(i, evaluation.value);
    const double weight = terms_[i].weight;
    total.objective += weight * contribution.value;
    total.scores.push_back(evaluation.value);
    total.at_optimum = total.at_optimum && evaluation.at_optimum;
    const double factor = weight * contribution.slope;
    if (measures_.size() == 1 && factor == 1.0) {
      total.adjoint = std::move(evaluation.adjoint);
    } else {
      total.adjoint.AddScaled(*statistics.backend, factor, evaluation.adjoint);
    }
  }
  return total;
}

void Objective::UpdateMultipliers(absl::Span<const double> scores) {
  for (size_t i = 0; i < terms_.size(); ++i) {
    if (const auto* floor = std::get_if<Floor>(&terms_[i].goal)) {
      multipliers_[i] = std::clamp(
          multipliers_[i] + kFloorPenalty * (floor->value - scores[i]),
          0.0,
          kMostMultiplier);
    }
  }
}

std::vector<GoalVerdict> Objective::Verdicts(absl::Span<const double> scores,
                                             double tolerance) const {
  std::vector<GoalVerdict> verdicts;
  for (size_t i = 0; i < terms_.size(); ++i) {
    GoalVerdict verdict;
    verdict.measure = measures_[i]->id();
    verdict.value = scores[i];
    if (const auto* target = std::get_if<Target>(&terms_[i].goal)) {
      verdict.residual = std::abs(scores[i] - target->value);
    } else if (const auto* floor = std::get_if<Floor>(&terms_[i].goal)) {
      verdict.residual = std::max(0.0, floor->value - scores[i]);
    }
    verdict.reached = verdict.residual <= tolerance;
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

double Objective::Infeasibility(absl::Span<const double> scores) const {
  double sum = 0.0;
  for (size_t i = 0; i < terms_.size(); ++i) {
    if (const auto* floor = std::get_if<Floor>(&terms_[i].goal)) {
      sum += std::max(0.0, floor->value - scores[i]);
    }
  }
  return sum;
}

double Objective::ValueOf(absl::Span<const double> scores) const {
  double sum = 0.0;
  for (size_t i = 0; i < terms_.size(); ++i) {
    sum += terms_[i].weight * Contribute(i, scores[i]).value;
  }
  return sum;
}

bool Objective::has_floors() const {
  return std::any_of(
      terms_.begin(), terms_.end(), [](const ObjectiveTerm& term) {
        return std::holds_alternative<Floor>(term.goal);
      });
}

bool Objective::IsBetter(double score, double threshold) const {
  return measures_.front()->info().orientation == Orientation::kDistance
             ? score < threshold
             : score > threshold;
}

}  // namespace repscore
