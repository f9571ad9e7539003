#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/catalog.h"
#include "tests/server/catalog/catalog_support.h"

namespace repscore::server {
namespace {

using testing::BytesOf;
using testing::FilesBelow;
using ::testing::IsEmpty;
using testing::NewRun;
using testing::OpenOrDie;
using testing::Register;
using testing::TemporaryFolder;

constexpr int kThreads = 4;

void InThreads(const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back(body, i);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

class CatalogConcurrencyTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::unique_ptr<Catalog> catalog_ = OpenOrDie(folder_.path());
};

TEST_F(CatalogConcurrencyTest, RacingRegistrationsOfOneContentGiveOneVersion) {
  std::atomic<int> fresh = 0;

  InThreads([&](int) {
    for (int i = 0; i < 10; ++i) {
      const auto committed =
          Register(*catalog_, "a", {static_cast<float>(i), 0});
      ASSERT_TRUE(committed.ok()) << committed.status();
      fresh += committed->already_registered ? 0 : 1;
    }
  });

  EXPECT_EQ(fresh, 10);
  EXPECT_EQ(catalog_->GetDataset("datasets/a")->version, 10);
}

TEST_F(CatalogConcurrencyTest, RacingRegistrationsNumberWithoutGaps) {
  InThreads([&](int thread) {
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(Register(*catalog_,
                           "a",
                           {static_cast<float>(thread), static_cast<float>(i)})
                      .ok());
    }
  });

  std::set<std::string> digests;
  for (int version = 1; version <= 10 * kThreads; ++version) {
    const auto record =
        catalog_->GetDataset(absl::StrCat("datasets/a/versions/", version));
    ASSERT_TRUE(record.ok()) << record.status();
    digests.insert(record->digest);
  }
  EXPECT_EQ(digests.size(), 10U * kThreads);
}

TEST_F(CatalogConcurrencyTest, LoadsBesideDeletionsAreWholeOrNotFound) {
  std::atomic<int> loaded = 0;

  InThreads([&](int thread) {
    const std::string id = thread % 2 == 0 ? "even" : "odd";
    for (int i = 0; i < 20; ++i) {
      if (thread < 2) {
        ASSERT_TRUE(Register(*catalog_, id, {1, 2}).ok());
        const absl::Status status = catalog_->DeleteDataset("datasets/" + id);
        ASSERT_TRUE(status.ok()) << status;
        continue;
      }
      for (int j = 0; j < 20; ++j) {
        const auto dataset = catalog_->LoadDataset("datasets/" + id);
        if (dataset.ok()) {
          ASSERT_EQ((*dataset)->data, BytesOf({1, 2}));
          ++loaded;
        } else {
          ASSERT_EQ(dataset.status().code(), absl::StatusCode::kNotFound)
              << dataset.status();
        }
        ASSERT_TRUE(catalog_->ListDatasets({}).ok());
      }
    }
  });

  EXPECT_THAT(FilesBelow(folder_.path() + "/blobs"), IsEmpty());
}

TEST_F(CatalogConcurrencyTest, RunsRecordBesideOneAnother) {
  InThreads([&](int thread) {
    const std::string id = absl::StrCat("r", thread);
    ASSERT_TRUE(catalog_->CreateRun(NewRun(id)).ok());
    for (int64_t i = 1; i <= 20; ++i) {
      RunRecord run = NewRun(id);
      run.last_sequence = i;
      const std::vector<RunEventRecord> events = {{i, id}};
      ASSERT_TRUE(catalog_->RecordRun(run, events, absl::StrCat(id, i)).ok());
      ASSERT_EQ(*catalog_->ReadCheckpoint(id), absl::StrCat(id, i));
      ASSERT_EQ(catalog_->ReadRunEvents(id, 0, 100)->size(),
                static_cast<size_t>(i));
    }
  });

  EXPECT_EQ(catalog_->UnfinishedRuns()->size(), static_cast<size_t>(kThreads));
  EXPECT_EQ(FilesBelow(folder_.path() + "/blobs").size(),
            static_cast<size_t>(kThreads));
}

TEST_F(CatalogConcurrencyTest, CheckpointsAreReadWholeWhileTheyAreReplaced) {
  ASSERT_TRUE(catalog_->CreateRun(NewRun("r")).ok());
  ASSERT_TRUE(catalog_->RecordRun(NewRun("r"), {}, "checkpoint 0").ok());
  std::atomic<bool> is_done = false;

  InThreads([&](int thread) {
    if (thread == 0) {
      for (int i = 1; i <= 40; ++i) {
        ASSERT_TRUE(
            catalog_->RecordRun(NewRun("r"), {}, absl::StrCat("checkpoint ", i))
                .ok());
      }
      is_done = true;
      return;
    }
    while (!is_done) {
      const auto checkpoint = catalog_->ReadCheckpoint("r");
      ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
      ASSERT_EQ(checkpoint->substr(0, 11), "checkpoint ");
    }
  });

  EXPECT_EQ(*catalog_->ReadCheckpoint("r"), "checkpoint 40");
}

}  // namespace
}  // namespace repscore::server
