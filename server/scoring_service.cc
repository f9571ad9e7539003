#include "server/scoring_service.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/measures/registry.h"
#include "server/convert.h"
#include "server/lane_call.h"
#include "server/memory.h"
#include "server/runs/run_stream.h"
#include "server/score_call.h"
#include "server/scoring.h"
#include "server/stream_score_call.h"
#include "server/unary_call.h"

namespace repscore::server {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
// Estimates end at about a hundred years.
constexpr double kLongestEstimate = 3e9;

/// Optimize and JointOptimize: a new run and its events.
template <typename Response, typename Request>
RunStream<Response>* StartRun(Parts& parts,
                              RunManager& runs,
                              grpc::CallbackServerContext* context,
                              const Request* request,
                              const char* method) {
  auto* stream = new RunStream<Response>(
      parts,
      *context,
      {.method = method,
       .follower = {.return_candidate = request->return_candidate(),
                    .ends_with_error = true},
       .owns_run = !request->detach(),
       .open = [&runs, request]() -> absl::StatusOr<OpenedRun> {
         REPSCORE_ASSIGN_OR_RETURN(auto run, runs.Create(*request));
         return OpenedRun{.run_id = run->run_id(), .run = run};
       }});
  stream->Start();
  return stream;
}

void WriteEstimate(const ScoreEstimate& estimate,
                   const JobNeeds& needs,
                   const LaneContext& lane,
                   v1::EstimateScoreResponse* response) {
  response->set_space(estimate.space);
  response->set_streams(estimate.streams);
  for (const MemoryItem& item : estimate.memory) {
    v1::MemoryItem* out = response->add_memory();
    out->set_what(item.what);
    out->set_bytes(item.bytes);
  }
  response->set_peak_bytes(estimate.peak_bytes);
  response->set_device(lane.backend.name());
  response->set_limit_bytes(lane.max_work_bytes);
  response->set_fits(estimate.peak_bytes <= lane.max_work_bytes &&
                     lane.memory.CanEverFit(needs.memory));
  response->set_flops(estimate.flops);
  const auto nanos = static_cast<int64_t>(
      std::min(estimate.seconds, kLongestEstimate) * kNanosPerSecond);
  response->mutable_duration()->set_seconds(nanos / kNanosPerSecond);
  response->mutable_duration()->set_nanos(
      static_cast<int32_t>(nanos % kNanosPerSecond));
}

}  // namespace

grpc::ServerUnaryReactor* ScoringService::Score(
    grpc::CallbackServerContext* context,
    const v1::ScoreRequest* request,
    v1::ScoreResponse* response) {
  return StartScore(parts_, context, request, response);
}

grpc::ServerReadReactor<v1::StreamScoreRequest>* ScoringService::StreamScore(
    grpc::CallbackServerContext* context, v1::StreamScoreResponse* response) {
  return StartStreamScore(parts_, context, response);
}

grpc::ServerWriteReactor<v1::OptimizeResponse>* ScoringService::Optimize(
    grpc::CallbackServerContext* context, const v1::OptimizeRequest* request) {
  return StartRun<v1::OptimizeResponse>(
      parts_, runs_, context, request, "Optimize");
}

grpc::ServerWriteReactor<v1::JointOptimizeResponse>*
ScoringService::JointOptimize(grpc::CallbackServerContext* context,
                              const v1::JointOptimizeRequest* request) {
  return StartRun<v1::JointOptimizeResponse>(
      parts_, runs_, context, request, "JointOptimize");
}

grpc::ServerUnaryReactor* ScoringService::ListMeasures(
    grpc::CallbackServerContext* context,
    const v1::ListMeasuresRequest* /*request*/,
    v1::ListMeasuresResponse* response) {
  return AnswerNow(parts_, context, "ListMeasures", [response] {
    for (const MeasureInfo& info : RegisteredMeasures()) {
      *response->add_measures() = ToProto(info, DefaultSpecification(info));
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ScoringService::DescribeMeasure(
    grpc::CallbackServerContext* context,
    const v1::DescribeMeasureRequest* request,
    v1::DescribeMeasureResponse* response) {
  return AnswerNow(parts_, context, "DescribeMeasure", [=]() -> absl::Status {
    REPSCORE_ASSIGN_OR_RETURN(const auto measure,
                              ToMeasure(request->measure(), "measure"));
    *response->mutable_measure() = ToProto(measure->info(), measure->id());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ScoringService::EstimateScore(
    grpc::CallbackServerContext* context,
    const v1::EstimateScoreRequest* request,
    v1::EstimateScoreResponse* response) {
  auto task = std::make_shared<ScoreTask>();
  return AnswerOnLane(
      parts_,
      context,
      "EstimateScore",
      {.prepare = [=, this]() -> absl::Status {
         REPSCORE_ASSIGN_OR_RETURN(
             *task, PrepareScore(parts_, *request, request->candidate()));
         // Where the score would run; where none can take it, as asked for.
         if (auto device = parts_.scheduler.ChooseDevice(task->needs);
             device.ok()) {
           task->needs.device = *std::move(device);
         }
         return absl::OkStatus();
       },
       .compute =
           [=, this](LaneContext& lane, const CancelToken& /*cancel*/) {
             response->Clear();
             WriteEstimate(EstimateOf(*task->dataset,
                                      task->candidate,
                                      task->measures,
                                      task->options.context,
                                      task->call,
                                      parts_.speed.GemmRate(lane)),
                           task->needs,
                           lane,
                           response);
             return absl::OkStatus();
           },
       .needs = [=] { return JobNeeds{.device = task->needs.device}; }});
}

}  // namespace repscore::server
