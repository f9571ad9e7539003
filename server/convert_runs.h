// Between the wire and the core: optimisation requests and run events.
// Pure functions, safe from any thread. Errors are InvalidArgument and name the
// wire's field.
#ifndef REPSCORE_SERVER_CONVERT_RUNS_H_
#define REPSCORE_SERVER_CONVERT_RUNS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/optimize/optimization.h"
#include "core/optimize/plan.h"
#include "repscore/v1/runs.pb.h"
#include "repscore/v1/scoring.pb.h"

namespace repscore::server {

/// A validated plan and what a run says of itself.
struct RunPlan {
  v1::RunKind kind = v1::RUN_KIND_UNSPECIFIED;
  /// Name of the reference as asked for.
  std::string dataset;
  /// Name of the dataset that the run starts from; empty for other starts. Its
  /// elements replace plan.start.
  std::string start_dataset;
  OptimizationPlan plan;
  v1::Precision precision = v1::PRECISION_MIXED;
  /// Canonical specifications of the terms and of the tracked measures.
  std::vector<std::string> measures;
  std::vector<std::string> tracked;
  /// Of a random start.
  uint64_t seed = 0;
  /// One per member.
  std::vector<v1::MemberStart> members;
};

absl::StatusOr<RunPlan> ToRunPlan(const v1::OptimizeRequest& request);
absl::StatusOr<RunPlan> ToRunPlan(const v1::JointOptimizeRequest& request);

/// Of the stored request of a run.
absl::StatusOr<RunPlan> ParseRunPlan(v1::RunKind kind,
                                     const std::string& request);

v1::TracePoint ToProto(const TracePoint& point);
/// Without a name.
v1::Snapshot ToProto(const Snapshot& snapshot);
v1::GoalVerdict ToProto(const GoalVerdict& verdict);
v1::StopReason ToProto(StopReason reason);
v1::ComponentThreshold ToProto(const ComponentThreshold& threshold);
v1::LabelThreshold ToProto(const LabelThreshold& threshold);
/// Without the name of the candidate. Scores of an infeasible member that miss
/// their goals carry the warning INFEASIBLE.
v1::MemberResult ToProto(const MemberResult& member);
v1::AllowedRange ToProto(const AllowedRange& range);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CONVERT_RUNS_H_
