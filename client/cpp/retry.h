// When a failed call is made again.
//
// A status with RetryInfo says that the server refused the call and started
// nothing: any call is repeated after the delay it names. UNAVAILABLE without
// RetryInfo is repeated only for calls that may be made twice. Everything else
// is final; in particular RESOURCE_EXHAUSTED without RetryInfo, which may mean
// a message that can never fit.
#ifndef REPSCORE_CLIENT_CPP_RETRY_H_
#define REPSCORE_CLIENT_CPP_RETRY_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace repscore::client {

struct RetryPolicy {
  /// Calls in all, the first one included.
  int max_attempts = 5;
  absl::Duration initial_backoff = absl::Milliseconds(200);
  absl::Duration max_backoff = absl::Seconds(5);
  double multiplier = 2.0;
};

/// Counts the attempts of one call. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(const RetryPolicy& policy) : policy_(policy) {}

  /// How long to wait before the next attempt, or nullopt when `status` is
  /// final or the attempts are used up. Waits have a random part of up to a
  /// half, so that clients of a restarted server do not come back as one.
  std::optional<absl::Duration> Next(const absl::Status& status,
                                     bool repeatable);

  /// Forgets earlier failures: the call has made progress.
  void Reset() { failures_ = 0; }

 private:
  RetryPolicy policy_;
  int failures_ = 0;
};

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_RETRY_H_
