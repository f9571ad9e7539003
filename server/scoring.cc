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
    const std::string& device,
    size_t request_bytes) {
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
  task.call = CallMemoryOf(
      task.candidate, request_bytes, !task.options.row_ids.empty());
  task.needs = ScoreNeeds(*task.dataset,
                          task.candidate,
                          task.measures,
                          task.options.context,
                          task.call);
  task.needs.device = device;
  return task;
}

absl::Status DatasetStatus(absl::Status status,
                           const std::string& name,
                           const std::string& field) {
  if (status.code() == absl::StatusCode::kInvalidArgument) {
    absl::string_view message = status.message();
    absl::ConsumePrefix(&message, "name: ");
    return FieldError(field, std::string{message});
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
    const LaneContext& lane,
    const ScoreTask& task,
    std::function<absl::Status()> keep_going) {
  REPSCORE_ASSIGN_OR_RETURN(auto reference,
                            parts.references.Get(lane, task.dataset));
  ScoreOptions options = task.options;
  options.keep_going = std::move(keep_going);
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

}  // namespace repscore::server
