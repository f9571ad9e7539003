#include "server/admin_service.h"

#include <string>
#include <vector>

#include "core/backend/create.h"
#include "server/self_test_call.h"
#include "server/unary_call.h"

namespace repscore::server {

grpc::ServerUnaryReactor* AdminService::GetServerInfo(
    grpc::CallbackServerContext* context,
    const v1::GetServerInfoRequest* /*request*/,
    v1::GetServerInfoResponse* response) {
  return AnswerNow(parts_, context, "GetServerInfo", [this, response] {
    const Config& config = parts_.config;
    response->set_version(REPSCORE_VERSION);
    const std::vector<std::string> devices = parts_.scheduler.devices();
    for (const std::string& device : devices) {
      response->add_devices(device);
    }
    response->set_blas_core(BlasCoreName());
    response->set_lanes(static_cast<int32_t>(devices.size()));
    response->set_threads_per_lane(ThreadsPerLane(config));
    response->set_max_message_bytes(config.max_message_bytes);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::RunSelfTest(
    grpc::CallbackServerContext* context,
    const v1::RunSelfTestRequest* request,
    v1::RunSelfTestResponse* response) {
  return AnswerSelfTest(parts_, context, request, response);
}

}  // namespace repscore::server
