// What the tests of the scheduler share.
#ifndef REPSCORE_TESTS_SERVER_SCHEDULING_SCHEDULER_SUPPORT_H_
#define REPSCORE_TESTS_SERVER_SCHEDULING_SCHEDULER_SUPPORT_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "server/scheduling/scheduler.h"

namespace repscore::server::testing {

/// Longer than anything here takes; reached only when something hangs.
inline constexpr std::chrono::seconds kPatience{120};

/// A job made of functions, which remembers how it ended.
class FunctionJob : public Job {
 public:
  using Slice = std::function<Next(LaneContext&)>;

  explicit FunctionJob(Slice slice, int lane = -1)
      : slice_(std::move(slice)), lane_(lane) {}

  Next RunSlice(LaneContext& lane) override {
    const Next next = slice_(lane);
    if (next == Next::kDone) {
      ended_.set_value(absl::OkStatus());
    }
    return next;
  }

  int lane() const override { return lane_; }

  void Abandon(const absl::Status& reason) override {
    ended_.set_value(reason);
  }

  /// Ok when it ran to its end, else the reason of Abandon.
  absl::Status Wait() {
    auto future = ended_.get_future();
    return future.wait_for(kPatience) == std::future_status::ready
               ? future.get()
               : absl::InternalError("the job never ended");
  }

 private:
  Slice slice_;
  int lane_;
  std::promise<absl::Status> ended_;
};

inline std::shared_ptr<FunctionJob> MakeJob(FunctionJob::Slice slice,
                                            int lane = -1) {
  return std::make_shared<FunctionJob>(std::move(slice), lane);
}

inline std::shared_ptr<FunctionJob> OneSlice(std::function<void()> body) {
  return MakeJob([body = std::move(body)](LaneContext&) {
    body();
    return Job::Next::kDone;
  });
}

/// Lets a job hold its lane until the test says so.
class Gate {
 public:
  void Open() { open_.set_value(); }
  void Pass() {
    reached_.set_value();
    opened_.wait_for(kPatience);
  }
  void WaitUntilReached() { reached_future_.wait_for(kPatience); }

 private:
  std::promise<void> open_;
  std::shared_future<void> opened_ = open_.get_future().share();
  std::promise<void> reached_;
  std::shared_future<void> reached_future_ = reached_.get_future().share();
};

inline SchedulerOptions Options(int lanes = 1) {
  SchedulerOptions options;
  options.lanes.assign(static_cast<size_t>(lanes), "cpu");
  return options;
}

inline std::unique_ptr<Scheduler> StartOrDie(const SchedulerOptions& options) {
  absl::StatusOr<std::unique_ptr<Scheduler>> scheduler =
      Scheduler::Start(options);
  EXPECT_TRUE(scheduler.ok()) << scheduler.status();
  return *std::move(scheduler);
}

}  // namespace repscore::server::testing

#endif  // REPSCORE_TESTS_SERVER_SCHEDULING_SCHEDULER_SUPPORT_H_
