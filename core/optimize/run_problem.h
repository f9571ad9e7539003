// What all members of a run share: the plan, its measures, and everything that
// the reference contributes to every step.
//
// Immutable once made. Members on sibling backends may read it at once.
#ifndef REPSCORE_CORE_OPTIMIZE_RUN_PROBLEM_H_
#define REPSCORE_CORE_OPTIMIZE_RUN_PROBLEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/analysis/decoding.h"
#include "core/measures/measure.h"
#include "core/measures/reference.h"
#include "core/optimize/plan.h"
#include "core/statistics/row_pair.h"

namespace repscore {

struct RunProblem {
  std::shared_ptr<const Reference> reference;
  OptimizationPlan plan;
  /// Columns p of every candidate.
  int64_t features = 0;
  std::vector<std::shared_ptr<const Measure>> measures;
  std::vector<std::shared_ptr<const Measure>> tracked;
  /// Of a step, and of one that records a trace point.
  StatisticsNeeds step_needs;
  StatisticsNeeds trace_needs;
  /// Some measure needs the reference's own columns.
  bool full_reference = false;
  std::unique_ptr<RowOrder> order;
  /// Constants of a fixed reference, in the order of rows.
  ReferenceConstants constants;
  /// The reference's rows in float64 and as they are multiplied; means [q x 1].
  Matrix exact_reference;
  Matrix stored_reference;
  Matrix reference_means;
  /// Principal components u_i that are followed [n x k], in the order of rows.
  Matrix components;
  /// X'u_i = M axes_i of the leading ones whose variance is above rounding of
  /// M = X'Y [q x l]; empty where the reference moves.
  Matrix axes;
  std::vector<double> variance_shares;
  std::vector<DecodedLabel> labels;
  /// The names of `labels`.
  std::vector<std::string> label_names;

  bool moves_both() const { return plan.moves == Moves::kBoth; }
  Accuracy accuracy() const {
    return plan.storage == ScalarType::kFloat64 ? Accuracy::kExact
                                                : Accuracy::kFast;
  }
  /// Members of this size take one thread each, side by side.
  bool is_small() const;
  /// Steps that one of several members takes before it is another's turn: its
  /// rows stay in the caches, and threads wait for each other once per turn.
  /// About 0.1 s; one where a step may cost much more than its products.
  int64_t turn_steps() const;

 private:
  /// Operations of the products of a step.
  double StepWork() const;
};

/// InvalidArgument, naming the wire's field, when the plan (one that
/// ValidatePlan accepts) does not fit the reference.
absl::StatusOr<std::unique_ptr<const RunProblem>> MakeRunProblem(
    std::shared_ptr<const Reference> reference, OptimizationPlan plan);

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_RUN_PROBLEM_H_
