#include "server/status.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr char kDomain[] = "repscore";
constexpr size_t kMessageBytes = 1000;
constexpr size_t kDescriptionBytes = 300;
constexpr size_t kNameBytes = 200;
constexpr double kNanosPerSecond = 1e9;

void AddErrorInfo(const ErrorDetails& details, google::rpc::Status& status) {
  google::rpc::ErrorInfo info;
  info.set_reason(details.reason);
  info.set_domain(kDomain);
  if (!details.field.empty()) {
    (*info.mutable_metadata())["field"] = details.field;
  }
  status.add_details()->PackFrom(info);
}

void AddBadRequest(const ErrorDetails& details, google::rpc::Status& status) {
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field(details.field);
  violation->set_description(Truncated(status.message(), kDescriptionBytes));
  status.add_details()->PackFrom(bad_request);
}

void AddResourceInfo(const ErrorDetails& details, google::rpc::Status& status) {
  google::rpc::ResourceInfo resource;
  resource.set_resource_type(details.resource_type);
  resource.set_resource_name(Truncated(details.resource_name, kNameBytes));
  status.add_details()->PackFrom(resource);
}

void AddRetryInfo(double seconds, google::rpc::Status& status) {
  google::rpc::RetryInfo retry;
  const double whole = std::floor(seconds);
  retry.mutable_retry_delay()->set_seconds(static_cast<int64_t>(whole));
  retry.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>((seconds - whole) * kNanosPerSecond));
  status.add_details()->PackFrom(retry);
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status result;
  result.set_code(static_cast<int>(status.code()));
  if (status.ok()) {
    return result;
  }
  result.set_message(Truncated(absl::StrCat(status.message()), kMessageBytes));
  const ErrorDetails details = DetailsOf(status);
  AddErrorInfo(details, result);
  if (!details.field.empty()) {
    AddBadRequest(details, result);
  }
  if (!details.resource_type.empty()) {
    AddResourceInfo(details, result);
  }
  if (details.retry_seconds.has_value()) {
    AddRetryInfo(*details.retry_seconds, result);
  }
  return result;
}

grpc::Status ToGrpcStatus(const google::rpc::Status& status) {
  if (status.code() == 0) {
    return grpc::Status::OK;
  }
  return {static_cast<grpc::StatusCode>(status.code()),
          status.message(),
          status.SerializeAsString()};
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  return ToGrpcStatus(ToRpcStatus(status));
}

absl::Status FromRpcStatus(const google::rpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.code()),
                      status.message());
  for (const auto& detail : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::ResourceInfo resource;
    google::rpc::RetryInfo retry;
    if (detail.UnpackTo(&info)) {
      result = WithReason(result, info.reason());
    } else if (detail.UnpackTo(&bad_request) &&
               bad_request.field_violations_size() > 0) {
      result = WithField(result, bad_request.field_violations(0).field());
    } else if (detail.UnpackTo(&resource)) {
      result = WithResource(
          result, resource.resource_type(), resource.resource_name());
    } else if (detail.UnpackTo(&retry)) {
      const auto& delay = retry.retry_delay();
      result = WithRetry(result,
                         static_cast<double>(delay.seconds()) +
                             delay.nanos() / kNanosPerSecond);
    }
  }
  return result;
}

}  // namespace repscore::server
