#include "server/convert_runs.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/measures/measure.h"
#include "core/optimize/objective.h"
#include "server/convert.h"
#include "server/convert_decoding.h"
#include "server/convert_stepping.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr double kDefaultStoppingScore = 0.99;
constexpr int kMaxTerms = 16;

std::string UnknownValue(int value) {
  return absl::StrCat("has the unknown value ", value);
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
      run.seed = wire.surrogate().seed();
      run.plan.start = SurrogateStart{.seed = run.seed};
      return absl::OkStatus();
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
  run.plan.snapshot_scores = {wire.snapshot_scores().begin(),
                              wire.snapshot_scores().end()};
  if (wire.has_decode_every() && wire.decode_every() < 1) {
    return FieldError(
        "trace.decode_every",
        absl::StrCat("must be at least 1, is ", wire.decode_every()));
  }
  if (wire.has_decoding()) {
    TraceDecoding& decoding = run.plan.decoding.emplace();
    REPSCORE_ASSIGN_OR_RETURN(
        decoding.options, ToDecodingOptions(wire.decoding(), "trace.decoding"));
    decoding.labels = {wire.decoding().labels().begin(),
                       wire.decoding().labels().end()};
    if (wire.has_decode_every()) {
      decoding.every = wire.decode_every();
    }
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
    case v1::PRECISION_MIXED_TF32:
    case v1::PRECISION_MIXED_BFLOAT16:
      run.precision = precision;
      run.plan.storage = ScalarType::kFloat32;
      run.plan.rounding = precision == v1::PRECISION_MIXED_TF32
                              ? Rounding::kTf32
                              : Rounding::kBfloat16;
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
  if (request.has_lbfgs()) {
    if (request.has_adam()) {
      return FieldError("lbfgs", "cannot be given beside adam");
    }
    run.plan.lbfgs = ToLbfgs(request.lbfgs());
  }
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
    REPSCORE_RETURN_IF_ERROR(RequireGradient(*measure, field + ".measure"));
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

/// Terms that have a target.
std::vector<size_t> TargetTerms(const OptimizationPlan& plan) {
  std::vector<size_t> terms;
  for (size_t i = 0; i < plan.terms.size(); ++i) {
    if (std::holds_alternative<Target>(plan.terms[i].goal)) {
      terms.push_back(i);
    }
  }
  return terms;
}

/// Every value lies in the range of its term's measure.
absl::Status CheckTargets(const v1::JointOptimizeRequest& request,
                          const RunPlan& run) {
  const std::vector<size_t> terms = TargetTerms(run.plan);
  for (size_t i = 0; i < run.plan.targets.size(); ++i) {
    const std::vector<double>& values = run.plan.targets[i];
    for (size_t k = 0; k < std::min(values.size(), terms.size()); ++k) {
      REPSCORE_ASSIGN_OR_RETURN(
          const auto measure,
          ToMeasure(request.terms(static_cast<int>(terms[k])).measure(),
                    "terms"));
      const MeasureInfo& info = measure->info();
      if (values[k] >= info.lowest && values[k] <= info.highest) {
        continue;
      }
      const bool is_grid = request.has_grid();
      return FieldError(
          is_grid ? (values[k] < info.lowest ? "grid.lowest" : "grid.highest")
                  : absl::StrCat("targets.points[", i, "].values"),
          absl::StrCat(values[k],
                       " is outside the range [",
                       info.lowest,
                       ", ",
                       info.highest,
                       "] of ",
                       std::string(info.id)));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadGrid(const v1::TargetGrid& wire, RunPlan& run) {
  TargetGrid grid;
  if (wire.has_points_per_side()) {
    grid.points_per_side = wire.points_per_side();
  }
  grid.boundary = wire.boundary();
  if (wire.has_lowest()) {
    grid.lowest = wire.lowest();
  }
  if (wire.has_highest()) {
    grid.highest = wire.highest();
  }
  const auto axes = static_cast<int64_t>(TargetTerms(run.plan).size());
  REPSCORE_ASSIGN_OR_RETURN(run.plan.targets, MakeTargets(grid, axes));
  return absl::OkStatus();
}

absl::Status ReadWalk(const v1::JointOptimizeRequest& request, RunPlan& run) {
  switch (request.walk_case()) {
    case v1::JointOptimizeRequest::kTargets:
      if (request.targets().points().empty()) {
        return FieldError("targets.points", "at least one is needed");
      }
      for (const v1::TargetPoint& point : request.targets().points()) {
        run.plan.targets.emplace_back(point.values().begin(),
                                      point.values().end());
      }
      break;
    case v1::JointOptimizeRequest::kGrid:
      REPSCORE_RETURN_IF_ERROR(ReadGrid(request.grid(), run));
      break;
    case v1::JointOptimizeRequest::WALK_NOT_SET:
      return absl::OkStatus();
  }
  REPSCORE_RETURN_IF_ERROR(CheckTargets(request, run));
  // The terms' own values are not used: they take those of the first target.
  const std::vector<size_t> terms = TargetTerms(run.plan);
  const std::vector<double>& first = run.plan.targets.front();
  for (size_t k = 0; k < std::min(terms.size(), first.size()); ++k) {
    std::get<Target>(run.plan.terms[terms[k]].goal).value = first[k];
  }
  return absl::OkStatus();
}

absl::Status ReadRestarts(const v1::OptimizeRequest& request, RunPlan& run) {
  if (!request.has_restarts()) {
    return absl::OkStatus();
  }
  run.plan.restarts = request.restarts();
  if (run.plan.restarts > 1 && !run.start_dataset.empty()) {
    return FieldError("restarts", "need a random start; this one is given");
  }
  return absl::OkStatus();
}

/// Scores that the measure can have, by rising similarity.
absl::Status CheckSnapshots(const std::vector<double>& scores,
                            const MeasureInfo& info) {
  const double sign = info.orientation == Orientation::kScore ? 1.0 : -1.0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const std::string field = absl::StrCat("trace.snapshot_scores[", i, "]");
    if (!(scores[i] >= info.lowest && scores[i] <= info.highest)) {
      return FieldError(field,
                        absl::StrCat(scores[i],
                                     " is outside the range [",
                                     info.lowest,
                                     ", ",
                                     info.highest,
                                     "] of ",
                                     std::string(info.id)));
    }
    if (i > 0 && !(sign * scores[i] > sign * scores[i - 1])) {
      return FieldError(field,
                        absl::StrCat(scores[i],
                                     " does not lie beyond the one before, ",
                                     scores[i - 1]));
    }
  }
  return absl::OkStatus();
}

void NameMembers(RunPlan& run) {
  const bool is_random = !std::holds_alternative<HostArray>(run.plan.start) &&
                         run.start_dataset.empty();
  const size_t count = std::max<size_t>({size_t{1},
                                         static_cast<size_t>(run.plan.restarts),
                                         run.plan.targets.size()});
  run.members.resize(count);
  for (size_t i = 0; i < count; ++i) {
    v1::MemberStart& member = run.members[i];
    if (is_random) {
      member.set_seed(run.seed + (run.plan.restarts > 1 ? i : 0));
    }
    if (i < run.plan.targets.size()) {
      *member.mutable_targets() = {run.plan.targets[i].begin(),
                                   run.plan.targets[i].end()};
    }
  }
}

/// What the core alone knows: numbers of the plan and goals of the terms.
absl::Status Validate(RunPlan& run) {
  REPSCORE_RETURN_IF_ERROR(ValidatePlan(run.plan));
  REPSCORE_RETURN_IF_ERROR(Objective::Create(run.plan.terms).status());
  NameMembers(run);
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
  REPSCORE_RETURN_IF_ERROR(RequireGradient(*measure, "measure"));
  REPSCORE_RETURN_IF_ERROR(ReadRestarts(request, run));
  REPSCORE_RETURN_IF_ERROR(
      CheckSnapshots(run.plan.snapshot_scores, measure->info()));
  ObjectiveTerm term;
  term.measure = ToMeasureRequest(request.measure());
  term.field = "measure";
  run.plan.terms.push_back(std::move(term));
  run.measures.push_back(measure->id());
  if (!run.plan.stopping.score.has_value() &&
      measure->info().orientation == Orientation::kScore) {
    run.plan.stopping.score = kDefaultStoppingScore;
  }
  REPSCORE_RETURN_IF_ERROR(Validate(run));
  return run;
}

absl::StatusOr<RunPlan> ToRunPlan(const v1::JointOptimizeRequest& request) {
  RunPlan run;
  run.kind = v1::RUN_KIND_JOINT_OPTIMIZE;
  REPSCORE_RETURN_IF_ERROR(ReadCommon(request, run));
  REPSCORE_RETURN_IF_ERROR(ReadTerms(request, run));
  REPSCORE_RETURN_IF_ERROR(ReadMoves(request.moves(), run));
  REPSCORE_RETURN_IF_ERROR(ReadWalk(request, run));
  REPSCORE_RETURN_IF_ERROR(Validate(run));
  return run;
}

absl::StatusOr<RunPlan> ParseRunPlan(v1::RunKind kind,
                                     const std::string& request) {
  return kind == v1::RUN_KIND_OPTIMIZE
             ? ParseAs<v1::OptimizeRequest>(request)
             : ParseAs<v1::JointOptimizeRequest>(request);
}

}  // namespace repscore::server
