#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/catalog.h"
#include "tests/server/catalog/catalog_support.h"

namespace repscore::server {
namespace {

using testing::ArrayOf;
using testing::Bytes;
using testing::BytesOf;
using ::testing::ElementsAre;
using testing::FilesBelow;
using ::testing::IsEmpty;
using testing::NewRun;
using testing::OpenOrDie;
using testing::Register;
using ::testing::SizeIs;
using testing::TemporaryFolder;

class CatalogRunTest : public ::testing::Test {
 protected:
  CatalogRunTest() : catalog_(OpenOrDie(folder_.path())) {}

  void Reopen() {
    catalog_ = nullptr;
    catalog_ = OpenOrDie(folder_.path());
  }

  size_t Blobs() const { return FilesBelow(folder_.path() + "/blobs").size(); }

  TemporaryFolder folder_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogRunTest, KeepsWhatWasRecordedAfterReopening) {
  RunRecord run = NewRun("r1");
  ASSERT_TRUE(catalog_->CreateRun(run).ok());
  run.state = RunState::kRunning;
  run.summary = std::string("step\0 3", 7);
  run.update_time_micros = 77;
  run.last_sequence = 3;
  const std::vector<RunEventRecord> events = {
      {1, "started"}, {2, std::string("\0", 1)}, {3, ""}};
  const std::string checkpoint("state\0with NUL", 14);

  ASSERT_TRUE(catalog_->RecordRun(run, events, checkpoint).ok());
  Reopen();

  const auto read = catalog_->GetRun("r1");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->kind, 1);
  EXPECT_EQ(read->state, RunState::kRunning);
  EXPECT_EQ(read->dataset_version_name, "datasets/a/versions/1");
  EXPECT_EQ(read->request, NewRun("r1").request);
  EXPECT_EQ(read->summary, run.summary);
  EXPECT_EQ(read->create_time_micros, 5);
  EXPECT_EQ(read->update_time_micros, 77);
  EXPECT_EQ(read->last_sequence, 3);
  EXPECT_EQ(*catalog_->ReadCheckpoint("r1"), checkpoint);
  const auto stored = *catalog_->ReadRunEvents("r1", 0, 10);
  ASSERT_THAT(stored, SizeIs(3));
  EXPECT_EQ(stored[1].payload, std::string("\0", 1));
  EXPECT_EQ(stored[2].payload, "");
}

TEST_F(CatalogRunTest, UnknownRunsAreNotFound) {
  const auto is_not_found = [](const absl::Status& status) {
    return status.code() == absl::StatusCode::kNotFound;
  };

  EXPECT_TRUE(is_not_found(catalog_->GetRun("r").status()));
  EXPECT_TRUE(is_not_found(catalog_->RecordRun(NewRun("r"), {}, "")));
  EXPECT_TRUE(is_not_found(catalog_->RecordRun(NewRun("r"), {}, "state")));
  EXPECT_TRUE(is_not_found(catalog_->ReadRunEvents("r", 0, 1).status()));
  EXPECT_TRUE(is_not_found(catalog_->ReadCheckpoint("r").status()));
  EXPECT_TRUE(is_not_found(catalog_->PutRunArrays("r", ArrayOf("a", {1}))));
  EXPECT_TRUE(is_not_found(catalog_->ReadRunArray("r", "a").status()));
  EXPECT_EQ(Blobs(), 0U);
}

TEST_F(CatalogRunTest, RunIdsAreUniqueAndPlain) {
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r1")).ok());

  EXPECT_EQ(catalog_->CreateRun(NewRun("r1")).code(),
            absl::StatusCode::kAlreadyExists);
  for (const std::string& id :
       {std::string(), std::string("../r"), std::string(10240, 'r')}) {
    EXPECT_EQ(catalog_->CreateRun(NewRun(id)).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(CatalogRunTest, ReadsEventsBehindANumber) {
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r1")).ok());
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r2")).ok());
  std::vector<RunEventRecord> events;
  for (int64_t i = 1; i <= 20; ++i) {
    events.push_back({i, absl::StrCat("event ", i)});
  }
  ASSERT_TRUE(catalog_->RecordRun(NewRun("r1"), events, "").ok());

  const auto middle = *catalog_->ReadRunEvents("r1", 5, 3);

  ASSERT_THAT(middle, SizeIs(3));
  EXPECT_EQ(middle[0].sequence, 6);
  EXPECT_EQ(middle[0].payload, "event 6");
  EXPECT_EQ(middle[2].sequence, 8);
  EXPECT_THAT(*catalog_->ReadRunEvents("r1", 20, 3), IsEmpty());
  EXPECT_THAT(*catalog_->ReadRunEvents("r1", 0, 0), IsEmpty());
  EXPECT_THAT(*catalog_->ReadRunEvents("r1", 0, -1), IsEmpty());
  EXPECT_THAT(*catalog_->ReadRunEvents("r1", -5, 100), SizeIs(20));
  EXPECT_THAT(*catalog_->ReadRunEvents("r2", 0, 100), IsEmpty());
}

TEST_F(CatalogRunTest, AnEventRecordedAgainIsReplaced) {
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r1")).ok());
  const std::vector<RunEventRecord> first = {{1, "a"}, {2, "b"}};
  const std::vector<RunEventRecord> second = {{2, "c"}, {3, "d"}};

  ASSERT_TRUE(catalog_->RecordRun(NewRun("r1"), first, "").ok());
  ASSERT_TRUE(catalog_->RecordRun(NewRun("r1"), second, "").ok());

  const auto events = *catalog_->ReadRunEvents("r1", 0, 10);
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[1].payload, "c");
}

TEST_F(CatalogRunTest, KeepsTheLatestCheckpointOnly) {
  RunRecord run = NewRun("r1");
  ASSERT_TRUE(catalog_->CreateRun(run).ok());
  EXPECT_EQ(*catalog_->ReadCheckpoint("r1"), "");

  ASSERT_TRUE(catalog_->RecordRun(run, {}, "first").ok());
  ASSERT_TRUE(catalog_->RecordRun(run, {}, "second").ok());
  ASSERT_TRUE(catalog_->RecordRun(run, {}, "").ok());

  EXPECT_EQ(*catalog_->ReadCheckpoint("r1"), "second");
  EXPECT_EQ(Blobs(), 1U);
}

TEST_F(CatalogRunTest, TheSameCheckpointTwiceStays) {
  RunRecord run = NewRun("r1");
  ASSERT_TRUE(catalog_->CreateRun(run).ok());

  ASSERT_TRUE(catalog_->RecordRun(run, {}, "state").ok());
  ASSERT_TRUE(catalog_->RecordRun(run, {}, "state").ok());

  EXPECT_EQ(*catalog_->ReadCheckpoint("r1"), "state");
}

TEST_F(CatalogRunTest, AFinishedRunLosesItsCheckpoint) {
  RunRecord run = NewRun("r1");
  ASSERT_TRUE(catalog_->CreateRun(run).ok());
  ASSERT_TRUE(catalog_->RecordRun(run, {}, "state").ok());

  run.state = RunState::kSucceeded;
  ASSERT_TRUE(catalog_->RecordRun(run, {}, "").ok());

  EXPECT_EQ(*catalog_->ReadCheckpoint("r1"), "");
  EXPECT_EQ(Blobs(), 0U);
}

TEST_F(CatalogRunTest, StoresArraysByName) {
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r1")).ok());
  EXPECT_EQ(catalog_->ReadRunArray("r1", "a").status().code(),
            absl::StatusCode::kNotFound);
  std::vector<RunArrayRecord> both = ArrayOf("a", {1, 2});
  both.push_back(ArrayOf("b", {5, 6}).front());

  ASSERT_TRUE(catalog_->PutRunArrays("r1", both).ok());
  ASSERT_TRUE(catalog_->PutRunArrays("r1", ArrayOf("a", {3, 4})).ok());
  Reopen();

  const auto first = catalog_->ReadRunArray("r1", "a");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->bytes, BytesOf({3, 4}));
  EXPECT_EQ(first->spec, "spec");
  EXPECT_EQ(catalog_->ReadRunArray("r1", "b")->bytes, BytesOf({5, 6}));
  EXPECT_EQ(Blobs(), 2U);
}

TEST_F(CatalogRunTest, AnEmptyArrayIsAnArray) {
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r1")).ok());

  ASSERT_TRUE(catalog_->PutRunArrays("r1", ArrayOf("a", {})).ok());

  EXPECT_EQ(catalog_->ReadRunArray("r1", "a")->bytes, Bytes());
}

TEST_F(CatalogRunTest, SucceededRunsAreThoseOfTheContent) {
  const std::string digest = Register(*catalog_, "a", {1, 2})->record.digest;
  for (const char* id : {"r1", "r2", "r3", "r4"}) {
    RunRecord run = NewRun(id);
    run.dataset_digest = std::string(id) == "r3" ? "other" : digest;
    ASSERT_TRUE(catalog_->CreateRun(run).ok());
    run.state =
        std::string(id) == "r2" ? RunState::kFailed : RunState::kSucceeded;
    ASSERT_TRUE(catalog_->RecordRun(run, {}, "").ok());
  }

  const auto all = *catalog_->SucceededRuns(digest, 1000);
  const auto short_ones = *catalog_->SucceededRuns(digest, 5);

  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].run_id, "r1");
  EXPECT_EQ(all[1].run_id, "r4");
  EXPECT_THAT(short_ones, IsEmpty());
}

TEST_F(CatalogRunTest, ACalibrationIsThereOnceUntilItFails) {
  RunRecord run = NewRun("r1");
  run.dataset_digest = "digest";
  run.calibration_key = "key";
  ASSERT_TRUE(catalog_->CreateRun(run).ok());
  RunRecord again = run;
  again.run_id = "r2";

  EXPECT_EQ(catalog_->CreateRun(again).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(catalog_->FindCalibrationRun("digest", "key")->run_id, "r1");
  EXPECT_FALSE(catalog_->FindCalibrationRun("digest", "other").ok());
  EXPECT_FALSE(catalog_->FindCalibrationRun("other", "key").ok());
  run.state = RunState::kFailed;
  ASSERT_TRUE(catalog_->RecordRun(run, {}, "").ok());

  EXPECT_FALSE(catalog_->FindCalibrationRun("digest", "key").ok());
  EXPECT_TRUE(catalog_->CreateRun(again).ok());
  EXPECT_EQ(catalog_->FindCalibrationRun("digest", "key")->run_id, "r2");
}

TEST_F(CatalogRunTest, RunsWithoutAKeyAreNoCalibrations) {
  for (const char* id : {"r1", "r2"}) {
    RunRecord run = NewRun(id);
    run.dataset_digest = "digest";
    ASSERT_TRUE(catalog_->CreateRun(run).ok());
  }

  EXPECT_FALSE(catalog_->FindCalibrationRun("digest", "").ok());
}

TEST_F(CatalogRunTest, BlobsAreSharedBetweenDatasetsAndRuns) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r1")).ok());
  ASSERT_TRUE(catalog_->PutRunArrays("r1", ArrayOf("a", {1, 2})).ok());

  ASSERT_TRUE(catalog_->DeleteDataset("datasets/a").ok());
  Reopen();

  EXPECT_EQ(catalog_->ReadRunArray("r1", "a")->bytes, BytesOf({1, 2}));
}

TEST_F(CatalogRunTest, ListsNewestFirstAndPagesStably) {
  for (const char* id : {"r1", "r2", "r3", "r4", "r5"}) {
    ASSERT_TRUE(catalog_->CreateRun(NewRun(id)).ok());
  }

  const auto first = *catalog_->ListRuns({.size = 2, .token = ""});
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r6")).ok());
  const auto second =
      *catalog_->ListRuns({.size = 2, .token = first.next_page_token});
  const auto third =
      *catalog_->ListRuns({.size = 2, .token = second.next_page_token});

  std::vector<std::string> ids;
  for (const auto& page : {first, second, third}) {
    for (const RunRecord& run : page.items) {
      ids.push_back(run.run_id);
    }
  }
  EXPECT_THAT(ids, ElementsAre("r5", "r4", "r3", "r2", "r1"));
  EXPECT_EQ(third.next_page_token, "");
}

TEST_F(CatalogRunTest, TokensOfOtherListingsAreInvalid) {
  for (const char* id : {"a", "b"}) {
    ASSERT_TRUE(Register(*catalog_, id, {1, 2}).ok());
    ASSERT_TRUE(catalog_->CreateRun(NewRun(id)).ok());
  }
  const std::string datasets =
      catalog_->ListDatasets({.size = 1, .token = ""})->next_page_token;
  const std::string runs =
      catalog_->ListRuns({.size = 1, .token = ""})->next_page_token;

  EXPECT_EQ(catalog_->ListRuns({.size = 1, .token = datasets}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(catalog_->ListDatasets({.size = 1, .token = runs}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CatalogRunTest, UnfinishedRunsAreWhatARestartResumes) {
  const std::vector<RunState> states = {RunState::kRunning,
                                        RunState::kSucceeded,
                                        RunState::kQueued,
                                        RunState::kFailed,
                                        RunState::kCancelled};
  for (size_t i = 0; i < states.size(); ++i) {
    RunRecord run = NewRun(absl::StrCat("r", i));
    ASSERT_TRUE(catalog_->CreateRun(run).ok());
    run.state = states[i];
    ASSERT_TRUE(catalog_->RecordRun(run, {}, "").ok());
  }
  Reopen();

  const auto runs = *catalog_->UnfinishedRuns();

  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].run_id, "r0");
  EXPECT_EQ(runs[1].run_id, "r2");
}

}  // namespace
}  // namespace repscore::server
