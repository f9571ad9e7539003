#include "server/score_call.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status_macros.h"
#include "server/error.h"
#include "server/lane_call.h"
#include "server/scoring.h"

namespace repscore::server {
namespace {

// Most layers of one request.
constexpr int kMaxLayers = 256;

/// The candidates of one request; they share dataset, measures and options.
struct Candidates {
  ScoreTask task;
  /// One per candidate.
  std::vector<ArraySpec> specs;
};

/// `status` with its field moved into layers[index].
absl::Status InLayer(const absl::Status& status, int index) {
  const ErrorDetails details = DetailsOf(status);
  if (status.ok() || details.field.rfind("candidate", 0) != 0) {
    return status;
  }
  absl::string_view message = status.message();
  absl::ConsumePrefix(&message, details.field);
  absl::ConsumePrefix(&message, ": ");
  return WithReason(
      FieldError(absl::StrCat("layers[", index, "].", details.field),
                 absl::StrCat(message)),
      details.reason);
}

absl::Status Prepare(Parts& parts,
                     const v1::ScoreRequest& request,
                     Candidates& candidates) {
  if (request.layers().empty()) {
    REPSCORE_RETURN_IF_ERROR(
        CheckTensor(request.candidate(), "candidate").status());
    REPSCORE_ASSIGN_OR_RETURN(
        candidates.task,
        PrepareScore(parts, request, request.candidate().spec()));
    candidates.specs = {candidates.task.candidate};
    return LoadCalibration(parts, request, candidates.task);
  }
  if (request.has_candidate()) {
    return FieldError("layers", "cannot be given beside candidate");
  }
  if (request.layers_size() > kMaxLayers) {
    return FieldError("layers",
                      absl::StrCat("has ",
                                   request.layers_size(),
                                   " layers, at most ",
                                   kMaxLayers,
                                   " are allowed"));
  }
  for (int i = 0; i < request.layers_size(); ++i) {
    const v1::Layer& layer = request.layers(i);
    const std::string field = absl::StrCat("layers[", i, "]");
    REPSCORE_RETURN_IF_ERROR(CheckName(layer.name(), field + ".name"));
    REPSCORE_RETURN_IF_ERROR(
        CheckTensor(layer.candidate(), field + ".candidate").status());
    auto task = PrepareScore(parts, request, layer.candidate().spec());
    if (!task.ok()) {
      return InLayer(task.status(), i);
    }
    candidates.task = *std::move(task);
    candidates.specs.push_back(candidates.task.candidate);
  }
  return LoadCalibration(parts, request, candidates.task);
}

absl::StatusOr<ScoreReport> ScoreOne(Parts& parts,
                                     LaneContext& lane,
                                     const ScoreTask& task,
                                     const std::string& data,
                                     const CancelToken& cancel) {
  REPSCORE_ASSIGN_OR_RETURN(const auto stream,
                            OpenScore(parts, lane, task, cancel));
  REPSCORE_RETURN_IF_ERROR(stream->Append(BytesOf(data)));
  return stream->Finish();
}

absl::Status Compute(Parts& parts,
                     LaneContext& lane,
                     const CancelToken& cancel,
                     const v1::ScoreRequest& request,
                     Candidates& candidates,
                     v1::ScoreResponse* response) {
  ScoreTask& task = candidates.task;
  if (request.layers().empty()) {
    REPSCORE_ASSIGN_OR_RETURN(
        const ScoreReport report,
        ScoreOne(parts, lane, task, request.candidate().data(), cancel));
    WriteScores(task, lane.backend.name(), report, response);
    return absl::OkStatus();
  }
  for (int i = 0; i < request.layers_size(); ++i) {
    REPSCORE_RETURN_IF_ERROR(cancel.Check());
    const v1::Layer& layer = request.layers(i);
    task.candidate = candidates.specs[static_cast<size_t>(i)];
    auto report = ScoreOne(parts, lane, task, layer.candidate().data(), cancel);
    if (!report.ok()) {
      return InLayer(report.status(), i);
    }
    v1::LayerScores* scores = response->add_layers();
    scores->set_name(layer.name());
    WriteScores(task, *report, scores->mutable_scores());
    *scores->mutable_candidate() = ToProto(report->candidate);
    *response->mutable_reference() = ToProto(report->reference);
  }
  *response->mutable_provenance() = ProvenanceOf(task, lane.backend.name());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* StartScore(Parts& parts,
                                     grpc::CallbackServerContext* context,
                                     const v1::ScoreRequest* request,
                                     v1::ScoreResponse* response) {
  auto candidates = std::make_shared<Candidates>();
  return AnswerOnLane(
      parts,
      context,
      "Score",
      {.prepare = [=, &parts] { return Prepare(parts, *request, *candidates); },
       .compute =
           [=, &parts](LaneContext& lane, const CancelToken& cancel) {
             return Compute(
                 parts, lane, cancel, *request, *candidates, response);
           }});
}

}  // namespace repscore::server
