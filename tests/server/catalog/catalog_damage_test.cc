#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/catalog.h"
#include "tests/server/catalog/catalog_support.h"

namespace repscore::server {
namespace {

namespace fs = std::filesystem;
using testing::ArrayOf;
using testing::BlobPath;
using testing::FilesBelow;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NewRun;
using testing::OpenOrDie;
using testing::Register;
using ::testing::SizeIs;
using testing::TemporaryFolder;

void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void Overwrite(const std::string& path,
               std::streamoff at,
               const std::string& text) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(at);
  file << text;
}

void Execute(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
}

class CatalogDamageTest : public ::testing::Test {
 protected:
  absl::Status TryOpen() { return Catalog::Open(folder_.path()).status(); }
  std::string DatabasePath() const { return folder_.path() + "/catalog.db"; }

  TemporaryFolder folder_;
};

TEST_F(CatalogDamageTest, OneServerPerDirectory) {
  const auto first = OpenOrDie(folder_.path());

  const absl::Status second = TryOpen();

  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.message()), HasSubstr("another server"));
}

TEST_F(CatalogDamageTest, ADirectoryThatCannotBeMadeIsReported) {
  WriteText(folder_.path() + "/file", "x");

  EXPECT_FALSE(Catalog::Open(folder_.path() + "/file/data").ok());
  EXPECT_FALSE(Catalog::Open(folder_.path() + "/file").ok());
}

TEST_F(CatalogDamageTest, ADamagedDatabaseIsRefusedWithAdvice) {
  {
    const auto catalog = OpenOrDie(folder_.path());
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(catalog->CreateRun(NewRun(absl::StrCat("r", i))).ok());
    }
  }
  const auto size = static_cast<std::streamoff>(fs::file_size(DatabasePath()));
  for (std::streamoff at = 4096; at < size; at += 4096) {
    Overwrite(DatabasePath(), at, std::string(64, '\xFF'));
  }

  const absl::Status status = TryOpen();

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("restore catalog.db"));
}

TEST_F(CatalogDamageTest, AFileThatIsNoDatabaseIsRefused) {
  WriteText(DatabasePath(), std::string(5000, 'x'));

  EXPECT_EQ(TryOpen().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CatalogDamageTest, ANewerSchemaIsRefused) {
  OpenOrDie(folder_.path()).reset();
  Execute(DatabasePath(), "PRAGMA user_version = 99");

  const absl::Status status = TryOpen();

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("newer server"));
}

TEST_F(CatalogDamageTest, BlobsWithoutADatabaseAreNotThrownAway) {
  {
    const auto catalog = OpenOrDie(folder_.path());
    ASSERT_TRUE(Register(*catalog, "a", {1, 2}).ok());
  }
  fs::remove(DatabasePath());

  EXPECT_EQ(TryOpen().code(), absl::StatusCode::kFailedPrecondition);
  WriteText(DatabasePath(), "");
  EXPECT_EQ(TryOpen().code(), absl::StatusCode::kFailedPrecondition);

  EXPECT_THAT(FilesBelow(folder_.path() + "/blobs"), SizeIs(1));
}

TEST_F(CatalogDamageTest, OpeningRemovesWhatACrashLeft) {
  std::string kept;
  {
    const auto catalog = OpenOrDie(folder_.path());
    kept = Register(*catalog, "a", {1, 2})->record.data_sha256;
  }
  const std::string orphan = BlobPath(folder_.path(), std::string(64, 'a'));
  fs::create_directories(fs::path(orphan).parent_path());
  WriteText(orphan, "orphan");
  WriteText(folder_.path() + "/incoming/register-7", "half");
  fs::create_directories(folder_.path() + "/incoming/folder/in/it");

  const auto catalog = OpenOrDie(folder_.path());

  EXPECT_FALSE(fs::exists(orphan));
  EXPECT_TRUE(fs::exists(BlobPath(folder_.path(), kept)));
  EXPECT_THAT(FilesBelow(folder_.path() + "/incoming"), IsEmpty());
  EXPECT_TRUE(catalog->LoadDataset("datasets/a").ok());
}

TEST_F(CatalogDamageTest, AFlippedBitIsNeverScored) {
  const auto catalog = OpenOrDie(folder_.path());
  const DatasetRecord record = Register(*catalog, "a", {1, 2})->record;
  Overwrite(BlobPath(folder_.path(), record.data_sha256), 3, "x");

  const absl::Status status = catalog->LoadDataset("datasets/a").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(record.data_sha256));
  EXPECT_THAT(std::string(status.message()), HasSubstr(record.Name()));
}

TEST_F(CatalogDamageTest, AShortBlobIsNeverScored) {
  const auto catalog = OpenOrDie(folder_.path());
  const DatasetRecord record = Register(*catalog, "a", {1, 2})->record;
  fs::resize_file(BlobPath(folder_.path(), record.data_sha256), 4);

  EXPECT_EQ(catalog->LoadDataset("datasets/a").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(CatalogDamageTest, AMissingBlobIsDataLoss) {
  const auto catalog = OpenOrDie(folder_.path());
  const DatasetRecord record = Register(*catalog, "a", {1, 2})->record;
  ASSERT_TRUE(catalog->CreateRun(NewRun("r")).ok());
  ASSERT_TRUE(catalog->RecordRun(NewRun("r"), {}, "state").ok());
  ASSERT_TRUE(catalog->PutRunArrays("r", ArrayOf("a", {5})).ok());
  fs::remove_all(folder_.path() + "/blobs");

  EXPECT_EQ(catalog->LoadDataset("datasets/a").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(catalog->ReadCheckpoint("r").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(catalog->ReadRunArray("r", "a").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(CatalogDamageTest, RegisteringAgainMendsADamagedBlob) {
  const auto catalog = OpenOrDie(folder_.path());
  const DatasetRecord record = Register(*catalog, "a", {1, 2})->record;
  Overwrite(BlobPath(folder_.path(), record.data_sha256), 3, "x");
  ASSERT_FALSE(catalog->LoadDataset("datasets/a").ok());

  ASSERT_TRUE(Register(*catalog, "a", {1, 2})->already_registered);

  EXPECT_TRUE(catalog->LoadDataset("datasets/a").ok());
}

TEST_F(CatalogDamageTest, ADamagedDescriptionIsDataLoss) {
  {
    const auto catalog = OpenOrDie(folder_.path());
    ASSERT_TRUE(Register(*catalog, "a", {1, 2}).ok());
    ASSERT_TRUE(Register(*catalog, "b", {1, 2}).ok());
    ASSERT_TRUE(Register(*catalog, "c", {1, 2}).ok());
  }
  Execute(DatabasePath(),
          "UPDATE dataset_versions SET description = '{' WHERE "
          "dataset_id = 'a'");
  Execute(DatabasePath(),
          "UPDATE dataset_versions SET description = '{\"shape\": [1, -2]}' "
          "WHERE dataset_id = 'b'");

  const auto catalog = OpenOrDie(folder_.path());

  EXPECT_EQ(catalog->GetDataset("datasets/a").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(catalog->LoadDataset("datasets/b").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(catalog->LoadDataset("datasets/c").ok());
}

TEST_F(CatalogDamageTest, ReadsGoOnBesideALockedDatabase) {
  const auto catalog = OpenOrDie(folder_.path());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(DatabasePath().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr),
            SQLITE_OK);

  EXPECT_TRUE(catalog->ListRuns({}).ok());
  EXPECT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(other);

  EXPECT_TRUE(catalog->CreateRun(NewRun("r")).ok());
}

}  // namespace
}  // namespace repscore::server
