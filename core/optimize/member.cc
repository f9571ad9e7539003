#include "core/optimize/member.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "core/base/status_macros.h"
#include "core/optimize/finite.h"
#include "core/optimize/start.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Steps between updates of the multipliers of floors.
constexpr int64_t kMultiplierSteps = 20;
// Sufficient increase of the line search (Armijo).
constexpr double kArmijo = 1e-4;
// What a trial's step grows by while curvature tells nothing of its length.
constexpr double kLengthen = 2.0;
// What a trial's step is cut by when it did not rise enough.
constexpr double kBacktrack = 0.5;

/// The plan's terms with the targets of one member.
absl::StatusOr<std::vector<ObjectiveTerm>> TermsOf(const OptimizationPlan& plan,
                                                   int64_t index,
                                                   MemberStart& start) {
  std::vector<ObjectiveTerm> terms = plan.terms;
  size_t axis = 0;
  for (ObjectiveTerm& term : terms) {
    auto* target = std::get_if<Target>(&term.goal);
    if (target == nullptr) {
      continue;
    }
    if (!plan.targets.empty()) {
      target->value = plan.targets[static_cast<size_t>(index)][axis];
    }
    start.targets.push_back(target->value);
    ++axis;
  }
  return terms;
}

StartPoint StartOf(const OptimizationPlan& plan,
                   int64_t index,
                   MemberStart& start) {
  StartPoint point = plan.start;
  const uint64_t shift =
      plan.targets.empty() ? static_cast<uint64_t>(index) : 0;
  if (auto* gaussian = std::get_if<GaussianStart>(&point)) {
    gaussian->seed += shift;
    start.seed = gaussian->seed;
  } else if (auto* surrogate = std::get_if<SurrogateStart>(&point)) {
    surrogate->seed += shift;
    start.seed = surrogate->seed;
  }
  return point;
}

}  // namespace

Member::Member(const RunProblem& problem, Backend& backend, Objective objective)
    : problem_(problem),
      backend_(backend),
      objective_(std::move(objective)),
      stopping_(problem.plan.stopping),
      snapshot_taken_(problem.plan.snapshot_scores.size(), false) {}

absl::StatusOr<std::unique_ptr<Member>> Member::Create(
    const RunProblem& problem, Backend& backend, int64_t index) {
  MemberStart start;
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<ObjectiveTerm> terms,
                            TermsOf(problem.plan, index, start));
  REPSCORE_ASSIGN_OR_RETURN(Objective objective, Objective::Create(terms));
  std::unique_ptr<Member> member(
      new Member(problem, backend, std::move(objective)));
  member->start_ = std::move(start);
  REPSCORE_RETURN_IF_ERROR(member->Prepare(index));
  return member;
}

absl::Status Member::Prepare(int64_t index) {
  index_ = index;
  const OptimizationPlan& plan = problem_.plan;
  const bool range = !plan.targets.empty() && plan.terms.size() == 2;
  const bool follows = plan.terms.size() == 1 &&
                       (plan.principal_components > 0 || plan.decoding);
  keeps_history_ = range || follows;
  for (const std::string& label : problem_.label_names) {
    REPSCORE_ASSIGN_OR_RETURN(
        std::unique_ptr<Decoder> decoder,
        Decoder::Create(
            problem_.reference->dataset(), label, plan.decoding->options));
    decoders_.push_back(std::move(decoder));
  }
  const bool adam = !plan.lbfgs.has_value();
  REPSCORE_RETURN_IF_ERROR(PrepareCandidate(index));
  PrepareReference();
  if (!adam) {
    std::vector<Matrix> like = {candidate_.rows};
    if (problem_.moves_both()) {
      like.push_back(moved_reference_.rows);
    }
    lbfgs_.emplace(*plan.lbfgs, like);
    for (const Matrix& matrix : like) {
      trial_means_.push_back(backend_.Allocate(matrix.cols(), 1, kDouble));
    }
  }
  return absl::OkStatus();
}

absl::Status Member::PrepareCandidate(int64_t index) {
  const OptimizationPlan& plan = problem_.plan;
  Matrix rows;
  {
    REPSCORE_ASSIGN_OR_RETURN(
        const StartRows start,
        MakeStart(StartOf(plan, index, start_), *problem_.reference));
    rows = UploadRows(backend_, start, problem_.reference->rows());
    for (const double element : start.elements) {
      largest_start_ = std::max(largest_start_, std::abs(element));
    }
  }
  const Matrix means = backend_.Allocate(rows.cols(), 1, kDouble);
  backend_.CentreColumns(rows, means);
  rows = problem_.order->Apply(backend_, rows);
  candidate_ = MakeAdamState(
      backend_, rows, means, plan.storage, !plan.lbfgs.has_value());
  return absl::OkStatus();
}

void Member::PrepareReference() {
  if (problem_.moves_both()) {
    moved_reference_ =
        MakeAdamState(backend_,
                      problem_.exact_reference,
                      Scaled(backend_, 1.0, problem_.reference_means),
                      problem_.plan.storage,
                      !problem_.plan.lbfgs.has_value());
    UseMovedReference();
    return;
  }
  pair_.exact_reference = problem_.exact_reference;
  pair_.reference = problem_.stored_reference;
  pair_.reference_means = problem_.reference_means;
}

void Member::UseMovedReference() {
  pair_.reference = moved_reference_.rows;
  pair_.exact_reference = Widened(backend_, moved_reference_.rows);
  pair_.reference_means = Scaled(backend_, 1.0, moved_reference_.means);
  pair_.reference_norm_squared = moved_reference_.rows_squared;
}

bool Member::IsDue(int64_t step) const {
  return step % problem_.plan.trace_every == 0;
}

const StatisticsNeeds& Member::NeedsAt(int64_t step) const {
  return IsDue(step) ? problem_.trace_needs : problem_.step_needs;
}

absl::StatusOr<Member::Evaluated> Member::Evaluate(const RowPair& pair,
                                                   int64_t step) const {
  Evaluated point;
  point.statistics = ComputeStatistics(
      backend_, pair, *problem_.order, NeedsAt(step), problem_.constants);
  // Terms and tracked measures share factors.
  point.statistics.memo = std::make_shared<Memo>();
  point.statistics.candidate_memo = std::make_shared<Memo>();
  if (!std::isfinite(point.statistics.candidate_norm_squared) ||
      !std::isfinite(point.statistics.reference_norm_squared)) {
    return NotFinite(pair, step);
  }
  REPSCORE_RETURN_IF_ERROR(CheckRows(point.statistics, step));
  absl::StatusOr<Objective::Value> value = Guarded([&] {
    return objective_.Evaluate(
        point.statistics,
        AdjointRequest{.candidate = true, .reference = problem_.moves_both()},
        problem_.accuracy());
  });
  if (!value.ok()) {
    return Refused(value.status(), point.statistics, pair, step);
  }
  if (!std::isfinite(value->objective)) {
    return NotFinite(pair, step);
  }
  point.value = *std::move(value);
  return point;
}

absl::Status Member::Step(double elapsed) {
  if (stop_reason_ != StopReason::kNone) {
    return absl::OkStatus();
  }
  pair_.candidate = candidate_.rows;
  pair_.candidate_norm_squared = candidate_.rows_squared;
  // A step moves the means in place; the trace still needs the old ones.
  pair_.candidate_means = Scaled(backend_, 1.0, candidate_.means);
  std::optional<Evaluated> point = std::exchange(ahead_, std::nullopt);
  if (!point.has_value()) {
    REPSCORE_ASSIGN_OR_RETURN(point, Evaluate(pair_, step_));
  }
  const Objective::Value& value = point->value;
  objective_value_ = value.objective;
  stop_reason_ = stopping_.Decide(objective_, value, step_, elapsed);
  TakeSnapshot(value);
  KeepNearest(value);
  double gradient_norm = 0.0;
  if (lbfgs_.has_value()) {
    REPSCORE_ASSIGN_OR_RETURN(gradient_norm, MoveByLbfgs(*point));
  } else {
    REPSCORE_ASSIGN_OR_RETURN(gradient_norm, MoveByAdam(value));
  }
  if (stop_reason_ == StopReason::kNone && gradient_norm == 0.0) {
    stop_reason_ = StopReason::kAtOptimum;
  }
  if (IsDue(step_) || stop_reason_ != StopReason::kNone) {
    REPSCORE_RETURN_IF_ERROR(Record(*point, gradient_norm));
  }
  if (stop_reason_ == StopReason::kNone) {
    Advance(value);
  }
  return absl::OkStatus();
}

absl::StatusOr<double> Member::MoveByAdam(const Objective::Value& value) {
  REPSCORE_ASSIGN_OR_RETURN(
      double squared,
      MoveSide(
          CandidatePullBack(backend_, pair_, *problem_.order, value.adjoint),
          candidate_));
  if (problem_.moves_both()) {
    REPSCORE_ASSIGN_OR_RETURN(
        const double other,
        MoveSide(
            ReferencePullBack(backend_, pair_, *problem_.order, value.adjoint),
            moved_reference_));
    squared += other;
  }
  return std::sqrt(squared);
}

absl::StatusOr<double> Member::MoveSide(const PullBackTerms& terms,
                                        AdamState& state) {
  Backend::StepNorms norms;
  if (stop_reason_ != StopReason::kNone) {
    backend_.PullBack(terms, state.next);
    norms.gradient_squared = backend_.Dot(state.next, state.next);
  } else {
    norms = backend_.PullBackAdam(terms,
                                  CoefficientsOf(problem_.plan.adam, step_ + 1),
                                  state.first,
                                  state.second,
                                  state.next,
                                  state.means);
    state.next_squared = norms.next_squared;
  }
  REPSCORE_RETURN_IF_ERROR(
      CheckStep(norms.gradient_squared, norms.next_squared));
  return norms.gradient_squared;
}

Variables Member::Gradient(const Objective::Value& value) const {
  const auto pulled = [this](const PullBackTerms& terms) {
    Matrix gradient =
        backend_.Allocate(terms.own.rows(), terms.own.cols(), terms.own.type());
    backend_.PullBack(terms, gradient);
    return gradient;
  };
  Variables gradient = {pulled(
      CandidatePullBack(backend_, pair_, *problem_.order, value.adjoint))};
  if (problem_.moves_both()) {
    gradient.push_back(pulled(
        ReferencePullBack(backend_, pair_, *problem_.order, value.adjoint)));
  }
  return gradient;
}

RowPair Member::Trial(const Lbfgs::Direction& direction, double length) {
  std::vector<AdamState*> sides = {&candidate_};
  if (problem_.moves_both()) {
    sides.push_back(&moved_reference_);
  }
  for (size_t i = 0; i < sides.size(); ++i) {
    backend_.Copy(sides[i]->rows, sides[i]->next);
    backend_.Axpby(length, direction.rows[i], 1.0, sides[i]->next);
    backend_.CentreColumns(sides[i]->next, trial_means_[i]);
  }
  RowPair trial = pair_;
  trial.candidate = candidate_.next;
  trial.candidate_means = Scaled(backend_, 1.0, candidate_.means);
  backend_.Axpby(1.0, trial_means_[0], 1.0, trial.candidate_means);
  if (problem_.moves_both()) {
    trial.reference = moved_reference_.next;
    trial.exact_reference = Widened(backend_, moved_reference_.next);
    trial.reference_means = Scaled(backend_, 1.0, moved_reference_.means);
    backend_.Axpby(1.0, trial_means_[1], 1.0, trial.reference_means);
  }
  return trial;
}

absl::StatusOr<double> Member::MoveByLbfgs(const Evaluated& point) {
  Variables gradient = Gradient(point.value);
  double squared = 0.0;
  for (const Matrix& matrix : gradient) {
    squared += backend_.Dot(matrix, matrix);
  }
  REPSCORE_RETURN_IF_ERROR(CheckStep(squared, 0.0));
  if (stop_reason_ != StopReason::kNone || squared == 0.0) {
    return std::sqrt(squared);
  }
  absl::Status failure;
  for (bool again = true; again;) {
    again = lbfgs_->remembers();
    const Lbfgs::Direction direction = lbfgs_->Aim(backend_, gradient);
    REPSCORE_RETURN_IF_ERROR(CheckStep(squared, direction.slope));
    double length = 1.0;
    const int64_t trials =
        direction.slope > 0.0 ? problem_.plan.lbfgs->max_trials : 0;
    for (int64_t i = 0; i < trials; ++i, length *= kBacktrack) {
      absl::StatusOr<Evaluated> trial =
          Evaluate(Trial(direction, length), step_ + 1);
      failure = trial.status();
      if (!failure.ok() && !absl::IsInvalidArgument(failure)) {
        return failure;
      }
      if (trial.ok() &&
          trial->value.objective >=
              point.value.objective + kArmijo * length * direction.slope) {
        ahead_ = *std::move(trial);
        if (i == 0 && !direction.is_scaled) {
          REPSCORE_ASSIGN_OR_RETURN(length, Lengthen(direction, trials - 1));
        }
        lbfgs_->Took(backend_, direction, length);
        return std::sqrt(squared);
      }
    }
    again = again || lbfgs_->remembers();
    lbfgs_->Forget();
  }
  if (!failure.ok()) {
    // Not even the shortest trial could be compared.
    return failure;
  }
  // No step up the gradient rises any more: the optimum to rounding.
  stop_reason_ = StopReason::kAtOptimum;
  return std::sqrt(squared);
}

absl::StatusOr<double> Member::Lengthen(const Lbfgs::Direction& direction,
                                        int64_t trials) {
  double length = 1.0;
  for (int64_t i = 0; i < trials; ++i) {
    absl::StatusOr<Evaluated> trial =
        Evaluate(Trial(direction, kLengthen * length), step_ + 1);
    if (!trial.ok() && !absl::IsInvalidArgument(trial.status())) {
      return trial.status();
    }
    if (!trial.ok() ||
        trial->value.objective <=
            ahead_->value.objective + kArmijo * length * direction.slope) {
      // Back to the trial that `ahead_` is of.
      Trial(direction, length);
      break;
    }
    ahead_ = *std::move(trial);
    length *= kLengthen;
  }
  return length;
}

void Member::Advance(const Objective::Value& value) {
  ++step_;
  candidate_.Advance();
  if (lbfgs_.has_value()) {
    backend_.Axpby(1.0, trial_means_[0], 1.0, candidate_.means);
  }
  if (problem_.moves_both()) {
    moved_reference_.Advance();
    if (lbfgs_.has_value()) {
      backend_.Axpby(1.0, trial_means_[1], 1.0, moved_reference_.means);
    }
    UseMovedReference();
  }
  if (step_ % kMultiplierSteps == 0 && objective_.has_floors()) {
    objective_.UpdateMultipliers(value.scores);
    // The objective is another one from here on.
    ahead_.reset();
    if (lbfgs_.has_value()) {
      lbfgs_->Forget();
    }
  }
}

void Member::KeepNearest(const Objective::Value& value) {
  if (!objective_.has_floors()) {
    return;
  }
  const double lack = objective_.Infeasibility(value.scores);
  if (step_ > 0 && lack > least_lack_) {
    return;
  }
  least_lack_ = lack;
  if (nearest_rows_.empty()) {
    const Matrix& rows = candidate_.rows;
    nearest_rows_ = backend_.Allocate(rows.rows(), rows.cols(), rows.type());
  }
  backend_.Copy(candidate_.rows, nearest_rows_);
  nearest_means_ = pair_.candidate_means;
}

void Member::TakeSnapshot(const Objective::Value& value) {
  const std::vector<double>& thresholds = problem_.plan.snapshot_scores;
  HostArray array;
  for (size_t i = 0; i < thresholds.size(); ++i) {
    if (snapshot_taken_[i] ||
        !objective_.IsBetter(value.scores.front(), thresholds[i])) {
      continue;
    }
    snapshot_taken_[i] = true;
    if (array.data.empty()) {
      array = ArrayOf(candidate_.rows, pair_.candidate_means);
    }
    snapshots_.push_back({.member = index_,
                          .threshold = thresholds[i],
                          .score = value.scores.front(),
                          .step = step_,
                          .candidate = array});
  }
}

HostArray Member::ArrayOf(const Matrix& rows, const Matrix& means) const {
  return ToHostArray(backend_, problem_.order->Invert(backend_, rows), means);
}

}  // namespace repscore
