// The step loop: moves a candidate (or both sides) up an objective.
//
//   auto run = Optimization::Create(reference, plan);
//   while (run->stop_reason() == StopReason::kNone) {
//     for (const TracePoint& point : run->TakeTrace()) { ... }
//     run->Step();
//   }
//
// Not thread-safe; use from the thread that owns the reference's backend.
#ifndef REPSCORE_CORE_OPTIMIZE_OPTIMIZATION_H_
#define REPSCORE_CORE_OPTIMIZE_OPTIMIZATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/analysis/score_stream.h"
#include "core/measures/reference.h"
#include "core/optimize/plan.h"

namespace repscore {

/// The run after `step` Adam steps; step 0 is the start.
struct TracePoint {
  int64_t step = 0;
  /// One per term of the plan.
  std::vector<double> scores;
  /// One per tracked measure.
  std::vector<double> tracked;
  double objective = 0.0;
  /// Frobenius norm of the objective's gradient at this point.
  double gradient_norm = 0.0;
  /// Frobenius norm of the column-centred candidate.
  double candidate_norm = 0.0;
  /// R2 of each leading principal component of the reference.
  std::vector<double> component_r2;
  /// Seconds spent in Step since the start, over restarts.
  double elapsed_seconds = 0.0;
};

/// What became of one term's goal.
struct GoalVerdict {
  std::string measure;
  double value = 0.0;
  /// Distance from the goal; 0 for a floor that holds and for maximise.
  double residual = 0.0;
  bool reached = false;
};

struct OptimizationResult {
  StopReason stop_reason = StopReason::kNone;
  int64_t steps = 0;
  /// Of the terms, recomputed in float64.
  std::vector<ScoreResult> scores;
  std::vector<GoalVerdict> verdicts;
  /// The optimised candidate, row-major float64 [n x p], in the reference's
  /// row order, column means included.
  HostArray candidate;
};

class Optimization {
 public:
  /// InvalidArgument when the plan does not fit the reference (start with
  /// other rows, measure without gradient, goal out of the measure's range);
  /// messages name the wire's field.
  static absl::StatusOr<std::unique_ptr<Optimization>> Create(
      std::shared_ptr<const Reference> reference, OptimizationPlan plan);

  /// Continues from Checkpoint() of a run with the same reference and plan.
  /// The continued trace equals the uninterrupted one bit for bit (but for
  /// elapsed_seconds). DataLoss when the bytes are not such a checkpoint.
  static absl::StatusOr<std::unique_ptr<Optimization>> Resume(
      std::shared_ptr<const Reference> reference,
      OptimizationPlan plan,
      std::string_view checkpoint);

  virtual ~Optimization() = default;

  /// Canonical specifications of the terms and of the tracked measures.
  virtual const std::vector<std::string>& measures() const = 0;
  virtual const std::vector<std::string>& tracked() const = 0;

  /// Evaluates the point, decides whether to stop, else takes one Adam step.
  /// After a stop reason is set, Step does nothing.
  virtual absl::Status Step() = 0;

  virtual int64_t steps() const = 0;
  virtual StopReason stop_reason() const = 0;

  /// Points recorded since the last call, in order.
  virtual std::vector<TracePoint> TakeTrace() = 0;

  /// Candidate, Adam moments, step and stopping state as bytes. Take the
  /// trace first: recorded points are not part of it.
  virtual absl::StatusOr<std::string> Checkpoint() const = 0;

  /// Final scores in float64, verdicts and the candidate; at any step.
  virtual absl::StatusOr<OptimizationResult> Finish() = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_OPTIMIZATION_H_
