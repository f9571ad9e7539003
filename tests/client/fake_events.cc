#include "tests/client/fake_events.h"

#include <utility>

#include "core/base/digest.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace repscore::client {
namespace {

v1::RunEvent MakeEvent(int64_t sequence) {
  v1::RunEvent event;
  event.set_run(kRun);
  event.set_sequence(sequence);
  return event;
}

v1::Run MakeRun(v1::RunState state) {
  v1::Run run;
  run.set_name(kRun);
  run.set_kind(v1::RUN_KIND_OPTIMIZE);
  run.set_state(state);
  run.set_dataset_version(kDataset);
  run.add_measures(kMeasure);
  run.set_seed(7);
  return run;
}

v1::RunEvent MakePoint(int64_t sequence, int step) {
  v1::RunEvent event = MakeEvent(sequence);
  v1::TracePoint& point = *event.mutable_point();
  point.set_step(step);
  point.add_scores(0.1 * step);
  point.add_tracked(0.25);
  point.set_objective(0.1 * step);
  point.set_gradient_norm(0.5);
  point.set_candidate_norm(12.0);
  point.add_component_r2(0.75);
  point.add_component_r2(0.125);
  point.set_elapsed_seconds(0.01 * step);
  return event;
}

void AddMember(int index,
               bool with_targets,
               v1::RunStarted& started,
               v1::RunResult& result) {
  v1::MemberStart& start = *started.add_members();
  start.set_seed(7 + static_cast<uint64_t>(index));
  v1::MemberResult& member = *result.add_members();
  member.set_member(index);
  member.set_stop_reason(v1::STOP_REASON_MAX_STEPS);
  member.set_steps(10 + index);
  member.set_candidate_name(std::string(kRun) + "/members/" +
                            std::to_string(index) + "/candidate");
  for (const std::string& measure : started.run().measures()) {
    v1::Score& score = *member.add_scores();
    score.set_measure(measure);
    score.set_value(0.5 + 0.125 * index);
    if (with_targets) {
      start.add_targets(start.targets().empty() ? 0.25 * index : 0.5);
      v1::GoalVerdict& verdict = *member.add_verdicts();
      verdict.set_measure(measure);
      verdict.set_residual(index == 0 ? 0.0 : 0.25);
      verdict.set_reached(index == 0);
    }
  }
  v1::ComponentThreshold& component = *member.add_component_thresholds();
  component.set_component(1);
  component.set_variance_share(0.5);
  component.set_midpoint_to_one(0.25 + 0.25 * index);
  v1::LabelThreshold& label = *member.add_label_thresholds();
  label.set_label("context");
  if (index == 0) {
    label.set_score(0.75);
  }
}

v1::RunEvent MakeSnapshot(int64_t sequence, int member) {
  v1::RunEvent event = MakeEvent(sequence);
  v1::Snapshot& snapshot = *event.mutable_snapshot();
  snapshot.set_member(member);
  snapshot.set_threshold(0.25);
  snapshot.set_score(0.3);
  snapshot.set_step(3);
  snapshot.set_name(std::string(kRun) + "/members/" + std::to_string(member) +
                    "/snapshots/0");
  return event;
}

}  // namespace

std::string CandidateBytes() {
  const std::vector<double> values = {1.0, 2.0, 3.0, 4.0, 5.0, 6.5};
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(double)};
}

std::vector<v1::RunEvent> MakeEvents(int points) {
  std::vector<v1::RunEvent> events;
  v1::RunEvent& started = events.emplace_back(MakeEvent(1));
  *started.mutable_started()->mutable_run() = MakeRun(v1::RUN_STATE_RUNNING);
  started.mutable_started()->add_tracked(kTracked);
  started.mutable_started()->mutable_provenance()->set_backend("cpu");
  for (int step = 0; step < points; ++step) {
    events.push_back(MakePoint(step + 2, step));
  }
  v1::RunEvent& last = events.emplace_back(MakeEvent(points + 2));
  v1::RunResult& result = *last.mutable_result();
  *result.mutable_run() = MakeRun(v1::RUN_STATE_SUCCEEDED);
  result.mutable_run()->set_stop_reason(v1::STOP_REASON_SCORE_REACHED);
  result.mutable_run()->set_step(points - 1);
  v1::Score& score = *result.add_scores();
  score.set_measure(kMeasure);
  score.set_value(0.99123456789);
  v1::Warning& warning = *score.add_warnings();
  warning.set_reason("SATURATED");
  warning.set_message("close to its bound");
  result.mutable_candidate()->set_data_type(v1::DATA_TYPE_FLOAT64);
  result.mutable_candidate()->add_shape(2);
  result.mutable_candidate()->add_shape(3);
  result.set_candidate_digest(Sha256Hex(CandidateBytes()));
  return events;
}

std::vector<v1::RunEvent> MakeMemberEvents(int members, bool with_targets) {
  std::vector<v1::RunEvent> plain = MakeEvents(3);
  v1::RunStarted& started = *plain.front().mutable_started();
  v1::RunResult& result = *plain.back().mutable_result();
  v1::DecodedLabel& label = *started.add_labels();
  label.set_label("context");
  label.set_chance(0.5);
  label.set_reference_accuracy(0.875);
  if (with_targets) {
    for (v1::Run* run : {started.mutable_run(), result.mutable_run()}) {
      run->set_kind(v1::RUN_KIND_JOINT_OPTIMIZE);
      run->clear_measures();
      run->add_measures("cka(canonical=yes)");
      run->add_measures("nbs");
    }
  }
  started.mutable_run()->set_members(members);
  for (int i = 0; i < members; ++i) {
    AddMember(i, with_targets, started, result);
  }
  result.set_best_member(members - 1);

  std::vector<v1::RunEvent> events = {plain.front()};
  const auto add = [&](v1::RunEvent event) {
    event.set_sequence(static_cast<int64_t>(events.size()) + 1);
    events.push_back(std::move(event));
  };
  for (int step = 0; step < 3; ++step) {
    for (int i = 0; i < members; ++i) {
      v1::RunEvent event = MakePoint(0, step);
      v1::TracePoint& point = *event.mutable_point();
      point.set_member(i);
      point.set_objective(point.objective() + i);
      if (step % 2 == 0) {
        point.add_decoding(0.5 + 0.125 * step);
      }
      add(std::move(event));
    }
  }
  for (int i = 0; i < members; ++i) {
    add(MakeSnapshot(0, i));
  }
  add(plain.back());
  return events;
}

void MarkCancelled(v1::RunResult& result) {
  result.mutable_run()->set_state(v1::RUN_STATE_CANCELLED);
  result.mutable_run()->set_stop_reason(v1::STOP_REASON_CANCELLED);
}

grpc::Status MakeError(grpc::StatusCode code,
                       const std::string& message,
                       const ErrorParts& parts) {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(parts.reason);
  info.set_domain("repscore");
  (*info.mutable_metadata())["rows"] = "12";
  status.add_details()->PackFrom(info);
  if (!parts.field.empty()) {
    google::rpc::BadRequest bad;
    bad.add_field_violations()->set_field(parts.field);
    bad.mutable_field_violations(0)->set_description("is wrong");
    status.add_details()->PackFrom(bad);
  }
  if (parts.retry_milliseconds.has_value()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(*parts.retry_milliseconds * 1'000'000));
    status.add_details()->PackFrom(retry);
  }
  return {code, message, status.SerializeAsString()};
}

}  // namespace repscore::client
