// What a repscore server says about a failed call, beside code and message.
//
// Values; safe to use from any thread.
#ifndef REPSCORE_CLIENT_CPP_ERRORS_H_
#define REPSCORE_CLIENT_CPP_ERRORS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace repscore::client {

struct FieldViolation {
  /// Path of the field in the request: "candidate.spec.shape[0]".
  std::string field;
  std::string description;
};

/// The google.rpc details of a server's error. Parts that were not sent are
/// empty.
struct ErrorDetails {
  /// UPPER_SNAKE_CASE and stable: "SHAPE_MISMATCH".
  std::string reason;
  std::string domain;
  std::map<std::string, std::string> metadata;
  std::vector<FieldViolation> field_violations;
  /// The server refused the call and started nothing; it may be repeated after
  /// this time.
  std::optional<absl::Duration> retry_delay;
};

/// Details of a status that a Client returned; nullopt when it has none, as
/// for errors of the transport or of this machine.
std::optional<ErrorDetails> ErrorDetailsOf(const absl::Status& status);

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_ERRORS_H_
