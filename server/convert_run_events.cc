// Events of runs on the wire.
#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "core/base/digest.h"
#include "server/convert.h"
#include "server/convert_runs.h"

namespace repscore::server {
namespace {

v1::Coupling ToProto(Coupling coupling) {
  switch (coupling) {
    case Coupling::kUnspecified:
      return v1::COUPLING_UNSPECIFIED;
    case Coupling::kIndependent:
      return v1::COUPLING_INDEPENDENT;
    case Coupling::kCoupled:
      return v1::COUPLING_COUPLED;
    case Coupling::kFirstImpliesSecond:
      return v1::COUPLING_FIRST_IMPLIES_SECOND;
    case Coupling::kSecondImpliesFirst:
      return v1::COUPLING_SECOND_IMPLIES_FIRST;
    case Coupling::kUndecided:
      return v1::COUPLING_UNDECIDED;
  }
  return v1::COUPLING_UNSPECIFIED;
}

v1::TheoreticalBound ToProto(const TheoreticalBound& bound) {
  v1::TheoreticalBound result;
  result.set_formula(bound.formula);
  result.set_source(bound.source);
  *result.mutable_first() = {bound.first.begin(), bound.first.end()};
  *result.mutable_second() = {bound.second.begin(), bound.second.end()};
  result.set_violation(bound.violation);
  return result;
}

void MarkInfeasible(const MemberResult& member, v1::MemberResult& result) {
  for (size_t i = 0; i < member.verdicts.size(); ++i) {
    if (!member.verdicts[i].reached && i < member.scores.size()) {
      v1::Warning* warning =
          result.mutable_scores(static_cast<int>(i))->add_warnings();
      warning->set_reason("INFEASIBLE");
      warning->set_message(
          "no candidate was found for which all floors hold; this is the "
          "nearest of the run");
    }
  }
}

}  // namespace

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
  result.set_member(static_cast<int32_t>(point.member));
  *result.mutable_decoding() = {point.decoding.begin(), point.decoding.end()};
  return result;
}

v1::Snapshot ToProto(const Snapshot& snapshot) {
  v1::Snapshot result;
  result.set_member(static_cast<int32_t>(snapshot.member));
  result.set_threshold(snapshot.threshold);
  result.set_score(snapshot.score);
  result.set_step(snapshot.step);
  *result.mutable_candidate() = ToProto(snapshot.candidate.spec);
  result.set_candidate_digest(
      Sha256Hex(absl::MakeConstSpan(snapshot.candidate.data)));
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

v1::ComponentThreshold ToProto(const ComponentThreshold& threshold) {
  v1::ComponentThreshold result;
  result.set_component(static_cast<int32_t>(threshold.component));
  result.set_variance_share(threshold.variance_share);
  if (threshold.midpoint_to_one.has_value()) {
    result.set_midpoint_to_one(*threshold.midpoint_to_one);
  }
  if (threshold.midpoint_to_max.has_value()) {
    result.set_midpoint_to_max(*threshold.midpoint_to_max);
  }
  return result;
}

v1::LabelThreshold ToProto(const LabelThreshold& threshold) {
  v1::LabelThreshold result;
  result.set_label(threshold.label);
  if (threshold.score.has_value()) {
    result.set_score(*threshold.score);
  }
  return result;
}

v1::MemberResult ToProto(const MemberResult& member) {
  v1::MemberResult result;
  result.set_member(static_cast<int32_t>(member.member));
  result.set_stop_reason(ToProto(member.stop_reason));
  result.set_steps(member.steps);
  for (const ScoreResult& score : member.scores) {
    *result.add_scores() = ToProto(score);
  }
  for (const GoalVerdict& verdict : member.verdicts) {
    *result.add_verdicts() = ToProto(verdict);
  }
  if (member.infeasible) {
    MarkInfeasible(member, result);
  }
  for (const ComponentThreshold& threshold : member.component_thresholds) {
    *result.add_component_thresholds() = ToProto(threshold);
  }
  for (const LabelThreshold& threshold : member.label_thresholds) {
    *result.add_label_thresholds() = ToProto(threshold);
  }
  *result.mutable_candidate() = ToProto(member.candidate.spec);
  result.set_candidate_digest(
      Sha256Hex(absl::MakeConstSpan(member.candidate.data)));
  return result;
}

v1::AllowedRange ToProto(const AllowedRange& range) {
  v1::AllowedRange result;
  result.set_first_measure(range.first_measure);
  result.set_second_measure(range.second_measure);
  *result.mutable_first() = {range.first.begin(), range.first.end()};
  *result.mutable_second() = {range.second.begin(), range.second.end()};
  result.set_area_share(range.area_share);
  result.set_coupling(ToProto(range.coupling));
  result.set_unsettled(static_cast<int32_t>(range.unsettled));
  if (range.second_given_high_first.has_value()) {
    result.set_second_given_high_first(*range.second_given_high_first);
  }
  if (range.first_given_high_second.has_value()) {
    result.set_first_given_high_second(*range.first_given_high_second);
  }
  for (const TheoreticalBound& bound : range.bounds) {
    *result.add_bounds() = ToProto(bound);
  }
  return result;
}

}  // namespace repscore::server
