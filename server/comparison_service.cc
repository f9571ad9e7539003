#include "server/comparison_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/analysis/shape_mean.h"
#include "core/base/status_macros.h"
#include "server/comparison.h"
#include "server/error.h"
#include "server/lane_call.h"
#include "server/memory.h"
#include "server/pairwise_stream.h"
#include "server/scoring.h"
#include "server/unary_call.h"

namespace repscore::server {
namespace {

constexpr double kMeanTolerance = 1e-9;
constexpr int64_t kMeanIterations = 200;
constexpr int64_t kMostMeanIterations = 100000;

absl::Status PrepareCompare(const v1::CompareRequest& request,
                            ScoreTask& task) {
  REPSCORE_ASSIGN_OR_RETURN(task.candidate,
                            CheckTensor(request.candidate(), "candidate"));
  REPSCORE_ASSIGN_OR_RETURN(task.dataset,
                            TransientDataset(request.reference(), "reference"));
  if (request.measures().empty()) {
    return FieldError("measures", "at least one is needed");
  }
  REPSCORE_ASSIGN_OR_RETURN(task.measures,
                            ToMeasures(request.measures(), "measures"));
  REPSCORE_ASSIGN_OR_RETURN(task.options, ToScoreOptions(request.context()));
  if (request.context().calibration()) {
    task.calibration = CalibrationContext::OfInlineReference();
  }
  task.call = CallMemoryOf(task.candidate, request.ByteSizeLong(), false);
  task.needs = ScoreNeeds(*task.dataset,
                          task.candidate,
                          task.measures,
                          task.options.context,
                          task.call);
  task.needs.device = request.device();
  // The reference goes with the request.
  task.needs.memory.work_bytes += task.needs.memory.kept_bytes;
  task.needs.memory.kept_bytes = 0;
  task.needs.memory.kept_key.clear();
  return absl::OkStatus();
}

absl::Status ComputeCompare(LaneContext& lane,
                            const CancelToken& cancel,
                            const ScoreTask& task,
                            const v1::CompareRequest& request,
                            v1::CompareResponse* response) {
  auto created = Reference::Create(lane.backend, task.dataset);
  if (created.status().code() == absl::StatusCode::kInvalidArgument) {
    // The core calls every reference a dataset.
    absl::string_view message = created.status().message();
    absl::ConsumePrefix(&message, "dataset: ");
    return FieldError("reference", absl::StrCat(message));
  }
  REPSCORE_ASSIGN_OR_RETURN(const auto reference, std::move(created));
  ScoreOptions options = task.options;
  options.keep_going = [&lane, &cancel] {
    lane.Yield();
    return cancel.Check();
  };
  REPSCORE_ASSIGN_OR_RETURN(
      const auto stream,
      ScoreStream::Create(
          reference, task.measures, task.candidate, std::move(options)));
  REPSCORE_RETURN_IF_ERROR(stream->Append(BytesOf(request.candidate().data())));
  REPSCORE_ASSIGN_OR_RETURN(const ScoreReport report, stream->Finish());
  WriteScores(task, report, response->mutable_scores());
  *response->mutable_provenance() =
      MakeProvenance("", "", lane.backend.name(), v1::PRECISION_FLOAT64);
  return absl::OkStatus();
}

absl::Status ComputeMean(LaneContext& lane,
                         const CancelToken& cancel,
                         const std::vector<System>& systems,
                         const v1::ComputeFrechetMeanRequest& request,
                         v1::ComputeFrechetMeanResponse* response) {
  const double tolerance =
      request.has_tolerance() ? request.tolerance() : kMeanTolerance;
  const int64_t iterations =
      request.has_max_iterations() ? request.max_iterations() : kMeanIterations;
  if (!(tolerance >= 0.0 && tolerance < 1.0)) {
    return FieldError("tolerance", "must be in [0, 1)");
  }
  if (iterations < 1 || iterations > kMostMeanIterations) {
    return FieldError("max_iterations", "must be in [1, 100000]");
  }
  REPSCORE_ASSIGN_OR_RETURN(const ShapeMean mean,
                            FrechetMean(lane.backend,
                                        systems,
                                        request.unit_norm(),
                                        tolerance,
                                        iterations,
                                        [&lane, &cancel] {
                                          lane.Yield();
                                          return cancel.Check();
                                        }));
  *response->mutable_mean()->mutable_spec() = ToProto(mean.mean.spec);
  response->mutable_mean()->set_data(mean.mean.data.data(),
                                     mean.mean.data.size());
  response->mutable_distances()->Assign(mean.distances.begin(),
                                        mean.distances.end());
  response->set_variance(mean.variance);
  response->set_iterations(mean.iterations);
  response->set_converged(mean.converged);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ComparisonService::Compare(
    grpc::CallbackServerContext* context,
    const v1::CompareRequest* request,
    v1::CompareResponse* response) {
  auto task = std::make_shared<ScoreTask>();
  return AnswerOnLane(
      parts_,
      context,
      "Compare",
      {.prepare = [=] { return PrepareCompare(*request, *task); },
       .compute =
           [=](LaneContext& lane, const CancelToken& cancel) {
             return ComputeCompare(lane, cancel, *task, *request, response);
           },
       .needs = [=] { return task->needs; }});
}

grpc::ServerWriteReactor<v1::ComparePairwiseResponse>*
ComparisonService::ComparePairwise(grpc::CallbackServerContext* context,
                                   const v1::ComparePairwiseRequest* request) {
  return StartPairwise(parts_, context, request);
}

grpc::ServerUnaryReactor* ComparisonService::EmbedDistances(
    grpc::CallbackServerContext* context,
    const v1::EmbedDistancesRequest* request,
    v1::EmbedDistancesResponse* response) {
  return AnswerOnLane(
      parts_,
      context,
      "EmbedDistances",
      {.prepare = [] { return absl::OkStatus(); },
       .compute =
           [=](LaneContext& /*lane*/, const CancelToken& /*cancel*/) {
             return Embed(*request, response);
           }});
}

grpc::ServerUnaryReactor* ComparisonService::ComputeFrechetMean(
    grpc::CallbackServerContext* context,
    const v1::ComputeFrechetMeanRequest* request,
    v1::ComputeFrechetMeanResponse* response) {
  auto systems = std::make_shared<std::vector<System>>();
  return AnswerOnLane(parts_,
                      context,
                      "ComputeFrechetMean",
                      {.prepare = [=, this]() -> absl::Status {
                         REPSCORE_ASSIGN_OR_RETURN(
                             *systems, LoadSystems(parts_, request->systems()));
                         return absl::OkStatus();
                       },
                       .compute =
                           [=](LaneContext& lane, const CancelToken& cancel) {
                             return ComputeMean(
                                 lane, cancel, *systems, *request, response);
                           },
                       .needs = [=] { return SystemsNeeds(*systems); }});
}

grpc::ServerUnaryReactor* ComparisonService::AggregateScores(
    grpc::CallbackServerContext* context,
    const v1::AggregateScoresRequest* request,
    v1::AggregateScoresResponse* response) {
  return AnswerOnDisk(parts_, context, "AggregateScores", [=] {
    return Aggregate(*request, response);
  });
}

}  // namespace repscore::server
