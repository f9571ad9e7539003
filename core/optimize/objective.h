// Weighted goals over measures of the same pair of rows: one number to
// maximise, with its derivative.
#ifndef REPSCORE_CORE_OPTIMIZE_OBJECTIVE_H_
#define REPSCORE_CORE_OPTIMIZE_OBJECTIVE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/measures/measure.h"
#include "core/optimize/plan.h"

namespace repscore {

/// What became of one term's goal.
struct GoalVerdict {
  std::string measure;
  double value = 0.0;
  /// Distance from the goal; 0 for a floor that holds and for maximise.
  double residual = 0.0;
  bool reached = false;
};

/// Not thread-safe: floors carry multipliers that UpdateMultipliers moves.
class Objective {
 public:
  /// NotFound or InvalidArgument, with the wire's field, when a measure does
  /// not exist, has no gradient, or cannot take its goal's value.
  static absl::StatusOr<Objective> Create(
      absl::Span<const ObjectiveTerm> terms);

  const std::vector<std::shared_ptr<const Measure>>& measures() const {
    return measures_;
  }

  struct Value {
    double objective = 0.0;
    std::vector<double> scores;
    Adjoint adjoint;
    bool at_optimum = true;  ///< every term is
  };

  /// Weighted sum over terms of: the score (minus a distance) for maximise,
  /// minus the loss for a target, minus the augmented Lagrangian for a floor.
  absl::StatusOr<Value> Evaluate(const Statistics& statistics,
                                 AdjointRequest request,
                                 Accuracy accuracy) const;

  /// Method of multipliers for floors: lambda = lambda + rho * lack, not below
  /// 0 and bounded above for floors that cannot hold.
  void UpdateMultipliers(absl::Span<const double> scores);

  /// Distance of every term's score from its goal.
  std::vector<GoalVerdict> Verdicts(absl::Span<const double> scores,
                                    double tolerance) const;

  /// Sum of what floors lack; 0 when all hold.
  double Infeasibility(absl::Span<const double> scores) const;
  bool has_floors() const;

  /// The objective at these scores.
  double ValueOf(absl::Span<const double> scores) const;

  /// True when `score` of the single term is strictly better than `threshold`.
  bool IsBetter(double score, double threshold) const;

  std::vector<double>& multipliers() { return multipliers_; }
  const std::vector<double>& multipliers() const { return multipliers_; }

 private:
  struct Contribution {
    double value = 0.0;
    double slope = 0.0;  ///< d value / d score
  };
  Contribution Contribute(size_t term, double score) const;

  std::vector<ObjectiveTerm> terms_;
  std::vector<std::shared_ptr<const Measure>> measures_;
  std::vector<double> multipliers_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_OBJECTIVE_H_
