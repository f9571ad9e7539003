#include "client/cpp/grpc_status.h"

#include <regex>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace repscore::client {

namespace {

/// What gRPC itself says of a message that is too large, with what to do.
std::string InOurWords(const std::string& message) {
  static const std::regex* const too_large =
      new std::regex("larger than max \\((\\d+) vs\\. (\\d+)\\)");
  std::smatch found;
  double size = 0.0;
  double limit = 0.0;
  if (!std::regex_search(message, found, *too_large) ||
      !absl::SimpleAtod(found[1].str(), &size) ||
      !absl::SimpleAtod(found[2].str(), &limit)) {
    return message;
  }
  constexpr double kMebibyte = 1 << 20;
  return absl::StrFormat(
      "the arrays make a message of %.1f MiB, the server takes %.1f MiB "
      "(max_message_bytes): register large arrays as datasets and name them, "
      "or send fewer or float32 columns",
      size / kMebibyte,
      limit / kMebibyte);
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      InOurWords(status.error_message()));
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
