#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "server/catalog/catalog.h"
#include "tests/server/catalog/catalog_support.h"

namespace repscore::server {
namespace {

using testing::Bytes;
using testing::BytesOf;
using ::testing::ElementsAre;
using testing::FilesBelow;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Matrix;
using testing::OpenOrDie;
using testing::Register;
using ::testing::SizeIs;
using testing::TemporaryFolder;

class CatalogDatasetTest : public ::testing::Test {
 protected:
  CatalogDatasetTest() : catalog_(OpenOrDie(folder_.path())) {}

  void Reopen() {
    catalog_ = nullptr;
    catalog_ = OpenOrDie(folder_.path());
  }

  /// Commits `bytes` as float32 [2 x 2] under a digest.
  absl::Status Upload(const Bytes& bytes, const std::string& digest) {
    auto upload = catalog_->BeginUpload("a", Matrix(2), digest);
    if (!upload.ok()) {
      return upload.status();
    }
    if (absl::Status status = (*upload)->Append(bytes); !status.ok()) {
      return status;
    }
    return (*upload)->Commit().status();
  }

  std::vector<std::string> ListedNames(const PageRequest& request = {}) {
    std::vector<std::string> names;
    const auto page = catalog_->ListDatasets(request);
    for (const DatasetRecord& record : page->items) {
      names.push_back(record.Name());
    }
    return names;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogDatasetTest, RegistersAndSurvivesReopening) {
  DatasetDescription description = Matrix(3);
  description.labels = {{"target", {"left", "right", "\xE2\x82\xAC"}}};
  description.groups = {{"session", {"1", "1", "2"}}};
  description.axes = {
      {.kind = AxisKind::kCondition, .coordinates = {0.1, 1e-300, -7.0}},
      {.kind = AxisKind::kFeature}};
  description.display_name = "M1";
  description.attributes = {{"lab", "x"}};
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};

  const auto committed = Register(*catalog_, "m1", values, description);
  ASSERT_TRUE(committed.ok()) << committed.status();
  Reopen();

  EXPECT_EQ(committed->record.Name(), "datasets/m1/versions/1");
  EXPECT_FALSE(committed->already_registered);
  EXPECT_GT(committed->record.create_time_micros, 0);
  const auto record = catalog_->GetDataset("datasets/m1");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->digest, committed->record.digest);
  EXPECT_EQ(record->create_time_micros, committed->record.create_time_micros);
  EXPECT_EQ(record->description.labels[0].values[2], "\xE2\x82\xAC");
  EXPECT_EQ(record->description.groups[0].name, "session");
  EXPECT_THAT(record->description.axes[0].coordinates,
              ElementsAre(0.1, 1e-300, -7.0));
  EXPECT_EQ(record->description.attributes.at("lab"), "x");
  const auto dataset = catalog_->LoadDataset("datasets/m1/versions/1");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->data, BytesOf(values));
  EXPECT_EQ((*dataset)->rows(), 3);
  EXPECT_EQ((*dataset)->name, "datasets/m1/versions/1");
}

TEST_F(CatalogDatasetTest, SameContentIsRegisteredOnce) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());
  DatasetDescription renamed = Matrix(1);
  renamed.display_name = "another name";

  const auto again = Register(*catalog_, "a", {1, 2}, renamed);

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->already_registered);
  EXPECT_EQ(again->record.version, 1);
  EXPECT_EQ(again->record.description.display_name, "");
  EXPECT_THAT(FilesBelow(folder_.path() + "/blobs"), SizeIs(1));
  EXPECT_THAT(FilesBelow(folder_.path() + "/incoming"), IsEmpty());
}

TEST_F(CatalogDatasetTest, OtherContentIsTheNextVersion) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());

  EXPECT_EQ(Register(*catalog_, "a", {1, 3})->record.version, 2);
  EXPECT_EQ(Register(*catalog_, "a", {1, 2})->record.version, 1);
  EXPECT_EQ(Register(*catalog_, "b", {1, 2})->record.version, 1);
  EXPECT_EQ(catalog_->GetDataset("datasets/a")->version, 2);
  EXPECT_EQ(catalog_->GetDataset("datasets/a/versions/1")->version, 1);
  EXPECT_THAT(FilesBelow(folder_.path() + "/blobs"), SizeIs(2));
}

TEST_F(CatalogDatasetTest, DeletedVersionNumbersAreNotReused) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());
  ASSERT_TRUE(Register(*catalog_, "a", {1, 3}).ok());

  ASSERT_TRUE(catalog_->DeleteDataset("datasets/a/versions/2").ok());
  EXPECT_EQ(catalog_->GetDataset("datasets/a")->version, 1);
  EXPECT_EQ(Register(*catalog_, "a", {1, 3})->record.version, 3);
  ASSERT_TRUE(catalog_->DeleteDataset("datasets/a").ok());
  Reopen();

  EXPECT_THAT(ListedNames(), IsEmpty());
  EXPECT_EQ(Register(*catalog_, "a", {1, 2})->record.version, 4);
}

TEST_F(CatalogDatasetTest, BlobsGoWithTheirLastReference) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());
  ASSERT_TRUE(Register(*catalog_, "b", {1, 2}).ok());

  ASSERT_TRUE(catalog_->DeleteDataset("datasets/a").ok());
  EXPECT_TRUE(catalog_->LoadDataset("datasets/b").ok());
  EXPECT_THAT(FilesBelow(folder_.path() + "/blobs"), SizeIs(1));
  ASSERT_TRUE(catalog_->DeleteDataset("datasets/b/versions/1").ok());

  EXPECT_THAT(FilesBelow(folder_.path() + "/blobs"), IsEmpty());
}

TEST_F(CatalogDatasetTest, DeletionLeavesWhatIsHeldAlone) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());
  const auto held = *catalog_->LoadDataset("datasets/a");

  ASSERT_TRUE(catalog_->DeleteDataset("datasets/a").ok());

  EXPECT_EQ(held->data, BytesOf({1, 2}));
  EXPECT_EQ(catalog_->LoadDataset("datasets/a").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CatalogDatasetTest, UnknownNamesAreNotFound) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());
  for (const char* name : {"datasets/b", "datasets/a/versions/2"}) {
    const absl::Status status = catalog_->GetDataset(name).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    EXPECT_EQ(catalog_->LoadDataset(name).status().code(),
              absl::StatusCode::kNotFound);
    EXPECT_EQ(catalog_->DeleteDataset(name).code(),
              absl::StatusCode::kNotFound);
  }
}

TEST_F(CatalogDatasetTest, BadNamesAreInvalid) {
  for (const std::string& name : {std::string("A"),
                                  std::string("datasets/../../etc/passwd"),
                                  std::string("datasets/a\0", 11),
                                  std::string(10240, 'a'),
                                  std::string("datasets/a' OR '1'='1")}) {
    EXPECT_EQ(catalog_->GetDataset(name).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(catalog_->LoadDataset(name).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(catalog_->DeleteDataset(name).code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Register(*catalog_, name, {1, 2}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(CatalogDatasetTest, UploadsNeedADescriptionThatFits) {
  DatasetDescription bad = Matrix(2);
  bad.labels = {{"target", {"one"}}};
  DatasetDescription empty = Matrix(0);
  const std::string digest(64, 'a');

  EXPECT_EQ(catalog_->BeginUpload("a", bad, digest).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(catalog_->BeginUpload("a", empty, digest).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(catalog_->BeginUpload("a", Matrix(2), "").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CatalogDatasetTest, RefusesWhatTheDiskCannotHold) {
  const auto upload = catalog_->BeginUpload(
      "a", Matrix(int64_t{1} << 58), std::string(64, 'a'));

  EXPECT_EQ(upload.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(upload.status().message()),
              HasSubstr("2305843009213693952 are needed"));
}

TEST_F(CatalogDatasetTest, ReportsBothDigestsWhenTheyDiffer) {
  const Bytes bytes = BytesOf({1, 2, 3, 4});
  const std::string wrong(64, '0');

  const absl::Status status = Upload(bytes, wrong);

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(wrong));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(Sha256Hex(absl::MakeConstSpan(bytes))));
  EXPECT_THAT(ListedNames(), IsEmpty());
  EXPECT_THAT(FilesBelow(folder_.path() + "/blobs"), IsEmpty());
}

TEST_F(CatalogDatasetTest, ReportsBothCountsWhenBytesAreMissing) {
  const Bytes bytes = BytesOf({1, 2, 3});

  const absl::Status status =
      Upload(bytes, Sha256Hex(absl::MakeConstSpan(bytes)));

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("float32 [2 x 2] takes 16 bytes, got 12"));
}

TEST_F(CatalogDatasetTest, RefusesMoreBytesThanTheSpecHolds) {
  const Bytes bytes = BytesOf({1, 2, 3, 4, 5});

  const absl::Status status =
      Upload(bytes, Sha256Hex(absl::MakeConstSpan(bytes)));

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("at least 20"));
}

TEST_F(CatalogDatasetTest, AFailedUploadStaysFailed) {
  auto upload = *catalog_->BeginUpload("a", Matrix(1), std::string(64, '0'));

  EXPECT_FALSE(upload->Append(BytesOf({1, 2, 3})).ok());
  EXPECT_FALSE(upload->Append(BytesOf({1})).ok());

  EXPECT_EQ(upload->Commit().status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CatalogDatasetTest, AnUploadCommitsOnce) {
  const Bytes bytes = BytesOf({1, 2});
  auto upload = *catalog_->BeginUpload(
      "a", Matrix(1), Sha256Hex(absl::MakeConstSpan(bytes)));
  ASSERT_TRUE(upload->Append(bytes).ok());
  ASSERT_TRUE(upload->Commit().ok());

  EXPECT_EQ(upload->Commit().status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(upload->Append(bytes).code(),
            absl::StatusCode::kFailedPrecondition);
  upload = nullptr;
  EXPECT_TRUE(catalog_->LoadDataset("datasets/a").ok());
}

TEST_F(CatalogDatasetTest, AbandonedUploadsLeaveNothing) {
  {
    auto upload = *catalog_->BeginUpload("a", Matrix(1), std::string(64, '0'));
    ASSERT_TRUE(upload->Append(BytesOf({1})).ok());
    EXPECT_THAT(FilesBelow(folder_.path() + "/incoming"), SizeIs(1));
  }

  EXPECT_THAT(FilesBelow(folder_.path() + "/incoming"), IsEmpty());
  EXPECT_THAT(ListedNames(), IsEmpty());
}

TEST_F(CatalogDatasetTest, NamesRowAndColumnOfTheFirstNonFiniteEntry) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();

  const absl::Status nan =
      Register(*catalog_, "a", {1, 2, 3, kNan, kInfinity, 6}).status();
  const absl::Status infinity =
      Register(*catalog_, "a", {1, 2, 3, 4, -kInfinity, 6}).status();

  EXPECT_EQ(nan.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(nan.message()), HasSubstr("row 1, column 1"));
  EXPECT_THAT(std::string(infinity.message()), HasSubstr("row 2, column 0"));
  EXPECT_THAT(ListedNames(), IsEmpty());
}

TEST_F(CatalogDatasetTest, FindsNonFiniteEntriesHoweverBytesAreCut) {
  std::vector<float> values(20, 1.0F);
  values[13] = std::numeric_limits<float>::quiet_NaN();
  const Bytes bytes = BytesOf(values);
  const std::string digest = Sha256Hex(absl::MakeConstSpan(bytes));
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{7}, size_t{80}}) {
    auto upload = *catalog_->BeginUpload("a", Matrix(10), digest);
    for (size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_TRUE(
          upload->Append(absl::MakeConstSpan(bytes).subspan(at, piece)).ok());
    }

    const absl::Status status = upload->Commit().status();

    EXPECT_THAT(std::string(status.message()), HasSubstr("row 6, column 1"));
  }
}

TEST_F(CatalogDatasetTest, AcceptsIntegersThatLookLikeNaN) {
  DatasetDescription description = Matrix(1);
  description.spec.type = DataType::kInt32;

  EXPECT_TRUE(
      Register(*catalog_, "a", {std::nanf(""), std::nanf("")}, description)
          .ok());
}

TEST_F(CatalogDatasetTest, PagesThroughTheLatestVersionsByName) {
  for (const char* id : {"d", "b", "a", "c", "e"}) {
    ASSERT_TRUE(Register(*catalog_, id, {1, 2}).ok());
  }
  ASSERT_TRUE(Register(*catalog_, "b", {3, 4}).ok());

  const auto first = *catalog_->ListDatasets({.size = 2, .token = ""});
  ASSERT_TRUE(Register(*catalog_, "aa", {1, 2}).ok());
  ASSERT_TRUE(Register(*catalog_, "bb", {1, 2}).ok());
  const auto second =
      *catalog_->ListDatasets({.size = 2, .token = first.next_page_token});
  const auto third =
      *catalog_->ListDatasets({.size = 9, .token = second.next_page_token});

  ASSERT_THAT(first.items, SizeIs(2));
  EXPECT_EQ(first.items[0].Name(), "datasets/a/versions/1");
  EXPECT_EQ(first.items[1].Name(), "datasets/b/versions/2");
  ASSERT_THAT(second.items, SizeIs(2));
  EXPECT_EQ(second.items[0].dataset_id, "bb");
  EXPECT_EQ(second.items[1].dataset_id, "c");
  ASSERT_THAT(third.items, SizeIs(2));
  EXPECT_EQ(third.items[1].dataset_id, "e");
  EXPECT_EQ(third.next_page_token, "");
}

TEST_F(CatalogDatasetTest, AFullLastPageHasNoToken) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());
  ASSERT_TRUE(Register(*catalog_, "b", {1, 2}).ok());

  const auto page = *catalog_->ListDatasets({.size = 2, .token = ""});

  EXPECT_THAT(page.items, SizeIs(2));
  EXPECT_EQ(page.next_page_token, "");
}

TEST_F(CatalogDatasetTest, PagesOfLongDescriptionsEndEarly) {
  DatasetDescription description = Matrix(1);
  description.citation = std::string(size_t{1} << 20, 'c');
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    ASSERT_TRUE(Register(*catalog_, id, {1, 2}, description).ok());
  }

  std::vector<std::string> ids;
  PageRequest request;
  do {
    const auto page = *catalog_->ListDatasets(request);
    EXPECT_LE(page.items.size(), 3U);
    for (const DatasetRecord& record : page.items) {
      ids.push_back(record.dataset_id);
    }
    request.token = page.next_page_token;
  } while (!request.token.empty());

  EXPECT_THAT(ids, ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(CatalogDatasetTest, RefusesBadPages) {
  EXPECT_EQ(catalog_->ListDatasets({.size = -1, .token = ""}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(catalog_->ListDatasets({.size = 0, .token = "x"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CatalogDatasetTest, LoadsADatasetOnceWhileItIsUsed) {
  ASSERT_TRUE(Register(*catalog_, "a", {1, 2}).ok());

  const auto first = *catalog_->LoadDataset("datasets/a");
  const auto second = *catalog_->LoadDataset("datasets/a/versions/1");

  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace repscore::server
