#include "server/scoring_service.h"

#include "core/base/status_macros.h"
#include "core/measures/registry.h"
#include "server/convert.h"
#include "server/runs/run_stream.h"
#include "server/score_call.h"
#include "server/stream_score_call.h"
#include "server/unary_call.h"

namespace repscore::server {
namespace {

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
      *response->add_measures() = ToProto(info);
    }
    return absl::OkStatus();
  });
}

}  // namespace repscore::server
