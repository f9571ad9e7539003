#include "server/scoring.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status_macros.h"
#include "server/error.h"
#include "server/memory.h"

namespace repscore::server {

absl::StatusOr<ScoreTask> PrepareScore(
    Parts& parts,
    const std::string& dataset,
    const v1::TensorSpec& candidate,
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& measures,
    ScoreOptions options,
    Fit fit) {
  ScoreTask task;
  task.options = std::move(options);
  REPSCORE_RETURN_IF_ERROR(CheckName(dataset, "dataset"));
  REPSCORE_ASSIGN_OR_RETURN(task.candidate,
                            ToArraySpec(candidate, "candidate.spec"));
  if (measures.empty()) {
    return FieldError("measures", "at least one is needed");
  }
  REPSCORE_ASSIGN_OR_RETURN(task.measures, ToMeasures(measures, "measures"));
  REPSCORE_ASSIGN_OR_RETURN(task.dataset,
                            LoadDataset(parts.catalog, dataset, "dataset"));
  if (task.options.row_ids.empty() &&
      RowCount(task.candidate) != task.dataset->rows()) {
    return WithReason(FieldError("candidate.spec.shape",
                                 absl::StrCat(ToString(task.candidate),
                                              " has ",
                                              RowCount(task.candidate),
                                              " rows, but ",
                                              task.dataset->name,
                                              " has ",
                                              task.dataset->rows())),
                      "SHAPE_MISMATCH");
  }
  if (fit == Fit::kMust) {
    REPSCORE_RETURN_IF_ERROR(CheckScoreMemory(*task.dataset,
                                              task.candidate,
                                              task.measures,
                                              task.options.context,
                                              parts.config.max_request_memory));
  }
  return task;
}

absl::Status DatasetStatus(absl::Status status,
                           const std::string& name,
                           const std::string& field) {
  if (status.code() == absl::StatusCode::kInvalidArgument) {
    absl::string_view message = status.message();
    absl::ConsumePrefix(&message, "name: ");
    return FieldError(field, std::string(message));
  }
  if (status.code() == absl::StatusCode::kNotFound) {
    status = WithReason(std::move(status), "DATASET_NOT_FOUND");
    status = WithResource(std::move(status), "dataset", name);
    return WithField(std::move(status), field);
  }
  return status;
}

absl::StatusOr<std::shared_ptr<const Dataset>> LoadDataset(
    Catalog& catalog, const std::string& name, const std::string& field) {
  auto dataset = catalog.LoadDataset(name);
  if (!dataset.ok()) {
    return DatasetStatus(dataset.status(), name, field);
  }
  return dataset;
}

absl::StatusOr<std::unique_ptr<ScoreStream>> OpenScore(
    Parts& parts,
    LaneContext& lane,
    const ScoreTask& task,
    const CancelToken& cancel) {
  REPSCORE_ASSIGN_OR_RETURN(auto reference,
                            parts.references.Get(lane, task.dataset));
  ScoreOptions options = task.options;
  options.keep_going = [&cancel] { return cancel.Check(); };
  return ScoreStream::Create(
      std::move(reference), task.measures, task.candidate, std::move(options));
}

void WriteScores(const ScoreTask& task,
                 const ScoreReport& report,
                 google::protobuf::RepeatedPtrField<v1::Score>* scores) {
  AddScores(report, scores);
  if (task.calibration != nullptr) {
    task.calibration->AddTo(scores);
  }
}

v1::Provenance ProvenanceOf(const ScoreTask& task, const std::string& backend) {
  return MakeProvenance(
      task.dataset->name, task.dataset->digest, backend, v1::PRECISION_FLOAT64);
}

absl::Status SubmitJob(Scheduler& scheduler,
                       JobClass job_class,
                       std::shared_ptr<Job> job) {
  absl::Status status = scheduler.Submit(job_class, std::move(job));
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
      return WithRetry(WithReason(std::move(status), "QUEUE_FULL"), 1.0);
    case absl::StatusCode::kUnavailable:
      return DrainingError();
    default:
      return status;
  }
}

}  // namespace repscore::server
