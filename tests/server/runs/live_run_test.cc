#include "server/runs/live_run.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace repscore::server {
namespace {

std::unique_ptr<LiveRun> MakeRun(int64_t last_sequence = 0) {
  v1::Run summary;
  summary.set_name("runs/1");
  RunRecord record;
  record.run_id = "1";
  record.summary = summary.SerializeAsString();
  record.last_sequence = last_sequence;
  return std::make_unique<LiveRun>(std::move(record));
}

void PublishPoints(LiveRun& run, size_t count) {
  run.Publish(std::vector<v1::RunEvent>(count), [](v1::Run&) {});
}

class CountingListener : public LiveRun::Listener {
 public:
  void Wake() override { ++wakes; }
  int wakes = 0;
};

TEST(LiveRun, NumbersGoOnAfterTheStoredOnes) {
  const auto run = MakeRun(41);

  PublishPoints(*run, 2);

  std::string payload;
  ASSERT_EQ(run->Next(41, payload), LiveRun::Found::kEvent);
  v1::RunEvent event;
  ASSERT_TRUE(event.ParseFromString(payload));
  EXPECT_EQ(event.sequence(), 42);
  EXPECT_EQ(event.run(), "runs/1");
  EXPECT_EQ(run->Snapshot().last_sequence(), 43);
}

TEST(LiveRun, ResultAndSummaryChangeAtOnce) {
  const auto run = MakeRun();
  std::vector<v1::RunEvent> events(1);
  events[0].mutable_result();

  run->Publish(std::move(events),
               [](v1::Run& summary) { summary.set_step(7); });

  std::string payload;
  ASSERT_EQ(run->Next(0, payload), LiveRun::Found::kEvent);
  v1::RunEvent event;
  ASSERT_TRUE(event.ParseFromString(payload));
  EXPECT_EQ(event.result().run().step(), 7);
  EXPECT_EQ(event.result().run().last_sequence(), 1);
}

TEST(LiveRun, KeepsWhatIsNotStoredAndARingOfTheRest) {
  const auto run = MakeRun();
  PublishPoints(*run, 1000);
  std::string payload;
  EXPECT_EQ(run->Next(0, payload), LiveRun::Found::kEvent);
  EXPECT_GT(run->unrecorded_bytes(), 0U);

  run->MarkRecorded(1000);

  EXPECT_EQ(run->unrecorded_bytes(), 0U);
  EXPECT_EQ(run->Next(0, payload), LiveRun::Found::kCatalog);
  const auto ring = static_cast<int64_t>(LiveRun::kRing);
  EXPECT_EQ(run->Next(1000 - ring - 1, payload), LiveRun::Found::kCatalog);
  EXPECT_EQ(run->Next(1000 - ring, payload), LiveRun::Found::kEvent);
}

TEST(LiveRun, EventsOfAFormerProcessAreInTheCatalog) {
  const auto run = MakeRun(10);
  PublishPoints(*run, 1);
  std::string payload;

  EXPECT_EQ(run->Next(3, payload), LiveRun::Found::kCatalog);
  EXPECT_EQ(run->Next(10, payload), LiveRun::Found::kEvent);
}

TEST(LiveRun, UnrecordedEventsAreTakenOnceStored) {
  const auto run = MakeRun();
  PublishPoints(*run, 3);
  const LiveRun::Unrecorded first = run->TakeUnrecorded();
  PublishPoints(*run, 2);
  run->MarkRecorded(first.record.last_sequence);

  const LiveRun::Unrecorded second = run->TakeUnrecorded();

  ASSERT_EQ(first.events.size(), 3U);
  ASSERT_EQ(second.events.size(), 2U);
  EXPECT_EQ(second.events[0].sequence, 4);
  EXPECT_EQ(second.record.last_sequence, 5);
}

TEST(LiveRun, ReadersWaitUntilTheRunIsClosed) {
  const auto run = MakeRun();
  const auto listener = std::make_shared<CountingListener>();
  run->AddListener(listener);
  std::string payload;
  EXPECT_EQ(run->Next(0, payload), LiveRun::Found::kNotYet);

  PublishPoints(*run, 1);
  run->Close();

  EXPECT_EQ(listener->wakes, 2);
  EXPECT_EQ(run->Next(0, payload), LiveRun::Found::kEvent);
  EXPECT_EQ(run->Next(1, payload), LiveRun::Found::kClosed);
}

TEST(LiveRun, WhatIsUnseenIsStoredButNotShown) {
  const auto run = MakeRun();
  PublishPoints(*run, 1);
  const auto listener = std::make_shared<CountingListener>();
  run->AddListener(listener);
  std::vector<v1::RunEvent> events(1);
  events[0].mutable_result();

  run->PublishUnseen(std::move(events),
                     [](v1::Run& summary) { summary.set_step(7); });

  std::string payload;
  EXPECT_EQ(run->Next(1, payload), LiveRun::Found::kNotYet);
  EXPECT_EQ(run->Snapshot().step(), 0);
  EXPECT_EQ(run->Snapshot().last_sequence(), 1);
  EXPECT_EQ(listener->wakes, 0);
  const LiveRun::Unrecorded unrecorded = run->TakeUnrecorded();
  EXPECT_EQ(unrecorded.record.last_sequence, 2);
  EXPECT_EQ(unrecorded.events.size(), 2U);
  run->MarkRecorded(2);
  run->Show();
  EXPECT_EQ(run->Next(1, payload), LiveRun::Found::kEvent);
  EXPECT_EQ(run->Snapshot().step(), 7);
  EXPECT_EQ(listener->wakes, 1);
}

TEST(LiveRun, ArraysAreFoundUntilTheyAreStored) {
  const auto run = MakeRun();
  auto array = std::make_shared<RunArrayRecord>();
  array->name = "members/0/snapshots/0";
  array->bytes.resize(100);

  run->Publish(std::vector<v1::RunEvent>(2), {array}, [](v1::Run&) {});

  EXPECT_EQ(run->FindArray("members/0/snapshots/0"), array);
  EXPECT_EQ(run->FindArray("members/0/snapshots/1"), nullptr);
  EXPECT_GT(run->unrecorded_bytes(), 100U);
  EXPECT_EQ(run->TakeUnrecorded().arrays.size(), 1U);
  run->MarkRecorded(1);
  EXPECT_EQ(run->FindArray("members/0/snapshots/0"), array);
  run->MarkRecorded(2);
  EXPECT_EQ(run->FindArray("members/0/snapshots/0"), nullptr);
  EXPECT_EQ(run->unrecorded_bytes(), 0U);
}

TEST(LiveRun, ListenersThatAreGoneAreNotCalled) {
  const auto run = MakeRun();
  {
    const auto listener = std::make_shared<CountingListener>();
    run->AddListener(listener);
  }

  PublishPoints(*run, 1);

  EXPECT_EQ(run->Snapshot().last_sequence(), 1);
}

}  // namespace
}  // namespace repscore::server
