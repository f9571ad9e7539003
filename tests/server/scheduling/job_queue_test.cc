#include "server/scheduling/job_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
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
            std::vector<int> lanes = {0, 1}) {
    JobQueue::Entry entry;
    entry.job = std::make_shared<NamedJob>(name);
    entry.job_class = job_class;
    entry.lanes = std::move(lanes);
    entry.since = now_;
    queue_.Push(std::move(entry));
  }

  static const std::string& NameOf(const JobQueue::Entry& entry) {
    return static_cast<NamedJob&>(*entry.job).name();
  }

  std::string Pop(int lane = 0) {
    const auto entry = queue_.Pop(lane, now_, [this](JobQueue::Entry& other) {
      other.is_blocked = blocked_.count(NameOf(other)) > 0;
      return !other.is_blocked;
    });
    return entry.has_value() ? NameOf(*entry) : "-";
  }

  bool HasWork(int lane) {
    return queue_.Find([lane](const JobQueue::Entry& entry) {
      return entry.MayRunOn(lane);
    }) != nullptr;
  }

  /// Names of jobs that may not start.
  std::set<std::string> blocked_;

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
  Push("b", JobClass::kInteractive, {0});
  Push("c", JobClass::kInteractive);
  Push("d", JobClass::kInteractive, {0});

  EXPECT_THAT((std::vector<std::string>{Pop(), Pop(), Pop(), Pop()}),
              ElementsAre("a", "b", "c", "d"));
}

TEST_F(JobQueueTest, GivesPinnedJobsToTheirLaneOnly) {
  Push("pinned", JobClass::kInteractive, {1});

  EXPECT_FALSE(HasWork(0));
  EXPECT_TRUE(HasWork(1));
  EXPECT_EQ(Pop(0), "-");
  EXPECT_EQ(Pop(1), "pinned");
  EXPECT_FALSE(HasWork(1));
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
  const auto any = [](JobQueue::Entry&) { return true; };
  Push("batch", JobClass::kBatch);
  Push("score", JobClass::kInteractive);

  EXPECT_TRUE(queue_.PopClass(1, JobClass::kBatch, any).has_value());
  EXPECT_FALSE(queue_.PopClass(1, JobClass::kBatch, any).has_value());
  EXPECT_TRUE(HasWork(1));
}

TEST_F(JobQueueTest, ABlockedJobKeepsItsPlace) {
  Push("large", JobClass::kInteractive);
  Push("small", JobClass::kInteractive);
  blocked_ = {"large"};
  EXPECT_EQ(Pop(), "small");
  Push("late", JobClass::kInteractive);

  blocked_ = {};

  EXPECT_EQ(Pop(), "large");
  EXPECT_EQ(Pop(), "late");
}

TEST_F(JobQueueTest, ABlockedBatchJobGivesNoOtherPrecedence) {
  Push("large", JobClass::kBatch);
  blocked_ = {"large"};
  EXPECT_EQ(Pop(), "-");
  now_ += 2 * kMaxBatchWait;
  Push("run", JobClass::kBatch);
  Push("score", JobClass::kInteractive);

  EXPECT_EQ(Pop(), "score");
  EXPECT_EQ(Pop(), "run");
  EXPECT_EQ(Pop(), "-");
}

TEST_F(JobQueueTest, RunsOnlyOnItsLanes) {
  Push("job", JobClass::kBatch, {1});

  EXPECT_EQ(Pop(0), "-");
  EXPECT_EQ(Pop(1), "job");
}

}  // namespace
}  // namespace repscore::server
