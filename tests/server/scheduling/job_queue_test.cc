#include "server/scheduling/job_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace repscore::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

constexpr int kBurst = 3;
constexpr seconds kMaxBatchWait{2};

class NamedJob : public Job {
 public:
  explicit NamedJob(std::string name) : name_(std::move(name)) {}
  Next RunSlice(LaneContext&) override { return Next::kDone; }
  void Abandon(const absl::Status&) override {}
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

class JobQueueTest : public ::testing::Test {
 protected:
  void Push(const std::string& name,
            JobClass job_class,
            int lane = JobQueue::kAnyLane) {
    queue_.Push(std::make_shared<NamedJob>(name), job_class, lane, now_);
  }

  std::string Pop(int lane = 0) {
    const auto entry = queue_.Pop(lane, now_);
    return entry.has_value() ? static_cast<NamedJob&>(*entry->job).name() : "-";
  }

  JobQueue queue_{2, kBurst, kMaxBatchWait};
  JobQueue::TimePoint now_{seconds(100)};
};

TEST_F(JobQueueTest, RunsInteractiveBeforeBatch) {
  Push("batch", JobClass::kBatch);
  Push("score", JobClass::kInteractive);

  EXPECT_EQ(Pop(), "score");
  EXPECT_EQ(Pop(), "batch");
  EXPECT_EQ(Pop(), "-");
}

TEST_F(JobQueueTest, KeepsOrderWithinAClassAcrossPinnedAndFreeJobs) {
  Push("a", JobClass::kInteractive);
  Push("b", JobClass::kInteractive, 0);
  Push("c", JobClass::kInteractive);
  Push("d", JobClass::kInteractive, 0);

  EXPECT_THAT((std::vector<std::string>{Pop(), Pop(), Pop(), Pop()}),
              ElementsAre("a", "b", "c", "d"));
}

TEST_F(JobQueueTest, GivesPinnedJobsToTheirLaneOnly) {
  Push("pinned", JobClass::kInteractive, 1);

  EXPECT_FALSE(queue_.HasWork(0));
  EXPECT_TRUE(queue_.HasWork(1));
  EXPECT_EQ(Pop(0), "-");
  EXPECT_EQ(Pop(1), "pinned");
  EXPECT_FALSE(queue_.HasWork(1));
}

TEST_F(JobQueueTest, RunsABatchSliceAfterABurst) {
  Push("batch", JobClass::kBatch);
  for (const char* name : {"1", "2", "3", "4", "5"}) {
    Push(name, JobClass::kInteractive);
  }

  EXPECT_THAT((std::vector<std::string>{Pop(), Pop(), Pop(), Pop(), Pop()}),
              ElementsAre("1", "2", "3", "batch", "4"));
}

TEST_F(JobQueueTest, CountsABurstOnlyWhileBatchWaits) {
  for (const char* name : {"1", "2", "3", "4", "5"}) {
    Push(name, JobClass::kInteractive);
  }
  EXPECT_EQ(Pop(), "1");
  EXPECT_EQ(Pop(), "2");
  EXPECT_EQ(Pop(), "3");

  Push("batch", JobClass::kBatch);

  EXPECT_EQ(Pop(), "4");
}

TEST_F(JobQueueTest, RunsABatchSliceThatWaitedTooLong) {
  Push("batch", JobClass::kBatch);
  Push("1", JobClass::kInteractive);
  Push("2", JobClass::kInteractive);

  now_ += kMaxBatchWait - milliseconds(1);
  EXPECT_EQ(Pop(), "1");
  now_ += milliseconds(1);

  EXPECT_EQ(Pop(), "batch");
  EXPECT_EQ(Pop(), "2");
}

TEST_F(JobQueueTest, PopsOneClassAlone) {
  Push("batch", JobClass::kBatch);
  Push("score", JobClass::kInteractive);

  EXPECT_TRUE(queue_.PopClass(1, JobClass::kBatch).has_value());
  EXPECT_FALSE(queue_.PopClass(1, JobClass::kBatch).has_value());
  EXPECT_TRUE(queue_.HasWork(1));
}

}  // namespace
}  // namespace repscore::server
