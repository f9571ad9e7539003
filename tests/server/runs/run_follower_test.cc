#include "server/runs/run_follower.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/catalog/catalog.h"
#include "server/executor.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

/// Keeps what it is sent; the test says when an event has arrived.
class FakeSink : public RunFollower::Sink {
 public:
  void Send(v1::RunEvent event) override {
    const std::lock_guard lock(mutex_);
    sent_.push_back(std::move(event));
  }
  void End(const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    ends_.push_back(status);
  }
  std::vector<v1::RunEvent> sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }
  std::vector<absl::Status> ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<v1::RunEvent> sent_;
  std::vector<absl::Status> ends_;
};

class RunFollowerTest : public ::testing::Test {
 protected:
  RunFollowerTest() {
    std::string name = ::testing::TempDir() + "repscore-follower-XXXXXX";
    directory_ = mkdtemp(name.data());
    catalog_ = *Catalog::Open(directory_);
    disk_ = std::make_unique<Executor>(2, 100);
    record_.run_id = "1";
    EXPECT_TRUE(catalog_->CreateRun(record_).ok());
    run_ = std::make_shared<LiveRun>(record_);
  }
  ~RunFollowerTest() override {
    disk_->Stop();
    catalog_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::shared_ptr<RunFollower> Follower(RunFollower::Options options = {}) {
    return std::make_shared<RunFollower>(*catalog_, *disk_, sink_, options);
  }

  void Publish(size_t count) {
    run_->Publish(std::vector<v1::RunEvent>(count), [](v1::Run&) {});
  }

  void PublishResult(v1::RunState state) {
    std::vector<v1::RunEvent> events(1);
    events[0].mutable_result();
    run_->Publish(std::move(events), [state](v1::Run& run) {
      run.set_state(state);
      if (state == v1::RUN_STATE_FAILED) {
        run.mutable_error()->set_code(3);
        run.mutable_error()->set_message("bad");
      }
    });
  }

  void Record() {
    const LiveRun::Unrecorded unrecorded = run_->TakeUnrecorded();
    EXPECT_TRUE(
        catalog_->RecordRun(unrecorded.record, unrecorded.events, "").ok());
    run_->MarkRecorded(unrecorded.record.last_sequence);
  }

  /// Confirms every event until the follower ends.
  void ReadAll(RunFollower& follower) {
    size_t confirmed = 0;
    EXPECT_TRUE(Eventually([&] {
      for (; confirmed < sink_.sent().size(); ++confirmed) {
        follower.Sent(true);
      }
      return !sink_.ends().empty();
    }));
  }

  std::string directory_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Executor> disk_;
  RunRecord record_;
  std::shared_ptr<LiveRun> run_;
  FakeSink sink_;
};

TEST_F(RunFollowerTest, OneEventIsOnItsWayAtATime) {
  const auto follower = Follower();
  follower->Follow("1", run_);

  Publish(3);
  EXPECT_EQ(sink_.sent().size(), 1U);
  follower->Sent(true);
  EXPECT_EQ(sink_.sent().size(), 2U);

  EXPECT_EQ(sink_.sent()[1].sequence(), 2);
  EXPECT_TRUE(sink_.ends().empty());
}

TEST_F(RunFollowerTest, StopWaitsForTheEventOnItsWayAndEndsOnce) {
  const auto follower = Follower();
  follower->Follow("1", run_);
  Publish(3);

  follower->Stop(absl::CancelledError("first"));
  follower->Stop(absl::InternalError("second"));
  EXPECT_TRUE(sink_.ends().empty());
  follower->Sent(false);
  follower->Stop(absl::InternalError("third"));
  Publish(1);

  ASSERT_EQ(sink_.ends().size(), 1U);
  EXPECT_EQ(sink_.ends()[0].message(), "first");
  EXPECT_EQ(sink_.sent().size(), 1U);
}

TEST_F(RunFollowerTest, StopBeforeTheRunIsOpenEndsWhenItIs) {
  const auto follower = Follower();

  follower->Stop(absl::CancelledError("early"));
  EXPECT_TRUE(sink_.ends().empty());
  follower->Follow("1", run_);

  EXPECT_EQ(sink_.ends().size(), 1U);
}

TEST_F(RunFollowerTest, ReaderThatFellBehindReadsTheCatalog) {
  Publish(2000);
  Record();
  Publish(10);
  PublishResult(v1::RUN_STATE_SUCCEEDED);
  const auto follower = Follower();

  follower->Follow("1", run_);
  ReadAll(*follower);

  const std::vector<v1::RunEvent> sent = sink_.sent();
  ASSERT_EQ(sent.size(), 2011U);
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].sequence(), static_cast<int64_t>(i) + 1);
  }
  EXPECT_TRUE(sink_.ends()[0].ok());
}

TEST_F(RunFollowerTest, FailedRunEndsWithItsErrorWhereThatIsWanted) {
  Publish(1);
  PublishResult(v1::RUN_STATE_FAILED);
  const auto owner = Follower({.ends_with_error = true});

  owner->Follow("1", run_);
  ReadAll(*owner);

  EXPECT_EQ(sink_.sent().size(), 2U);
  EXPECT_EQ(sink_.ends()[0].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(sink_.ends()[0].message(), "bad");
}

TEST_F(RunFollowerTest, MissingRunEndsWithTheCatalogsError) {
  const auto follower = Follower();

  follower->Follow("no-such-run", nullptr);

  EXPECT_TRUE(Eventually([this] { return !sink_.ends().empty(); }));
  EXPECT_EQ(sink_.ends()[0].code(), absl::StatusCode::kNotFound);
}

TEST_F(RunFollowerTest, ClosedRunEndsItsReaders) {
  const auto follower = Follower({.after_sequence = 5});
  follower->Follow("1", run_);

  run_->Close();

  EXPECT_EQ(sink_.ends().size(), 1U);
}

}  // namespace
}  // namespace repscore::server
