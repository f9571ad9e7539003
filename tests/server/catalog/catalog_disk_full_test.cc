// A full disk, played by a limit on the size of files of a child process.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "server/catalog/catalog.h"
#include "tests/server/catalog/catalog_support.h"

namespace repscore::server {
namespace {

using testing::FilesBelow;
using testing::NewRun;
using testing::OpenOrDie;
using testing::Register;
using testing::TemporaryFolder;

void LimitFileSize(rlim_t bytes) {
  struct rlimit limit = {};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

/// Runs `body` in another process; 0 when it held what it promised.
int InChild(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST(CatalogDiskFullTest, AnUploadIsRefusedAndItsSpaceFreed) {
  const TemporaryFolder folder;

  const int status = InChild([&] {
    const auto catalog = OpenOrDie(folder.path());
    const std::vector<float> values(200000, 1.0F);
    LimitFileSize(400000);
    const bool is_refused = Register(*catalog, "a", values).status().code() ==
                            absl::StatusCode::kResourceExhausted;
    const bool is_free = FilesBelow(folder.path() + "/incoming").empty();
    const bool serves = Register(*catalog, "b", {1, 2}).ok();
    LimitFileSize(RLIM_INFINITY);
    return is_refused && is_free && serves &&
           Register(*catalog, "a", values).ok();
  });

  EXPECT_EQ(status, 0);
  const auto catalog = OpenOrDie(folder.path());
  EXPECT_TRUE(catalog->LoadDataset("datasets/a").ok());
  EXPECT_TRUE(catalog->LoadDataset("datasets/b").ok());
}

TEST(CatalogDiskFullTest, ARecordIsRefusedAndTheRunStaysAsItWas) {
  const TemporaryFolder folder;

  const int status = InChild([&] {
    const auto catalog = OpenOrDie(folder.path());
    const bool is_made = catalog->CreateRun(NewRun("r")).ok() &&
                         catalog->RecordRun(NewRun("r"), {}, "small").ok();
    RunRecord run = NewRun("r");
    run.summary = std::string(3000000, 's');
    LimitFileSize(1000000);
    const bool is_refused =
        !catalog->RecordRun(run, {}, "other").ok() &&
        !catalog->RecordRun(NewRun("r"), {}, std::string(2000000, 'c')).ok();
    LimitFileSize(RLIM_INFINITY);
    return is_made && is_refused && catalog->GetRun("r")->summary == "queued" &&
           *catalog->ReadCheckpoint("r") == "small" &&
           catalog->RecordRun(run, {}, "later").ok();
  });

  EXPECT_EQ(status, 0);
  const auto catalog = OpenOrDie(folder.path());
  EXPECT_EQ(*catalog->ReadCheckpoint("r"), "later");
  EXPECT_EQ(FilesBelow(folder.path() + "/blobs").size(), 1U);
}

}  // namespace
}  // namespace repscore::server
