// RunsService: stored runs, live or not.
#ifndef REPSCORE_SERVER_RUNS_SERVICE_H_
#define REPSCORE_SERVER_RUNS_SERVICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "repscore/v1/runs.grpc.pb.h"
#include "server/parts.h"
#include "server/runs/run_manager.h"

namespace repscore::server {

class RunsService final : public v1::RunsService::CallbackService {
 public:
  RunsService(Parts& parts, RunManager& runs) : parts_(parts), runs_(runs) {}

  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context,
                                   const v1::GetRunRequest* request,
                                   v1::GetRunResponse* response) override;

  grpc::ServerUnaryReactor* ListRuns(grpc::CallbackServerContext* context,
                                     const v1::ListRunsRequest* request,
                                     v1::ListRunsResponse* response) override;

  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(
      grpc::CallbackServerContext* context,
      const v1::WatchRunRequest* request) override;

  grpc::ServerUnaryReactor* CancelRun(grpc::CallbackServerContext* context,
                                      const v1::CancelRunRequest* request,
                                      v1::CancelRunResponse* response) override;

  grpc::ServerWriteReactor<v1::ReadRunArrayResponse>* ReadRunArray(
      grpc::CallbackServerContext* context,
      const v1::ReadRunArrayRequest* request) override;

 private:
  absl::StatusOr<v1::Run> Lookup(const std::string& name) const;

  Parts& parts_;
  RunManager& runs_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_SERVICE_H_
