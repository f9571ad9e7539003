// The step loop: moves candidates (or both sides) up an objective.
//
//   auto run = Optimization::Create(reference, plan);
//   while (run->stop_reason() == StopReason::kNone) {
//     run->Step();
//     for (const TracePoint& point : run->TakeTrace()) { ... }
//   }
//
// A run has one or more members (restarts, or targets), worked on side by side:
// each is, bit for bit, what its own plan alone gives. On the CPU members of a
// small problem take a thread each; those of a large one take all threads in
// turn.
//
// Not thread-safe; use from the thread that owns the reference's backend.
#ifndef REPSCORE_CORE_OPTIMIZE_OPTIMIZATION_H_
#define REPSCORE_CORE_OPTIMIZE_OPTIMIZATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/analysis/allowed_range.h"
#include "core/analysis/decoding.h"
#include "core/analysis/score_stream.h"
#include "core/analysis/thresholds.h"
#include "core/measures/reference.h"
#include "core/optimize/objective.h"
#include "core/optimize/plan.h"

namespace repscore {

/// A member after `step` steps; step 0 is the start.
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
  /// Seconds spent in Step since the start of the run, over checkpoints.
  double elapsed_seconds = 0.0;
  /// From 0.
  int64_t member = 0;
  /// Accuracy per label, in the order of labels(); empty at points without
  /// decoding.
  std::vector<double> decoding = {};
};

/// A candidate as it first passed a score.
struct Snapshot {
  int64_t member = 0;
  /// As asked for, and the score of the point.
  double threshold = 0.0;
  double score = 0.0;
  int64_t step = 0;
  /// As OptimizationResult's candidate.
  HostArray candidate;
};

/// What distinguishes a member of a run.
struct MemberStart {
  /// Of its random start; 0 for other starts.
  uint64_t seed = 0;
  /// Values of the terms that have a target, in their order.
  std::vector<double> targets = {};
};

/// What one member came to.
struct MemberResult {
  int64_t member = 0;
  StopReason stop_reason = StopReason::kNone;
  int64_t steps = 0;
  /// At the returned candidate, recomputed in float64.
  double objective = 0.0;
  /// Of the terms, recomputed in float64.
  std::vector<ScoreResult> scores;
  std::vector<GoalVerdict> verdicts;
  /// Some floor does not hold at the returned candidate, which is then the one
  /// of the run with the smallest sum of residuals.
  bool infeasible = false;
  /// Of a run over a single measure that follows components or labels.
  std::vector<ComponentThreshold> component_thresholds = {};
  std::vector<LabelThreshold> label_thresholds = {};
  /// The optimised candidate, row-major float64 [n x p], in the reference's
  /// row order, column means included.
  HostArray candidate;
};

struct OptimizationResult {
  /// One or more, in order.
  std::vector<MemberResult> members;
  /// The one with the highest objective; the first of equals.
  int64_t best_member = 0;
  /// Of targets over exactly two terms.
  std::optional<AllowedRange> allowed_range = std::nullopt;

  const MemberResult& best() const {
    return members[static_cast<size_t>(best_member)];
  }
  MemberResult& best() { return members[static_cast<size_t>(best_member)]; }
};

class Optimization {
 public:
  /// InvalidArgument when the plan does not fit the reference (start with
  /// other rows, measure without gradient, goal out of the measure's range,
  /// label that cannot be decoded); messages name the wire's field.
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
  /// In the order of TracePoint.decoding.
  virtual const std::vector<DecodedLabel>& labels() const = 0;
  /// Share of variance of every component in TracePoint.component_r2.
  virtual const std::vector<double>& variance_shares() const = 0;
  /// One per member.
  virtual const std::vector<MemberStart>& members() const = 0;
  /// Members that have not stopped yet.
  virtual int64_t active_members() const = 0;

  /// One step of a run's only member, or some of the next members in turn, as
  /// many as are worked on at once: evaluates the point, decides whether to
  /// stop, else moves. After a stop reason is set, Step does nothing.
  virtual absl::Status Step() = 0;

  /// Steps of the member that took the most.
  virtual int64_t steps() const = 0;
  /// kNone until every member has stopped, then the reason of the member with
  /// the highest last objective.
  virtual StopReason stop_reason() const = 0;

  /// Points recorded since the last call, in order for every member.
  virtual std::vector<TracePoint> TakeTrace() = 0;

  /// Snapshots taken since the last call.
  virtual std::vector<Snapshot> TakeSnapshots() = 0;

  /// The state of every member as bytes. Take trace and snapshots first: what
  /// is recorded is not part of it.
  virtual absl::StatusOr<std::string> Checkpoint() const = 0;

  /// Final scores in float64, verdicts and candidates; at any step.
  virtual absl::StatusOr<OptimizationResult> Finish() = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_OPTIMIZATION_H_
