#include "client/cpp/grpc_status.h"

#include <string>

#include "absl/strings/cord.h"

namespace repscore::client {

absl::Status ToAbslStatus(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  if (!result.ok() && !status.error_details().empty()) {
    result.SetPayload(kStatusDetailsUrl, absl::Cord(status.error_details()));
  }
  return result;
}

absl::Status ToAbslStatus(const google::rpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.code()),
                      status.message());
  if (!result.ok()) {
    result.SetPayload(kStatusDetailsUrl,
                      absl::Cord(status.SerializeAsString()));
  }
  return result;
}

}  // namespace repscore::client
