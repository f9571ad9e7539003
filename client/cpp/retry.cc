#include "client/cpp/retry.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "client/cpp/errors.h"

namespace repscore::client {
namespace {

double RandomPart() {
  static thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.5, 1.0)(generator);
}

}  // namespace

std::optional<absl::Duration> Backoff::Next(const absl::Status& status,
                                            bool repeatable) {
  const bool may_be_transient =
      absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
  const auto details = ErrorDetailsOf(status);
  const bool refused = may_be_transient && details.has_value() &&
                       details->retry_delay.has_value();
  if (!refused && !(repeatable && absl::IsUnavailable(status))) {
    return std::nullopt;
  }
  if (++failures_ >= policy_.max_attempts) {
    return std::nullopt;
  }
  const double growth = std::pow(policy_.multiplier, failures_ - 1);
  const absl::Duration backoff =
      std::min(policy_.initial_backoff * growth, policy_.max_backoff) *
      RandomPart();
  return refused ? std::max(*details->retry_delay, backoff) : backoff;
}

}  // namespace repscore::client
