// Plans of calibrations, results of analyses, and databases of older servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <string>
#include <vector>

#include "server/catalog/catalog.h"
#include "tests/server/catalog/catalog_support.h"

namespace repscore::server {
namespace {

using testing::BlobPath;
using testing::BytesOf;
using ::testing::IsEmpty;
using testing::NewRun;
using testing::OpenOrDie;
using testing::Register;
using testing::RegisterWithPlan;
using ::testing::SizeIs;
using testing::TemporaryFolder;

class CatalogAnalysisTest : public ::testing::Test {
 protected:
  CatalogAnalysisTest() : catalog_(OpenOrDie(folder_.path())) {}

  void Reopen() {
    catalog_ = nullptr;
    catalog_ = OpenOrDie(folder_.path());
  }

  TemporaryFolder folder_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogAnalysisTest, PlansWaitUntilTheyAreDropped) {
  const std::string plan("plan\0one", 8);
  ASSERT_TRUE(RegisterWithPlan(*catalog_, "a", {1, 2}, plan).ok());
  ASSERT_TRUE(RegisterWithPlan(*catalog_, "a", {1, 2}, "two").ok());
  ASSERT_TRUE(Register(*catalog_, "b", {1, 2}).ok());
  Reopen();

  const auto plans = *catalog_->PendingCalibrations();

  ASSERT_THAT(plans, SizeIs(2));
  EXPECT_EQ(plans[0].plan, plan);
  EXPECT_EQ(plans[0].dataset_version_name, "datasets/a/versions/1");
  EXPECT_EQ(plans[1].plan, "two");
  ASSERT_TRUE(catalog_->DropPendingCalibration(plans[0].plan_number).ok());
  ASSERT_THAT(*catalog_->PendingCalibrations(), SizeIs(1));
  EXPECT_EQ(catalog_->PendingCalibrations()->front().plan, "two");
}

TEST_F(CatalogAnalysisTest, PlansGoWithTheirVersion) {
  ASSERT_TRUE(RegisterWithPlan(*catalog_, "a", {1, 2}, "one").ok());
  ASSERT_TRUE(RegisterWithPlan(*catalog_, "a", {3, 4}, "two").ok());

  ASSERT_TRUE(catalog_->DeleteDataset("datasets/a/versions/1").ok());

  ASSERT_THAT(*catalog_->PendingCalibrations(), SizeIs(1));
  EXPECT_EQ(catalog_->PendingCalibrations()->front().dataset_version_name,
            "datasets/a/versions/2");
}

TEST_F(CatalogAnalysisTest, ResultsAreKeptByContentKindAndRequest) {
  const std::string digest = Register(*catalog_, "a", {1, 2})->record.digest;
  const std::string result("\0result", 7);

  ASSERT_TRUE(catalog_->PutAnalysis(digest, "k", "r", "old").ok());
  ASSERT_TRUE(catalog_->PutAnalysis(digest, "k", "r", result).ok());
  Reopen();

  EXPECT_EQ(*catalog_->GetAnalysis(digest, "k", "r"), result);
  EXPECT_EQ(catalog_->GetAnalysis(digest, "k", "s").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(catalog_->GetAnalysis(digest, "l", "r").ok());
  EXPECT_FALSE(catalog_->GetAnalysis("other", "k", "r").ok());
}

TEST_F(CatalogAnalysisTest, ResultsGoWithTheLastVersionOfTheirContent) {
  const std::string digest = Register(*catalog_, "a", {1, 2})->record.digest;
  ASSERT_EQ(Register(*catalog_, "b", {1, 2})->record.digest, digest);
  ASSERT_TRUE(catalog_->PutAnalysis(digest, "k", "r", "result").ok());

  ASSERT_TRUE(catalog_->DeleteDataset("datasets/a").ok());
  EXPECT_TRUE(catalog_->GetAnalysis(digest, "k", "r").ok());
  ASSERT_TRUE(catalog_->DeleteDataset("datasets/b").ok());

  EXPECT_FALSE(catalog_->GetAnalysis(digest, "k", "r").ok());
  ASSERT_TRUE(catalog_->PutAnalysis(digest, "k", "r", "late").ok());
  EXPECT_FALSE(catalog_->GetAnalysis(digest, "k", "r").ok());
}

/// The tables of schema version 1, with a dataset and a finished run.
constexpr char kFirstSchema[] = R"sql(
CREATE TABLE datasets (
  dataset_id TEXT PRIMARY KEY NOT NULL,
  next_version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE dataset_versions (
  dataset_id TEXT NOT NULL REFERENCES datasets (dataset_id),
  version INTEGER NOT NULL,
  digest TEXT NOT NULL,
  data_sha256 TEXT NOT NULL,
  description TEXT NOT NULL,
  create_time_micros INTEGER NOT NULL
);
CREATE UNIQUE INDEX dataset_versions_by_name
  ON dataset_versions (dataset_id, version);
CREATE UNIQUE INDEX dataset_versions_by_digest
  ON dataset_versions (dataset_id, digest);
CREATE INDEX dataset_versions_by_blob ON dataset_versions (data_sha256);
CREATE TABLE runs (
  run_number INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  dataset_version_name TEXT NOT NULL,
  request BLOB NOT NULL,
  summary BLOB NOT NULL,
  create_time_micros INTEGER NOT NULL,
  update_time_micros INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  checkpoint_sha256 TEXT NOT NULL DEFAULT '',
  artifact_sha256 TEXT NOT NULL DEFAULT ''
);
CREATE INDEX runs_unfinished ON runs (run_number) WHERE state IN (0, 1);
CREATE INDEX runs_by_checkpoint ON runs (checkpoint_sha256)
  WHERE checkpoint_sha256 != '';
CREATE INDEX runs_by_artifact ON runs (artifact_sha256)
  WHERE artifact_sha256 != '';
CREATE TABLE run_events (
  run_number INTEGER NOT NULL REFERENCES runs (run_number),
  sequence INTEGER NOT NULL,
  payload BLOB NOT NULL,
  PRIMARY KEY (run_number, sequence)
) WITHOUT ROWID;
PRAGMA user_version = 1;
)sql";

void Execute(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message),
            SQLITE_OK)
      << message;
  sqlite3_free(message);
  sqlite3_close(database);
}

TEST(CatalogMigrationTest, AFirstDatabaseKeepsItsRunsAndCandidates) {
  const TemporaryFolder folder;
  const testing::Bytes bytes = BytesOf({7, 8});
  const std::string digest = Sha256Hex(absl::MakeConstSpan(bytes));
  std::filesystem::create_directories(folder.path() + "/blobs/" +
                                      digest.substr(0, 2));
  std::ofstream(BlobPath(folder.path(), digest), std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  Execute(folder.path() + "/catalog.db", kFirstSchema);
  Execute(folder.path() + "/catalog.db",
          "INSERT INTO datasets VALUES ('a', 2);"
          "INSERT INTO dataset_versions VALUES ('a', 1, 'content', '" +
              digest +
              "', '{}', 1);"
              "INSERT INTO runs VALUES (1, 'old', 1, 2,"
              " 'datasets/a/versions/1', x'01', x'02', 3, 4, 5, '', '" +
              digest +
              "');"
              "INSERT INTO runs VALUES (2, 'gone', 1, 2,"
              " 'datasets/z/versions/1', x'01', x'02', 3, 4, 5, '', '');"
              "INSERT INTO run_events VALUES (1, 1, x'0a');");

  const auto catalog = OpenOrDie(folder.path());

  ASSERT_NE(catalog, nullptr);
  const auto array = catalog->ReadRunArray("old", "members/0/candidate");
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->bytes, bytes);
  EXPECT_EQ(array->spec, "");
  EXPECT_FALSE(catalog->ReadRunArray("gone", "members/0/candidate").ok());
  EXPECT_EQ(catalog->GetRun("old")->dataset_digest, "content");
  EXPECT_EQ(catalog->GetRun("gone")->dataset_digest, "");
  EXPECT_THAT(*catalog->ReadRunEvents("old", 0, 9), SizeIs(1));
  ASSERT_THAT(*catalog->SucceededRuns("content", 100), SizeIs(1));
  EXPECT_THAT(*catalog->PendingCalibrations(), IsEmpty());
  EXPECT_TRUE(catalog->CreateRun(NewRun("new")).ok());
}

}  // namespace
}  // namespace repscore::server
