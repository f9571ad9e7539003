#include <gtest/gtest.h>

#include <chrono>

#include "server/scheduling/scheduler.h"

namespace repscore::server {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

TEST(CancelTokenTest, IsOkAtFirst) {
  EXPECT_TRUE(CancelToken().Check().ok());
}

TEST(CancelTokenTest, KeepsTheFirstReason) {
  CancelToken token;

  token.Cancel(absl::StatusCode::kUnavailable);
  token.Cancel();

  EXPECT_EQ(token.Check().code(), absl::StatusCode::kUnavailable);
}

TEST(CancelTokenTest, IsCancelledByDefault) {
  CancelToken token;

  token.Cancel();

  EXPECT_EQ(token.Check().code(), absl::StatusCode::kCancelled);
}

TEST(CancelTokenTest, OkIsNoReason) {
  CancelToken token;

  token.Cancel(absl::StatusCode::kOk);
  EXPECT_TRUE(token.Check().ok());
  token.Cancel();

  EXPECT_EQ(token.Check().code(), absl::StatusCode::kCancelled);
}

TEST(CancelTokenTest, ChecksTheDeadline) {
  CancelToken token;

  token.SetDeadline(steady_clock::now() + hours(1));
  EXPECT_TRUE(token.Check().ok());
  token.SetDeadline(steady_clock::now() - nanoseconds(1));

  EXPECT_EQ(token.Check().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(CancelTokenTest, NoDeadlineIsNeverReached) {
  CancelToken token;

  token.SetDeadline(steady_clock::time_point::max());

  EXPECT_TRUE(token.Check().ok());
}

}  // namespace
}  // namespace repscore::server
