#include "client/cpp/retry.h"

#include <gtest/gtest.h>

#include "client/cpp/grpc_status.h"
#include "tests/client/fake_events.h"

namespace repscore::client {
namespace {

constexpr RetryPolicy kPolicy = {.max_attempts = 4,
                                 .initial_backoff = absl::Seconds(1),
                                 .max_backoff = absl::Seconds(3),
                                 .multiplier = 2.0};

absl::Status Refused(grpc::StatusCode code, int64_t retry_milliseconds) {
  return ToAbslStatus(
      MakeError(code, "busy", {"QUEUE_FULL", "", retry_milliseconds}));
}

TEST(StatusTest, AMessageTooLargeSaysWhatToDo) {
  const absl::Status status =
      ToAbslStatus({grpc::StatusCode::RESOURCE_EXHAUSTED,
                    "Received message larger than max (12582912 vs. 8388608)"});

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(
      status.message().substr(0, 65),
      "the arrays make a message of 12.0 MiB, the server takes 8.0 MiB (");
  EXPECT_EQ(ToAbslStatus({grpc::StatusCode::NOT_FOUND, "no such"}).message(),
            "no such");
}

TEST(BackoffTest, WaitsGrowToTheLimitAndEnd) {
  Backoff backoff(kPolicy);

  for (const int seconds : {1, 2, 3}) {
    const auto wait = backoff.Next(absl::UnavailableError("gone"), true);

    ASSERT_TRUE(wait.has_value());
    EXPECT_GE(*wait, absl::Seconds(seconds) / 2);
    EXPECT_LE(*wait, absl::Seconds(seconds));
  }
  EXPECT_FALSE(backoff.Next(absl::UnavailableError("gone"), true).has_value());
}

TEST(BackoffTest, ProgressStartsAnew) {
  Backoff backoff(kPolicy);
  for (int i = 0; i < 3; ++i) {
    backoff.Next(absl::UnavailableError("gone"), true);
  }

  backoff.Reset();

  EXPECT_TRUE(backoff.Next(absl::UnavailableError("gone"), true).has_value());
}

TEST(BackoffTest, UnavailableIsFinalForCallsThatMayNotBeRepeated) {
  Backoff backoff(kPolicy);

  EXPECT_FALSE(backoff.Next(absl::UnavailableError("gone"), false).has_value());
}

TEST(BackoffTest, RetryInfoAllowsAnyCallAndSetsTheWait) {
  for (const auto code :
       {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::RESOURCE_EXHAUSTED}) {
    Backoff backoff(kPolicy);

    const auto wait = backoff.Next(Refused(code, 900), false);

    ASSERT_TRUE(wait.has_value());
    EXPECT_GE(*wait, absl::Milliseconds(900));
  }
}

TEST(BackoffTest, ResourceExhaustedWithoutRetryInfoIsFinal) {
  Backoff backoff(kPolicy);

  EXPECT_FALSE(
      backoff.Next(absl::ResourceExhaustedError("message too large"), true)
          .has_value());
}

TEST(BackoffTest, RetryInfoDoesNotMakeOtherErrorsTransient) {
  Backoff backoff(kPolicy);

  EXPECT_FALSE(
      backoff.Next(Refused(grpc::StatusCode::INVALID_ARGUMENT, 1), true)
          .has_value());
}

}  // namespace
}  // namespace repscore::client
