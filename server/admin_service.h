// AdminService: what this server is, also while it drains, and whether it
// computes what it must.
#ifndef REPSCORE_SERVER_ADMIN_SERVICE_H_
#define REPSCORE_SERVER_ADMIN_SERVICE_H_

#include "repscore/v1/admin.grpc.pb.h"
#include "server/parts.h"

namespace repscore::server {

class AdminService final : public v1::AdminService::CallbackService {
 public:
  explicit AdminService(Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* GetServerInfo(
      grpc::CallbackServerContext* context,
      const v1::GetServerInfoRequest* request,
      v1::GetServerInfoResponse* response) override;
  grpc::ServerUnaryReactor* RunSelfTest(
      grpc::CallbackServerContext* context,
      const v1::RunSelfTestRequest* request,
      v1::RunSelfTestResponse* response) override;

 private:
  Parts& parts_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_ADMIN_SERVICE_H_
