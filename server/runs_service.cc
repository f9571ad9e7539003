#include "server/runs_service.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/error.h"
#include "server/runs/read_array_stream.h"
#include "server/runs/run_stream.h"
#include "server/unary_call.h"

namespace repscore::server {
namespace {

absl::StatusOr<OpenedRun> OpenForWatch(RunManager& runs,
                                       const v1::WatchRunRequest& request) {
  REPSCORE_ASSIGN_OR_RETURN(const std::string run_id,
                            ParseRunName(request.name()));
  if (request.after_sequence() < 0) {
    return FieldError(
        "after_sequence",
        absl::StrCat("must not be negative, is ", request.after_sequence()));
  }
  auto run = runs.Find(run_id);
  if (run == nullptr) {
    REPSCORE_RETURN_IF_ERROR(runs.Get(run_id).status());
  }
  return OpenedRun{.run_id = run_id, .run = std::move(run)};
}

}  // namespace

absl::StatusOr<v1::Run> RunsService::Lookup(const std::string& name) const {
  REPSCORE_ASSIGN_OR_RETURN(const std::string run_id, ParseRunName(name));
  return runs_.Get(run_id);
}

grpc::ServerUnaryReactor* RunsService::GetRun(
    grpc::CallbackServerContext* context,
    const v1::GetRunRequest* request,
    v1::GetRunResponse* response) {
  return AnswerOnDisk(
      parts_, context, "GetRun", [this, request, response]() -> absl::Status {
        REPSCORE_ASSIGN_OR_RETURN(*response->mutable_run(),
                                  Lookup(request->name()));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* RunsService::ListRuns(
    grpc::CallbackServerContext* context,
    const v1::ListRunsRequest* request,
    v1::ListRunsResponse* response) {
  return AnswerOnDisk(
      parts_, context, "ListRuns", [this, request, response]() -> absl::Status {
        REPSCORE_RETURN_IF_ERROR(
            CheckPage(request->page_size(), request->page_token()));
        REPSCORE_ASSIGN_OR_RETURN(const Page<v1::Run> page,
                                  runs_.List({.size = request->page_size(),
                                              .token = request->page_token()}));
        *response->mutable_runs() = {page.items.begin(), page.items.end()};
        response->set_next_page_token(page.next_page_token);
        return absl::OkStatus();
      });
}

grpc::ServerWriteReactor<v1::WatchRunResponse>* RunsService::WatchRun(
    grpc::CallbackServerContext* context, const v1::WatchRunRequest* request) {
  auto* stream = new RunStream<v1::WatchRunResponse>(
      parts_,
      *context,
      {.method = "WatchRun",
       .follower = {.after_sequence = request->after_sequence(),
                    .return_candidate = request->return_candidate()},
       .open = [this, request] { return OpenForWatch(runs_, *request); }});
  stream->Start();
  return stream;
}

grpc::ServerUnaryReactor* RunsService::CancelRun(
    grpc::CallbackServerContext* context,
    const v1::CancelRunRequest* request,
    v1::CancelRunResponse* response) {
  if (const auto run_id = ParseRunName(request->name()); run_id.ok()) {
    if (const auto run = runs_.Find(*run_id); run != nullptr) {
      return AnswerNow(parts_, context, "CancelRun", [&run, response] {
        run->cancel().Cancel();
        *response->mutable_run() = run->Snapshot();
        return absl::OkStatus();
      });
    }
  }
  return AnswerOnDisk(parts_,
                      context,
                      "CancelRun",
                      [this, request, response]() -> absl::Status {
                        REPSCORE_ASSIGN_OR_RETURN(*response->mutable_run(),
                                                  Lookup(request->name()));
                        return absl::OkStatus();
                      });
}

grpc::ServerWriteReactor<v1::ReadRunArrayResponse>* RunsService::ReadRunArray(
    grpc::CallbackServerContext* context,
    const v1::ReadRunArrayRequest* request) {
  return StartReadRunArray(parts_, runs_, context, request);
}

}  // namespace repscore::server
