#include "server/error.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace repscore::server {
namespace {

constexpr char kReasonPayload[] = "repscore/reason";
constexpr char kFieldPayload[] = "repscore/field";
constexpr char kResourceTypePayload[] = "repscore/resource-type";
constexpr char kResourceNamePayload[] = "repscore/resource-name";
constexpr char kRetryPayload[] = "repscore/retry-seconds";
constexpr size_t kQuotedBytes = 80;
constexpr size_t kFieldBytes = 200;

void SetIfAbsent(absl::Status& status,
                 const char* payload,
                 const std::string& value) {
  if (!status.ok() && !status.GetPayload(payload).has_value()) {
    status.SetPayload(payload, absl::Cord(value));
  }
}

std::string PayloadOf(const absl::Status& status, const char* payload) {
  std::string text;
  if (const auto value = status.GetPayload(payload); value.has_value()) {
    absl::CopyCordToString(*value, &text);
  }
  return text;
}

std::string ReasonOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    default:
      return absl::StatusCodeToString(code);
  }
}

bool CodeNamesFields(absl::StatusCode code) {
  return code == absl::StatusCode::kInvalidArgument ||
         code == absl::StatusCode::kNotFound ||
         code == absl::StatusCode::kOutOfRange ||
         code == absl::StatusCode::kAlreadyExists ||
         code == absl::StatusCode::kUnimplemented;
}

bool IsFieldCharacter(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_' ||
         c == '.' || c == '[' || c == ']';
}

/// "measures[1].id" of "measures[1].id: no such measure", else empty.
std::string LeadingField(const std::string& message) {
  size_t length = 0;
  while (length < message.size() && length <= kFieldBytes &&
         IsFieldCharacter(message[length])) {
    ++length;
  }
  const bool is_path =
      length > 0 && length <= kFieldBytes &&
      absl::ascii_islower(static_cast<unsigned char>(message[0])) &&
      message.compare(length, 2, ": ") == 0;
  return is_path ? message.substr(0, length) : std::string();
}

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Bytes of the character that starts with `lead`, or 0 when none does.
size_t CharacterBytes(unsigned char lead) {
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead < 0xE0) {
    return 2;
  }
  if (lead >= 0xE0 && lead < 0xF0) {
    return 3;
  }
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

bool IsUtf8(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const size_t bytes = CharacterBytes(static_cast<unsigned char>(text[i]));
    if (bytes == 0 || i + bytes > text.size()) {
      return false;
    }
    for (size_t k = 1; k < bytes; ++k) {
      if (!IsContinuation(text[i + k])) {
        return false;
      }
    }
    i += bytes;
  }
  return true;
}

}  // namespace

absl::Status Error(absl::StatusCode code,
                   const std::string& reason,
                   const std::string& message) {
  return WithReason(absl::Status(code, message), reason);
}

absl::Status FieldError(const std::string& field, const std::string& message) {
  return WithField(
      absl::InvalidArgumentError(absl::StrCat(field, ": ", message)), field);
}

absl::Status WithReason(absl::Status status, const std::string& reason) {
  SetIfAbsent(status, kReasonPayload, reason);
  return status;
}

absl::Status WithField(absl::Status status, const std::string& field) {
  SetIfAbsent(status, kFieldPayload, field);
  return status;
}

absl::Status WithResource(absl::Status status,
                          const std::string& type,
                          const std::string& name) {
  SetIfAbsent(status, kResourceTypePayload, type);
  SetIfAbsent(status, kResourceNamePayload, name);
  return status;
}

absl::Status WithRetry(absl::Status status, double seconds) {
  SetIfAbsent(status, kRetryPayload, absl::StrCat(seconds));
  return status;
}

absl::Status DrainingError() {
  return WithRetry(Error(absl::StatusCode::kUnavailable,
                         "SERVER_DRAINING",
                         "the server is shutting down"),
                   1.0);
}

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  details.reason = PayloadOf(status, kReasonPayload);
  if (details.reason.empty()) {
    details.reason = ReasonOf(status.code());
  }
  details.field = PayloadOf(status, kFieldPayload);
  if (details.field.empty() && CodeNamesFields(status.code())) {
    details.field = LeadingField(absl::StrCat(status.message()));
  }
  details.resource_type = PayloadOf(status, kResourceTypePayload);
  details.resource_name = PayloadOf(status, kResourceNamePayload);
  double seconds = 0.0;
  if (absl::SimpleAtod(PayloadOf(status, kRetryPayload), &seconds)) {
    details.retry_seconds = seconds;
  }
  return details;
}

std::string Quoted(const std::string& text) {
  const std::string start = Truncated(text, kQuotedBytes);
  const std::string escaped =
      IsUtf8(start) ? absl::Utf8SafeCEscape(start) : absl::CEscape(start);
  return absl::StrCat("'", escaped, start.size() < text.size() ? "...'" : "'");
}

std::string Truncated(const std::string& text, size_t bytes) {
  if (text.size() <= bytes) {
    return text;
  }
  size_t end = bytes;
  while (end > 0 && IsContinuation(text[end])) {
    --end;
  }
  return text.substr(0, end);
}

absl::Status CheckText(const std::string& text,
                       const std::string& field,
                       size_t max_bytes) {
  if (text.size() > max_bytes) {
    return FieldError(field,
                      absl::StrCat("has ",
                                   text.size(),
                                   " bytes, at most ",
                                   max_bytes,
                                   " are allowed"));
  }
  if (text.find('\0') != std::string::npos) {
    return FieldError(field, "holds a NUL character");
  }
  if (!IsUtf8(text)) {
    return FieldError(field, "is not UTF-8");
  }
  return absl::OkStatus();
}

}  // namespace repscore::server
