#include "core/optimize/optimization.h"

#include <chrono>
#include <cmath>
#include <map>
#include <utility>

#include "core/analysis/component_capture.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/optimize/adam.h"
#include "core/optimize/checkpoint.h"
#include "core/optimize/objective.h"
#include "core/optimize/start.h"
#include "core/optimize/stopping.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Steps between updates of the multipliers of floors.
constexpr int64_t kMultiplierSteps = 20;
// A goal counts as reached within this when the plan names no tolerance.
constexpr double kDefaultGoalTolerance = 0.01;

class OptimizationImpl final : public Optimization {
 public:
  OptimizationImpl(std::shared_ptr<const Reference> reference,
                   OptimizationPlan plan,
                   Objective objective)
      : reference_(std::move(reference)),
        backend_(reference_->backend()),
        plan_(std::move(plan)),
        objective_(std::move(objective)),
        stopping_(plan_.stopping),
        moves_both_(plan_.moves == Moves::kBoth) {}

  absl::Status Prepare() {
    for (size_t i = 0; i < plan_.tracked.size(); ++i) {
      REPSCORE_ASSIGN_OR_RETURN(
          std::shared_ptr<const Measure> measure,
          CreateMeasure(plan_.tracked[i], StrCat("trace.tracked[", i, "]")));
      tracked_ids_.push_back(measure->id());
      tracked_.push_back(std::move(measure));
    }
    for (const auto& measure : objective_.measures()) {
      ids_.push_back(measure->id());
    }
    REPSCORE_ASSIGN_OR_RETURN(StartRows start,
                              MakeStart(plan_.start, *reference_));
    features_ = start.features;
    REPSCORE_RETURN_IF_ERROR(PrepareMeasures());
    PrepareCandidate(start.elements);
    PrepareReference();
    return absl::OkStatus();
  }

  const std::vector<std::string>& measures() const override { return ids_; }
  const std::vector<std::string>& tracked() const override {
    return tracked_ids_;
  }
  const std::vector<DecodedLabel>& labels() const override { return labels_; }
  const std::vector<double>& variance_shares() const override {
    return variance_shares_;
  }
  const std::vector<MemberStart>& members() const override { return members_; }
  int64_t active_members() const override {
    return stop_reason_ == StopReason::kNone ? 1 : 0;
  }
  std::vector<Snapshot> TakeSnapshots() override { return {}; }
  int64_t steps() const override { return step_; }
  StopReason stop_reason() const override { return stop_reason_; }
  std::vector<TracePoint> TakeTrace() override {
    return std::exchange(trace_, {});
  }

  absl::Status Step() override {
    return Guarded([this]() -> absl::Status {
      if (stop_reason_ != StopReason::kNone) {
        return absl::OkStatus();
      }
      const auto start = std::chrono::steady_clock::now();
      const absl::Status status = StepOnce();
      elapsed_ += std::chrono::duration<double>(
                      std::chrono::steady_clock::now() - start)
                      .count();
      if (!trace_.empty() && trace_.back().elapsed_seconds < 0.0) {
        trace_.back().elapsed_seconds = elapsed_;
      }
      return status;
    });
  }

  absl::StatusOr<std::string> Checkpoint() const override {
    return Guarded([this]() -> absl::StatusOr<std::string> {
      CheckpointWriter writer;
      writer.Write(step_);
      writer.Write(static_cast<int64_t>(stop_reason_));
      writer.Write(elapsed_);
      writer.Write(stopping_.best_objective);
      writer.Write(stopping_.steps_since_best);
      writer.Write(objective_.multipliers());
      WriteAdamState(backend_, writer, candidate_);
      if (moves_both_) {
        WriteAdamState(backend_, writer, moved_reference_);
      }
      return writer.Finish();
    });
  }

  absl::Status Restore(std::string_view checkpoint) {
    return Guarded([&]() -> absl::Status {
      REPSCORE_ASSIGN_OR_RETURN(CheckpointReader reader,
                                CheckpointReader::Open(checkpoint));
      int64_t stop = 0;
      REPSCORE_RETURN_IF_ERROR(reader.Read(step_));
      REPSCORE_RETURN_IF_ERROR(reader.Read(stop));
      stop_reason_ = static_cast<StopReason>(stop);
      REPSCORE_RETURN_IF_ERROR(reader.Read(elapsed_));
      REPSCORE_RETURN_IF_ERROR(reader.Read(stopping_.best_objective));
      REPSCORE_RETURN_IF_ERROR(reader.Read(stopping_.steps_since_best));
      std::vector<double> multipliers;
      REPSCORE_RETURN_IF_ERROR(reader.Read(multipliers));
      if (multipliers.size() != objective_.multipliers().size()) {
        return absl::DataLossError(
            "checkpoint: it belongs to a run with other terms");
      }
      objective_.multipliers() = std::move(multipliers);
      REPSCORE_RETURN_IF_ERROR(ReadAdamState(backend_, reader, candidate_));
      if (moves_both_) {
        REPSCORE_RETURN_IF_ERROR(
            ReadAdamState(backend_, reader, moved_reference_));
        UseMovedReference();
      }
      return absl::OkStatus();
    });
  }

  absl::StatusOr<OptimizationResult> Finish() override {
    return Guarded([this]() -> absl::StatusOr<OptimizationResult> {
      OptimizationResult all;
      MemberResult& result = all.members.emplace_back();
      result.stop_reason = stop_reason_;
      result.steps = step_;
      RowPair pair;
      // float32 rows are centred to float32 only.
      pair.candidate =
          Scaled(backend_, 1.0, Widened(backend_, candidate_.rows));
      pair.candidate_means = backend_.Allocate(features_, 1, kDouble);
      backend_.CentreColumns(pair.candidate, pair.candidate_means);
      backend_.Axpby(1.0, candidate_.means, 1.0, pair.candidate_means);
      pair.reference_means = pair_.reference_means;
      pair.reference = pair_.exact_reference;
      pair.exact_reference = pair_.exact_reference;
      const Statistics statistics =
          ComputeStatistics(backend_, pair, *order_, step_needs_, constants_);
      std::vector<double> scores;
      for (const auto& measure : objective_.measures()) {
        REPSCORE_ASSIGN_OR_RETURN(ScoreResult score,
                                  EvaluateMeasure(*measure, statistics));
        scores.push_back(score.value);
        result.scores.push_back(std::move(score));
      }
      result.verdicts = objective_.Verdicts(
          scores,
          plan_.stopping.goal_tolerance.value_or(kDefaultGoalTolerance));
      result.candidate = CandidateArray();
      return all;
    });
  }

 private:
  absl::Status PrepareMeasures() {
    ProblemSize size;
    size.rows = reference_->rows();
    size.candidate_features = features_;
    size.reference_features = ReferenceRows().cols();
    size.space = ChooseSpace(size.rows, features_);
    for (const auto* group :
         {&objective_.measures(), &std::as_const(tracked_)}) {
      for (const auto& measure : *group) {
        full_reference_ |= measure->Needs(size).full_reference;
      }
    }
    size.reference_features = ReferenceRows().cols();
    std::map<std::string, Folds> folds;
    const auto add = [&](const Measure& measure,
                         std::string_view field,
                         StatisticsNeeds& needs) -> absl::Status {
      absl::Status fits = measure.CheckSize(size);
      if (fits.ok() && measure.fold_rule() != nullptr) {
        const FoldRule& rule = *measure.fold_rule();
        absl::StatusOr<Folds> assigned =
            rule.Assign(LayoutOf(reference_->dataset()));
        fits = assigned.status();
        if (fits.ok()) {
          folds[rule.ToString()] = *std::move(assigned);
        }
      }
      if (!fits.ok()) {
        return {fits.code(),
                StrCat(field, ".id: ", std::string(fits.message()))};
      }
      needs |= measure.Needs(size);
      return absl::OkStatus();
    };
    for (size_t i = 0; i < ids_.size(); ++i) {
      const std::string& given = plan_.terms[i].field;
      const std::string field =
          given.empty() ? StrCat("terms[", i, "].measure") : given;
      REPSCORE_RETURN_IF_ERROR(
          add(*objective_.measures()[i], field, step_needs_));
    }
    trace_needs_ = step_needs_;
    for (size_t i = 0; i < tracked_.size(); ++i) {
      REPSCORE_RETURN_IF_ERROR(
          add(*tracked_[i], StrCat("trace.tracked[", i, "]"), trace_needs_));
    }
    order_ = std::make_unique<RowOrder>(size.rows, std::move(folds));
    return absl::OkStatus();
  }

  void PrepareCandidate(const std::vector<double>& start) {
    const int64_t n = reference_->rows();
    const Matrix transposed = backend_.Allocate(features_, n, kDouble);
    backend_.Upload(start, transposed);
    const Matrix rows = backend_.Allocate(n, features_, kDouble);
    backend_.Transpose(transposed, rows);
    for (const double element : start) {
      largest_start_ = std::max(largest_start_, std::abs(element));
    }
    const Matrix means = backend_.Allocate(features_, 1, kDouble);
    backend_.CentreColumns(rows, means);
    candidate_ = MakeAdamState(
        backend_, order_->Apply(backend_, rows), means, plan_.storage);
  }

  const Matrix& ReferenceRows() const {
    return reference_->Rows(moves_both_ || full_reference_);
  }

  void PrepareReference() {
    const Matrix rows = order_->Apply(backend_, ReferenceRows());
    if (moves_both_) {
      const Matrix means = Scaled(backend_, 1.0, reference_->means());
      moved_reference_ = MakeAdamState(backend_, rows, means, plan_.storage);
      UseMovedReference();
    } else {
      pair_.exact_reference = rows;
      pair_.reference = rows;
      pair_.reference_means = reference_->means();
      if (plan_.storage != kDouble) {
        pair_.reference =
            backend_.Allocate(rows.rows(), rows.cols(), plan_.storage);
        backend_.Copy(rows, pair_.reference);
      }
      FixConstants();
    }
    if (plan_.principal_components > 0) {
      const Matrix vectors = order_->Apply(
          backend_,
          reference_->principal_components(plan_.principal_components).vectors);
      components_ =
          backend_.Allocate(vectors.rows(), vectors.cols(), plan_.storage);
      backend_.Copy(vectors, components_);
    }
  }

  /// What a fixed reference contributes to every step, in the order of rows.
  void FixConstants() {
    StatisticsNeeds needs = trace_needs_;
    needs.full_reference = full_reference_;
    const ReferenceConstants constants = reference_->Constants(needs);
    constants_.norm_squared = constants.norm_squared;
    constants_.gram = constants.gram;
    if (needs.reference_kernel) {
      constants_.kernel = order_->is_identity()
                              ? constants.kernel
                              : KernelOf(backend_, pair_.exact_reference);
    }
    if (needs.row_norms) {
      constants_.row_norms = order_->Apply(backend_, constants.row_norms);
    }
  }

  void UseMovedReference() {
    pair_.reference = moved_reference_.rows;
    pair_.exact_reference = Widened(backend_, moved_reference_.rows);
    pair_.reference_means = Scaled(backend_, 1.0, moved_reference_.means);
  }

  Accuracy accuracy() const {
    return plan_.storage == kDouble ? Accuracy::kExact : Accuracy::kFast;
  }

  absl::Status StepOnce() {
    pair_.candidate = candidate_.rows;
    // A step moves the means in place; the trace still needs the old ones.
    pair_.candidate_means = Scaled(backend_, 1.0, candidate_.means);
    const bool due = step_ % plan_.trace_every == 0;
    const StatisticsNeeds& needs =
        due && !tracked_.empty() ? trace_needs_ : step_needs_;
    const Statistics statistics =
        ComputeStatistics(backend_, pair_, *order_, needs, constants_);
    REPSCORE_RETURN_IF_ERROR(CheckRows(statistics));
    REPSCORE_ASSIGN_OR_RETURN(
        Objective::Value value,
        objective_.Evaluate(
            statistics,
            AdjointRequest{.candidate = true, .reference = moves_both_},
            accuracy()));
    if (!std::isfinite(value.objective)) {
      return Overflowed();
    }
    stop_reason_ = stopping_.Decide(objective_, value, step_, elapsed_);
    const double gradient_norm = Move(value);
    if (stop_reason_ == StopReason::kNone && gradient_norm == 0.0) {
      stop_reason_ = StopReason::kAtOptimum;
    }
    if (due || stop_reason_ != StopReason::kNone) {
      REPSCORE_RETURN_IF_ERROR(Record(statistics, value, gradient_norm, due));
    }
    if (stop_reason_ == StopReason::kNone) {
      Advance(value);
    }
    return absl::OkStatus();
  }

  absl::Status Overflowed() const {
    return absl::InvalidArgumentError(
        StrCat("adam.learning_rate: ",
               plan_.adam.learning_rate,
               " made the candidate overflow at step ",
               step_));
  }

  absl::Status CheckRows(const Statistics& statistics) const {
    if (!std::isfinite(statistics.candidate_norm_squared) ||
        !std::isfinite(statistics.reference_norm_squared)) {
      return Overflowed();
    }
    const double largest = step_ == 0
                               ? largest_start_
                               : std::sqrt(statistics.candidate_norm_squared);
    if (!HasVariance(statistics.candidate_norm_squared,
                     largest,
                     reference_->rows(),
                     features_)) {
      return absl::InvalidArgumentError(
          StrCat(step_ == 0 ? "start.candidate" : "candidate",
                 ": has no variance over its ",
                 reference_->rows(),
                 " rows at step ",
                 step_));
    }
    return absl::OkStatus();
  }

  /// Pulls the adjoint back to the rows and, unless the run stops here, writes
  /// the next iterate into state.next. Returns the norm of the gradient.
  double Move(const Objective::Value& value) {
    double squared = MoveSide(
        CandidatePullBack(backend_, pair_, *order_, value.adjoint), candidate_);
    if (moves_both_) {
      squared +=
          MoveSide(ReferencePullBack(backend_, pair_, *order_, value.adjoint),
                   moved_reference_);
    }
    return std::sqrt(squared);
  }

  double MoveSide(const PullBackTerms& terms, AdamState& state) {
    if (stop_reason_ != StopReason::kNone) {
      backend_.PullBack(terms, state.next);
      return backend_.Dot(state.next, state.next);
    }
    return backend_
        .PullBackAdam(terms,
                      CoefficientsOf(plan_.adam, step_ + 1),
                      state.first,
                      state.second,
                      state.next,
                      state.means)
        .gradient_squared;
  }

  void Advance(const Objective::Value& value) {
    ++step_;
    std::swap(candidate_.rows, candidate_.next);
    if (moves_both_) {
      std::swap(moved_reference_.rows, moved_reference_.next);
      UseMovedReference();
    }
    if (step_ % kMultiplierSteps == 0) {
      objective_.UpdateMultipliers(value.scores);
    }
  }

  absl::Status Record(const Statistics& statistics,
                      const Objective::Value& value,
                      double gradient_norm,
                      bool has_tracked) {
    TracePoint point;
    point.step = step_;
    point.scores = value.scores;
    point.objective = value.objective;
    point.gradient_norm = gradient_norm;
    point.candidate_norm = std::sqrt(statistics.candidate_norm_squared);
    point.elapsed_seconds = -1.0;
    const Statistics* complete = &statistics;
    Statistics recomputed;
    if (!tracked_.empty() && !has_tracked) {
      recomputed =
          ComputeStatistics(backend_, pair_, *order_, trace_needs_, constants_);
      complete = &recomputed;
    }
    for (const auto& measure : tracked_) {
      REPSCORE_ASSIGN_OR_RETURN(
          const Evaluation evaluation,
          measure->Evaluate(*complete, AdjointRequest{}, accuracy()));
      point.tracked.push_back(evaluation.value);
    }
    if (!components_.empty()) {
      point.component_r2 =
          ComponentCapture(backend_, pair_.candidate, components_);
    }
    trace_.push_back(std::move(point));
    return absl::OkStatus();
  }

  HostArray CandidateArray() const {
    return ToHostArray(
        backend_,
        order_->Invert(backend_, Widened(backend_, candidate_.rows)),
        candidate_.means);
  }

  const std::shared_ptr<const Reference> reference_;
  Backend& backend_;
  const OptimizationPlan plan_;
  Objective objective_;
  Stopping stopping_;
  const bool moves_both_;
  std::vector<std::shared_ptr<const Measure>> tracked_;
  std::vector<std::string> ids_;
  std::vector<std::string> tracked_ids_;
  std::vector<DecodedLabel> labels_;
  std::vector<double> variance_shares_;
  std::vector<MemberStart> members_ = {MemberStart{}};
  int64_t features_ = 0;
  double largest_start_ = 0.0;
  /// A measure needs the reference's own columns.
  bool full_reference_ = false;
  StatisticsNeeds step_needs_;
  StatisticsNeeds trace_needs_;
  std::unique_ptr<RowOrder> order_;
  RowPair pair_;
  ReferenceConstants constants_;
  Matrix components_;
  AdamState candidate_;
  AdamState moved_reference_;
  int64_t step_ = 0;
  StopReason stop_reason_ = StopReason::kNone;
  double elapsed_ = 0.0;
  std::vector<TracePoint> trace_;
};

absl::StatusOr<std::unique_ptr<OptimizationImpl>> Prepared(
    std::shared_ptr<const Reference> reference, OptimizationPlan plan) {
  return Guarded([&]() -> absl::StatusOr<std::unique_ptr<OptimizationImpl>> {
    REPSCORE_RETURN_IF_ERROR(ValidatePlan(plan));
    REPSCORE_ASSIGN_OR_RETURN(Objective objective,
                              Objective::Create(plan.terms));
    auto optimization = std::make_unique<OptimizationImpl>(
        std::move(reference), std::move(plan), std::move(objective));
    REPSCORE_RETURN_IF_ERROR(optimization->Prepare());
    return optimization;
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Optimization>> Optimization::Create(
    std::shared_ptr<const Reference> reference, OptimizationPlan plan) {
  return Prepared(std::move(reference), std::move(plan));
}

absl::StatusOr<std::unique_ptr<Optimization>> Optimization::Resume(
    std::shared_ptr<const Reference> reference,
    OptimizationPlan plan,
    std::string_view checkpoint) {
  REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<OptimizationImpl> optimization,
                            Prepared(std::move(reference), std::move(plan)));
  REPSCORE_RETURN_IF_ERROR(optimization->Restore(checkpoint));
  return optimization;
}

}  // namespace repscore
