#include "server/convert_runs.h"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/measures/measure.h"
#include "server/convert.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr double kDefaultStoppingScore = 0.99;
constexpr int kMaxTerms = 16;
constexpr double kNanosPerSecond = 1e9;
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;
constexpr int32_t kMaxDurationNanos = 999'999'999;

std::string UnknownValue(int value) {
  return absl::StrCat("has the unknown value ", value);
}

AdamOptions ToAdam(const v1::AdamOptions& wire) {
  AdamOptions adam;
  if (wire.has_learning_rate()) {
    adam.learning_rate = wire.learning_rate();
  }
  if (wire.has_beta1()) {
    adam.beta1 = wire.beta1();
  }
  if (wire.has_beta2()) {
    adam.beta2 = wire.beta2();
  }
  if (wire.has_epsilon()) {
    adam.epsilon = wire.epsilon();
  }
  return adam;
}

absl::StatusOr<double> ToSeconds(const google::protobuf::Duration& duration,
                                 const std::string& field) {
  if (duration.seconds() < 0 || duration.seconds() > kMaxDurationSeconds ||
      duration.nanos() < 0 || duration.nanos() > kMaxDurationNanos) {
    return FieldError(field, "is not a duration of zero or more");
  }
  return static_cast<double>(duration.seconds()) +
         duration.nanos() / kNanosPerSecond;
}

absl::StatusOr<StoppingRule> ToStopping(const v1::StoppingOptions& wire) {
  StoppingRule stopping;
  if (wire.has_score()) {
    stopping.score = wire.score();
  }
  if (wire.has_max_steps()) {
    stopping.max_steps = wire.max_steps();
  }
  if (wire.has_max_time()) {
    REPSCORE_ASSIGN_OR_RETURN(stopping.max_seconds,
                              ToSeconds(wire.max_time(), "stopping.max_time"));
  }
  if (wire.has_plateau()) {
    stopping.plateau = PlateauRule{.patience = wire.plateau().patience(),
                                   .min_delta = wire.plateau().min_delta()};
  }
  if (wire.has_goal_tolerance()) {
    stopping.goal_tolerance = wire.goal_tolerance();
  }
  return stopping;
}

absl::Status ReadStart(const v1::StartPoint& wire, RunPlan& run) {
  switch (wire.kind_case()) {
    case v1::StartPoint::kCandidate: {
      REPSCORE_ASSIGN_OR_RETURN(
          run.plan.start, ToHostArray(wire.candidate(), "start.candidate"));
      return absl::OkStatus();
    }
    case v1::StartPoint::kDataset:
      run.start_dataset = wire.dataset();
      return CheckName(wire.dataset(), "start.dataset");
    case v1::StartPoint::kSurrogate:
      return FieldError("start.surrogate", "is not served");
    case v1::StartPoint::kGaussian:
    case v1::StartPoint::KIND_NOT_SET:
      break;
  }
  const v1::GaussianStart& gaussian = wire.gaussian();
  if (gaussian.has_features() && gaussian.features() < 1) {
    return FieldError(
        "start.gaussian.features",
        absl::StrCat("must be positive, is ", gaussian.features()));
  }
  run.seed = gaussian.seed();
  run.plan.start =
      GaussianStart{.seed = gaussian.seed(), .features = gaussian.features()};
  return absl::OkStatus();
}

absl::Status ReadTrace(const v1::TraceOptions& wire, RunPlan& run) {
  if (wire.has_every()) {
    run.plan.trace_every = wire.every();
  }
  run.plan.principal_components = wire.principal_components();
  REPSCORE_ASSIGN_OR_RETURN(const Measures tracked,
                            ToMeasures(wire.tracked(), "trace.tracked"));
  for (int i = 0; i < wire.tracked_size(); ++i) {
    run.plan.tracked.push_back(ToMeasureRequest(wire.tracked(i)));
    run.tracked.push_back(tracked[static_cast<size_t>(i)]->id());
  }
  return absl::OkStatus();
}

absl::Status ReadPrecision(v1::Precision precision, RunPlan& run) {
  switch (precision) {
    case v1::PRECISION_UNSPECIFIED:
    case v1::PRECISION_MIXED:
      run.precision = v1::PRECISION_MIXED;
      run.plan.storage = ScalarType::kFloat32;
      return absl::OkStatus();
    case v1::PRECISION_FLOAT64:
      run.precision = v1::PRECISION_FLOAT64;
      run.plan.storage = ScalarType::kFloat64;
      return absl::OkStatus();
    default:
      return FieldError("precision", UnknownValue(precision));
  }
}

/// What Optimize and JointOptimize have in common.
template <typename Request>
absl::Status ReadCommon(const Request& request, RunPlan& run) {
  REPSCORE_RETURN_IF_ERROR(CheckName(request.dataset(), "dataset"));
  run.dataset = request.dataset();
  run.device = request.device();
  run.plan.adam = ToAdam(request.adam());
  REPSCORE_ASSIGN_OR_RETURN(run.plan.stopping, ToStopping(request.stopping()));
  REPSCORE_RETURN_IF_ERROR(ReadStart(request.start(), run));
  REPSCORE_RETURN_IF_ERROR(ReadTrace(request.trace(), run));
  return ReadPrecision(request.precision(), run);
}

absl::StatusOr<Goal> ToGoal(const v1::ObjectiveTerm& term,
                            const std::string& field) {
  switch (term.goal_case()) {
    case v1::ObjectiveTerm::kTarget:
      switch (term.target().loss()) {
        case v1::TARGET_LOSS_UNSPECIFIED:
        case v1::TARGET_LOSS_ABSOLUTE:
          return Target{.value = term.target().value(),
                        .loss = TargetLoss::kAbsolute};
        case v1::TARGET_LOSS_SQUARED:
          return Target{.value = term.target().value(),
                        .loss = TargetLoss::kSquared};
        default:
          return FieldError(field + ".target.loss",
                            UnknownValue(term.target().loss()));
      }
    case v1::ObjectiveTerm::kFloor:
      return Floor{.value = term.floor().value()};
    case v1::ObjectiveTerm::kMaximize:
    case v1::ObjectiveTerm::GOAL_NOT_SET:
      break;
  }
  return Maximize{};
}

absl::Status ReadTerms(const v1::JointOptimizeRequest& request, RunPlan& run) {
  if (request.terms_size() < 1 || request.terms_size() > kMaxTerms) {
    return FieldError(
        "terms",
        absl::StrCat(
            "must be 1 to ", kMaxTerms, ", are ", request.terms_size()));
  }
  for (int i = 0; i < request.terms_size(); ++i) {
    const v1::ObjectiveTerm& wire = request.terms(i);
    const std::string field = absl::StrCat("terms[", i, "]");
    REPSCORE_ASSIGN_OR_RETURN(const auto measure,
                              ToMeasure(wire.measure(), field + ".measure"));
    ObjectiveTerm term;
    term.measure = ToMeasureRequest(wire.measure());
    term.field = field + ".measure";
    term.weight = wire.has_weight() ? wire.weight() : 1.0;
    REPSCORE_ASSIGN_OR_RETURN(term.goal, ToGoal(wire, field));
    run.plan.terms.push_back(std::move(term));
    run.measures.push_back(measure->id());
  }
  return absl::OkStatus();
}

absl::Status ReadMoves(v1::Moves moves, RunPlan& run) {
  switch (moves) {
    case v1::MOVES_UNSPECIFIED:
    case v1::MOVES_CANDIDATE:
      run.plan.moves = Moves::kCandidate;
      return absl::OkStatus();
    case v1::MOVES_BOTH:
      run.plan.moves = Moves::kBoth;
      return absl::OkStatus();
    default:
      return FieldError("moves", UnknownValue(moves));
  }
}

template <typename Request>
absl::StatusOr<RunPlan> ParseAs(const std::string& bytes) {
  Request request;
  if (!request.ParseFromString(bytes)) {
    return absl::DataLossError("the stored request of the run is damaged");
  }
  return ToRunPlan(request);
}

}  // namespace

absl::StatusOr<RunPlan> ToRunPlan(const v1::OptimizeRequest& request) {
  RunPlan run;
  run.kind = v1::RUN_KIND_OPTIMIZE;
  REPSCORE_RETURN_IF_ERROR(ReadCommon(request, run));
  REPSCORE_ASSIGN_OR_RETURN(const auto measure,
                            ToMeasure(request.measure(), "measure"));
  ObjectiveTerm term;
  term.measure = ToMeasureRequest(request.measure());
  term.field = "measure";
  run.plan.terms.push_back(std::move(term));
  run.measures.push_back(measure->id());
  if (!run.plan.stopping.score.has_value() &&
      measure->info().orientation == Orientation::kScore) {
    run.plan.stopping.score = kDefaultStoppingScore;
  }
  REPSCORE_RETURN_IF_ERROR(ValidatePlan(run.plan));
  return run;
}

absl::StatusOr<RunPlan> ToRunPlan(const v1::JointOptimizeRequest& request) {
  RunPlan run;
  run.kind = v1::RUN_KIND_JOINT_OPTIMIZE;
  REPSCORE_RETURN_IF_ERROR(ReadCommon(request, run));
  REPSCORE_RETURN_IF_ERROR(ReadTerms(request, run));
  REPSCORE_RETURN_IF_ERROR(ReadMoves(request.moves(), run));
  REPSCORE_RETURN_IF_ERROR(ValidatePlan(run.plan));
  return run;
}

absl::StatusOr<RunPlan> ParseRunPlan(v1::RunKind kind,
                                     const std::string& request) {
  return kind == v1::RUN_KIND_OPTIMIZE
             ? ParseAs<v1::OptimizeRequest>(request)
             : ParseAs<v1::JointOptimizeRequest>(request);
}

v1::TracePoint ToProto(const TracePoint& point) {
  v1::TracePoint result;
  result.set_step(point.step);
  *result.mutable_scores() = {point.scores.begin(), point.scores.end()};
  *result.mutable_tracked() = {point.tracked.begin(), point.tracked.end()};
  result.set_objective(point.objective);
  result.set_gradient_norm(point.gradient_norm);
  result.set_candidate_norm(point.candidate_norm);
  *result.mutable_component_r2() = {point.component_r2.begin(),
                                    point.component_r2.end()};
  result.set_elapsed_seconds(point.elapsed_seconds);
  return result;
}

v1::GoalVerdict ToProto(const GoalVerdict& verdict) {
  v1::GoalVerdict result;
  result.set_measure(verdict.measure);
  result.set_value(verdict.value);
  result.set_residual(verdict.residual);
  result.set_reached(verdict.reached);
  return result;
}

v1::StopReason ToProto(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return v1::STOP_REASON_UNSPECIFIED;
    case StopReason::kScoreReached:
      return v1::STOP_REASON_SCORE_REACHED;
    case StopReason::kMaxSteps:
      return v1::STOP_REASON_MAX_STEPS;
    case StopReason::kMaxTime:
      return v1::STOP_REASON_MAX_TIME;
    case StopReason::kPlateau:
      return v1::STOP_REASON_PLATEAU;
    case StopReason::kGoalsReached:
      return v1::STOP_REASON_GOALS_REACHED;
    case StopReason::kAtOptimum:
      return v1::STOP_REASON_AT_OPTIMUM;
  }
  return v1::STOP_REASON_UNSPECIFIED;
}

}  // namespace repscore::server
