// What an error tells beside its code and message: a stable reason, the field
// at fault, the resource that is missing, when to come back. Details travel as
// payloads of absl::Status; status.h turns them into google.rpc details.
// Values and pure functions: safe from any thread. No gRPC in here.
#ifndef REPSCORE_SERVER_ERROR_H_
#define REPSCORE_SERVER_ERROR_H_

#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace repscore::server {

struct ErrorDetails {
  /// UPPER_SNAKE_CASE, at most 63 characters.
  std::string reason;
  /// Path of the request field at fault; empty when none is.
  std::string field;
  /// "dataset" or "run", with its name; empty when no resource is missing.
  std::string resource_type;
  std::string resource_name;
  /// Set when the same request may succeed later.
  std::optional<double> retry_seconds;
};

/// An error with a reason.
absl::Status Error(absl::StatusCode code,
                   const std::string& reason,
                   const std::string& message);

/// InvalidArgument "field: message". Its reason is INVALID_ARGUMENT unless one
/// is added.
absl::Status FieldError(const std::string& field, const std::string& message);

/// These return ok statuses as they are, and keep details that are there.
absl::Status WithReason(absl::Status status, const std::string& reason);
absl::Status WithField(absl::Status status, const std::string& field);
absl::Status WithResource(absl::Status status,
                          const std::string& type,
                          const std::string& name);
absl::Status WithRetry(absl::Status status, double seconds);

/// Unavailable, SERVER_DRAINING, come back in a second.
absl::Status DrainingError();

/// What a status carries. Without a payload the reason follows from the code,
/// and the field from a message that starts with one ("measures[1].id: ...").
ErrorDetails DetailsOf(const absl::Status& status);

/// `text` for a message: in quotes, control characters escaped, cut short.
std::string Quoted(const std::string& text);

/// At most `bytes` of `text`, cut between characters of UTF-8.
std::string Truncated(const std::string& text, size_t bytes);

/// InvalidArgument naming `field` when `text` is longer than `max_bytes`, is
/// not UTF-8 or holds a NUL.
absl::Status CheckText(const std::string& text,
                       const std::string& field,
                       size_t max_bytes);

/// Runs `body`, which returns a Status or StatusOr, and turns what it throws
/// into one: nothing thrown below may end the jobs of others.
template <typename Body>
auto NoThrow(Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return Error(absl::StatusCode::kResourceExhausted,
                 "HOST_MEMORY",
                 "out of host memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_ERROR_H_
