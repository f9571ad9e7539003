#include "absl/strings/str_cat.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

void CancelToken::Cancel(absl::StatusCode reason) {
  int none = 0;
  reason_.compare_exchange_strong(none, static_cast<int>(reason));
}

void CancelToken::SetDeadline(std::chrono::steady_clock::time_point deadline) {
  deadline_nanos_.store(std::chrono::duration_cast<std::chrono::nanoseconds>(
                            deadline.time_since_epoch())
                            .count());
}

absl::Status CancelToken::Check() const {
  if (const int reason = reason_.load(); reason != 0) {
    const auto code = static_cast<absl::StatusCode>(reason);
    return absl::Status(
        code,
        absl::StrCat("ended on request: ", absl::StatusCodeToString(code)));
  }
  const int64_t deadline = deadline_nanos_.load();
  if (deadline == INT64_MAX) {
    return absl::OkStatus();
  }
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  return now.count() < deadline
             ? absl::OkStatus()
             : absl::DeadlineExceededError("the deadline has passed");
}

}  // namespace repscore::server
