#include "server/executor.h"

#include <atomic>
#include <future>

#include "gtest/gtest.h"
#include "server/error.h"

namespace repscore::server {
namespace {

TEST(Executor, RefusesBeyondItsBoundAndSaysWhenToComeBack) {
  std::promise<void> started;
  std::promise<void> release;
  Executor executor(1, 1);
  ASSERT_TRUE(executor
                  .Submit([&] {
                    started.set_value();
                    release.get_future().wait();
                  })
                  .ok());
  started.get_future().wait();
  ASSERT_TRUE(executor.Submit([] {}).ok());

  const absl::Status refused = executor.Submit([] {});

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(refused).reason, "QUEUE_FULL");
  EXPECT_TRUE(DetailsOf(refused).retry_seconds.has_value());
  release.set_value();
}

TEST(Executor, PostIsNeverRefused) {
  std::atomic<int> ran = 0;
  Executor executor(1, 1);
  for (int i = 0; i < 100; ++i) {
    executor.Post([&] { ++ran; });
  }

  executor.Stop();
  executor.Post([&] { ++ran; });

  EXPECT_EQ(ran, 101);
}

TEST(Executor, StopRunsWhatWaits) {
  std::atomic<int> ran = 0;
  Executor executor(2, 1000);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(executor.Submit([&] { ++ran; }).ok());
  }

  executor.Stop();

  EXPECT_EQ(ran, 500);
  EXPECT_EQ(executor.Submit([] {}).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace repscore::server
