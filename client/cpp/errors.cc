#include "client/cpp/errors.h"

#include <google/protobuf/any.pb.h>

#include "client/cpp/grpc_status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace repscore::client {
namespace {

void AddDetail(const google::protobuf::Any& any, ErrorDetails& details) {
  if (google::rpc::ErrorInfo info; any.UnpackTo(&info)) {
    details.reason = info.reason();
    details.domain = info.domain();
    details.metadata = {info.metadata().begin(), info.metadata().end()};
  } else if (google::rpc::BadRequest bad; any.UnpackTo(&bad)) {
    for (const auto& violation : bad.field_violations()) {
      details.field_violations.push_back(
          {violation.field(), violation.description()});
    }
  } else if (google::rpc::RetryInfo retry; any.UnpackTo(&retry)) {
    details.retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                          absl::Nanoseconds(retry.retry_delay().nanos());
  }
}

}  // namespace

std::optional<ErrorDetails> ErrorDetailsOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kStatusDetailsUrl);
  google::rpc::Status rpc_status;
  if (!payload.has_value() ||
      !rpc_status.ParseFromString(static_cast<std::string>(*payload)) ||
      rpc_status.details().empty()) {
    return std::nullopt;
  }
  ErrorDetails details;
  for (const auto& any : rpc_status.details()) {
    AddDetail(any, details);
  }
  return details;
}

}  // namespace repscore::client
