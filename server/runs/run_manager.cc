#include "server/runs/run_manager.h"

#include <cstdint>
#include <random>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/analysis/label_decoding.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/error.h"
#include "server/memory.h"
#include "server/runs/run_arrays.h"
#include "server/runs/run_end.h"
#include "server/runs/run_recorder.h"
#include "server/runs/run_start.h"
#include "server/scoring.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

constexpr size_t kMaxRunIdBytes = 63;
constexpr double kQueueRetrySeconds = 5.0;

/// Sorts by time; the tail keeps runs of one microsecond apart.
std::string NewRunId() {
  std::random_device random;
  return absl::StrFormat("%013x%08x", NowMicros(), random());
}

absl::Status CheckStartRows(const OptimizationPlan& plan,
                            const Dataset& dataset,
                            const std::string& field) {
  const auto* start = std::get_if<HostArray>(&plan.start);
  if (start == nullptr || RowCount(start->spec) == dataset.rows()) {
    return absl::OkStatus();
  }
  return WithReason(FieldError(field,
                               absl::StrCat(ToString(start->spec),
                                            " has ",
                                            RowCount(start->spec),
                                            " rows, but ",
                                            dataset.name,
                                            " has ",
                                            dataset.rows())),
                    "SHAPE_MISMATCH");
}

}  // namespace

absl::StatusOr<std::shared_ptr<LiveRun>> RunManager::Create(
    const v1::OptimizeRequest& request) {
  return CreateFrom(request);
}

absl::StatusOr<std::shared_ptr<LiveRun>> RunManager::Create(
    const v1::JointOptimizeRequest& request) {
  return CreateFrom(request);
}

absl::StatusOr<v1::Run> RunManager::CreateCalibration(
    const v1::OptimizeRequest& request, const std::string& key) {
  REPSCORE_ASSIGN_OR_RETURN(
      const auto dataset,
      LoadDataset(parts_.catalog, request.dataset(), "dataset"));
  const auto existing = [&]() -> absl::StatusOr<v1::Run> {
    REPSCORE_ASSIGN_OR_RETURN(
        const RunRecord record,
        parts_.catalog.FindCalibrationRun(dataset->digest, key));
    return Get(record.run_id);
  };
  auto found = existing();
  if (found.status().code() != absl::StatusCode::kNotFound) {
    return found;
  }
  const auto run = CreateFrom(request, key);
  if (run.status().code() == absl::StatusCode::kAlreadyExists) {
    // Another call was faster.
    return existing();
  }
  REPSCORE_RETURN_IF_ERROR(run.status());
  return (*run)->Snapshot();
}

template <typename Request>
absl::StatusOr<std::shared_ptr<LiveRun>> RunManager::CreateFrom(
    Request request, const std::string& calibration_key) {
  REPSCORE_ASSIGN_OR_RETURN(RunPlan plan, ToRunPlan(request));
  const int batch = parts_.scheduler.counts().batch;
  if (batch >= parts_.config.max_runs) {
    return WithRetry(Error(absl::StatusCode::kResourceExhausted,
                           "QUEUE_FULL",
                           absl::StrCat(batch,
                                        " runs are waiting or running, the "
                                        "limit is ",
                                        parts_.config.max_runs)),
                     kQueueRetrySeconds);
  }
  REPSCORE_ASSIGN_OR_RETURN(auto dataset, LoadInputs(plan));
  JobNeeds needs = RunNeeds(*dataset, plan.plan);
  needs.device = plan.device;
  REPSCORE_ASSIGN_OR_RETURN(needs.device, parts_.scheduler.ChooseDevice(needs));
  // The stored request names versions and the device, so that a restart sees
  // the same data and gives the same numbers.
  request.set_dataset(dataset->name);
  request.set_device(needs.device);
  if (!plan.start_dataset.empty()) {
    request.mutable_start()->set_dataset(plan.start_dataset);
  }
  REPSCORE_ASSIGN_OR_RETURN(auto run,
                            Store(plan,
                                  *dataset,
                                  needs.device,
                                  request.SerializeAsString(),
                                  calibration_key));
  RunJob::Task task;
  task.run = run;
  if (NeedsLaneToStart(plan.plan)) {
    task.started = MakeStarted(plan, *dataset, needs.device);
  }
  task.dataset = std::move(dataset);
  task.plan = std::move(plan.plan);
  task.needs = std::move(needs);
  absl::Status submitted = Submit(std::move(task), Entrance::kLimited);
  if (!submitted.ok()) {
    Fail(run, submitted);
    return submitted;
  }
  return run;
}

absl::StatusOr<std::shared_ptr<const Dataset>> RunManager::LoadInputs(
    RunPlan& run) const {
  REPSCORE_ASSIGN_OR_RETURN(
      auto dataset, LoadDataset(parts_.catalog, run.dataset, "dataset"));
  std::string field = "start.candidate.spec.shape";
  if (!run.start_dataset.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(
        const auto start,
        LoadDataset(parts_.catalog, run.start_dataset, "start.dataset"));
    run.start_dataset = start->name;
    run.plan.start =
        HostArray{.spec = start->description.spec, .data = start->data};
    field = "start.dataset";
  }
  REPSCORE_RETURN_IF_ERROR(CheckStartRows(run.plan, *dataset, field));
  if (const auto& decoding = run.plan.decoding; decoding.has_value()) {
    REPSCORE_RETURN_IF_ERROR(
        MakeDecoders(
            *dataset, decoding->labels, decoding->options, "trace.decoding")
            .status());
  }
  return dataset;
}

absl::StatusOr<std::shared_ptr<LiveRun>> RunManager::Store(
    const RunPlan& plan,
    const Dataset& dataset,
    const std::string& device,
    std::string request,
    const std::string& calibration_key) {
  RunRecord record;
  record.run_id = NewRunId();
  record.kind = plan.kind;
  record.state = RunState::kQueued;
  record.dataset_version_name = dataset.name;
  record.dataset_digest = dataset.digest;
  record.calibration_key = calibration_key;
  record.request = std::move(request);
  record.create_time_micros = NowMicros();
  record.update_time_micros = record.create_time_micros;

  v1::Run summary;
  summary.set_name(RunName(record.run_id));
  summary.set_kind(plan.kind);
  summary.set_state(v1::RUN_STATE_QUEUED);
  summary.set_dataset_version(dataset.name);
  *summary.mutable_measures() = {plan.measures.begin(), plan.measures.end()};
  SetTimestamp(record.create_time_micros, summary.mutable_create_time());
  SetTimestamp(record.create_time_micros, summary.mutable_update_time());
  summary.set_seed(plan.seed);
  summary.set_members(static_cast<int32_t>(plan.members.size()));
  summary.set_active_members(summary.members());
  record.summary = summary.SerializeAsString();
  REPSCORE_RETURN_IF_ERROR(parts_.catalog.CreateRun(record));

  record.request.clear();
  auto run = std::make_shared<LiveRun>(std::move(record));
  if (!NeedsLaneToStart(plan.plan)) {
    PublishStarted(*run, MakeStarted(plan, dataset, device));
    REPSCORE_RETURN_IF_ERROR(
        std::make_shared<RunRecorder>(parts_.catalog, parts_.disk, run)
            ->RecordNow(""));
  }
  return run;
}

absl::Status RunManager::Submit(RunJob::Task task, Entrance entrance) {
  const std::shared_ptr<LiveRun> run = task.run;
  Add(run);
  task.suspending = &suspending_;
  task.left = [this, run] { Remove(run->run_id()); };
  task.again = [this, run](bool had_no_memory) {
    StartAgain(run, had_no_memory);
  };
  task.room = std::shared_ptr<void>(nullptr, [this](void* /*none*/) {
    if (leave_listener_) {
      leave_listener_();
    }
  });
  absl::Status status =
      parts_.scheduler.Submit(JobClass::kBatch,
                              std::make_shared<RunJob>(parts_, std::move(task)),
                              entrance);
  if (!status.ok()) {
    Remove(run->run_id());
  }
  return status;
}

std::shared_ptr<LiveRun> RunManager::Find(const std::string& run_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(run_id);
  return found == live_.end() ? nullptr : found->second;
}

absl::StatusOr<v1::Run> RunManager::Get(const std::string& run_id) const {
  if (const auto run = Find(run_id); run != nullptr) {
    return run->Snapshot();
  }
  auto record = parts_.catalog.GetRun(run_id);
  if (record.status().code() == absl::StatusCode::kNotFound) {
    return WithResource(
        WithReason(record.status(), "RUN_NOT_FOUND"), "run", RunName(run_id));
  }
  REPSCORE_RETURN_IF_ERROR(record.status());
  v1::Run run;
  if (!run.ParseFromString(record->summary)) {
    return absl::DataLossError("the stored summary of the run is damaged");
  }
  return run;
}

absl::StatusOr<RunManager::RunArray> RunManager::ReadArray(
    const std::string& name) const {
  REPSCORE_ASSIGN_OR_RETURN(const RunArrayId id, ParseRunArrayName(name));
  // What is stored leaves the memory afterwards: this order misses nothing.
  RunArray result;
  if (const auto run = Find(id.run_id); run != nullptr) {
    result.record = run->FindArray(id.array);
  }
  REPSCORE_ASSIGN_OR_RETURN(const v1::Run run, Get(id.run_id));
  if (result.record == nullptr) {
    auto record = parts_.catalog.ReadRunArray(id.run_id, id.array);
    if (record.status().code() == absl::StatusCode::kNotFound) {
      return WithResource(
          WithReason(record.status(), "ARRAY_NOT_FOUND"), "run_array", name);
    }
    REPSCORE_RETURN_IF_ERROR(record.status());
    result.record = std::make_shared<const RunArrayRecord>(*std::move(record));
  }
  if (result.record->spec.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(result.spec, CandidateSpec(id.run_id, run));
  } else if (!result.spec.ParseFromString(result.record->spec)) {
    return absl::DataLossError("the stored shape of the array is damaged");
  }
  return result;
}

absl::StatusOr<v1::TensorSpec> RunManager::CandidateSpec(
    const std::string& run_id, const v1::Run& run) const {
  REPSCORE_ASSIGN_OR_RETURN(
      const std::vector<RunEventRecord> events,
      parts_.catalog.ReadRunEvents(run_id, run.last_sequence() - 1, 1));
  v1::RunEvent event;
  if (events.empty() || !event.ParseFromString(events.front().payload) ||
      !event.has_result()) {
    return absl::DataLossError("the stored result of the run is damaged");
  }
  return event.result().candidate();
}

absl::StatusOr<Page<v1::Run>> RunManager::List(const PageRequest& page) const {
  REPSCORE_ASSIGN_OR_RETURN(const Page<RunRecord> records,
                            parts_.catalog.ListRuns(page));
  Page<v1::Run> result;
  result.next_page_token = records.next_page_token;
  for (const RunRecord& record : records.items) {
    v1::Run run;
    if (const auto live = Find(record.run_id); live != nullptr) {
      run = live->Snapshot();
    } else if (!run.ParseFromString(record.summary)) {
      return absl::DataLossError("the stored summary of a run is damaged");
    }
    result.items.push_back(std::move(run));
  }
  return result;
}

absl::Status RunManager::ResumeUnfinished() {
  REPSCORE_ASSIGN_OR_RETURN(std::vector<RunRecord> records,
                            parts_.catalog.UnfinishedRuns());
  for (RunRecord& record : records) {
    RunRecord stripped = record;
    stripped.request.clear();
    const auto run = std::make_shared<LiveRun>(std::move(stripped));
    run->Update(
        [](v1::Run& summary) { summary.set_state(v1::RUN_STATE_QUEUED); });
    const absl::Status status = ResumeRun(record, run, false);
    if (!status.ok()) {
      Fail(run, status);
    }
  }
  return absl::OkStatus();
}

absl::Status RunManager::ResumeRun(const RunRecord& record,
                                   const std::shared_ptr<LiveRun>& run,
                                   bool had_no_memory) {
  REPSCORE_ASSIGN_OR_RETURN(
      RunPlan plan,
      ParseRunPlan(static_cast<v1::RunKind>(record.kind), record.request));
  REPSCORE_ASSIGN_OR_RETURN(auto dataset, LoadInputs(plan));
  JobNeeds needs = RunNeeds(*dataset, plan.plan);
  needs.device = plan.device;
  auto chosen = parts_.scheduler.ChooseDevice(needs);
  if (!chosen.ok()) {
    // The device of a former process, or of before it failed.
    needs.device.clear();
    chosen = parts_.scheduler.ChooseDevice(needs);
  }
  REPSCORE_ASSIGN_OR_RETURN(needs.device, std::move(chosen));
  REPSCORE_ASSIGN_OR_RETURN(std::string checkpoint,
                            parts_.catalog.ReadCheckpoint(record.run_id));
  spdlog::info("{} goes on after event {} on {}",
               RunName(record.run_id),
               record.last_sequence,
               needs.device);
  RunJob::Task task;
  task.run = run;
  if (run->Snapshot().last_sequence() == 0) {
    task.started = MakeStarted(plan, *dataset, needs.device);
  }
  task.dataset = std::move(dataset);
  task.plan = std::move(plan.plan);
  task.checkpoint = std::move(checkpoint);
  task.needs = std::move(needs);
  task.had_no_memory = had_no_memory;
  return Submit(std::move(task), Entrance::kAlways);
}

void RunManager::StartAgain(const std::shared_ptr<LiveRun>& run,
                            bool had_no_memory) {
  run->Rewind();
  absl::Status status;
  do {
    status = NoThrow([&]() -> absl::Status {
      REPSCORE_ASSIGN_OR_RETURN(const RunRecord record,
                                parts_.catalog.GetRun(run->run_id()));
      return ResumeRun(record, run, had_no_memory);
    });
    // The chosen device may fail before the run is in the queue.
  } while (IsDeviceRefused(status));
  if (status.ok()) {
    return;
  }
  if (status.code() == absl::StatusCode::kUnavailable) {
    spdlog::error("{} waits for the next start: {}",
                  RunName(run->run_id()),
                  status.ToString());
    run->Close(status);
  } else {
    Fail(run, status);
  }
  Remove(run->run_id());
}

void RunManager::Fail(const std::shared_ptr<LiveRun>& run,
                      const absl::Status& error) {
  if (run->Snapshot().last_sequence() == 0) {
    PublishStarted(*run, v1::RunStarted());
  }
  const auto recorder =
      std::make_shared<RunRecorder>(parts_.catalog, parts_.disk, run);
  StoreRunEnd(parts_.catalog,
              *recorder,
              *run,
              {.state = v1::RUN_STATE_FAILED, .error = error});
  run->Close();
}

void RunManager::Add(const std::shared_ptr<LiveRun>& run) {
  const std::lock_guard lock(mutex_);
  live_[run->run_id()] = run;
}

void RunManager::Remove(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  live_.erase(run_id);
  if (live_.empty()) {
    emptied_.notify_all();
  }
}

bool RunManager::AwaitIdle(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return emptied_.wait_until(lock, deadline, [this] { return live_.empty(); });
}

absl::StatusOr<std::string> ParseRunName(const std::string& name) {
  REPSCORE_RETURN_IF_ERROR(CheckName(name, "name"));
  const std::string prefix = RunName("");
  std::string run_id = name.compare(0, prefix.size(), prefix) == 0
                           ? name.substr(prefix.size())
                           : std::string();
  bool is_valid = !run_id.empty() && run_id.size() <= kMaxRunIdBytes;
  for (const char c : run_id) {
    is_valid = is_valid && absl::ascii_isalnum(static_cast<unsigned char>(c));
  }
  if (!is_valid) {
    return FieldError("name", absl::StrCat(Quoted(name), " is not runs/{run}"));
  }
  return run_id;
}

}  // namespace repscore::server
