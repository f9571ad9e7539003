// Kills a process at every fail point of the catalog's changes, or makes the
// step fail there, and looks at what is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/catalog.h"
#include "server/catalog/fail_point.h"
#include "tests/server/catalog/catalog_support.h"

namespace repscore::server {
namespace {

using ::testing::AnyOf;
using testing::ArrayOf;
using ::testing::Eq;
using testing::FilesBelow;
using testing::NewRun;
using testing::OpenOrDie;
using testing::Register;
using testing::RegisterWithPlan;
using testing::TemporaryFolder;

RunRecord RunAt(int64_t sequence) {
  RunRecord run = NewRun("r");
  run.state = RunState::kRunning;
  run.summary = absl::StrCat("at ", sequence);
  run.last_sequence = sequence;
  return run;
}

absl::Status RecordTo(Catalog& catalog, int64_t first, int64_t last) {
  std::vector<RunEventRecord> events;
  for (int64_t i = first; i <= last; ++i) {
    events.push_back({i, absl::StrCat("event ", i)});
  }
  return catalog.RecordRun(
      RunAt(last), events, absl::StrCat("checkpoint ", last));
}

/// Changes that pass every fail point, each at least once.
const std::vector<std::function<absl::Status(Catalog&)>>& Changes() {
  static const auto* const changes =
      new std::vector<std::function<absl::Status(Catalog&)>>{
          [](Catalog& c) {
            return Register(c, "a", {1, 2}).status();
          },
          [](Catalog& c) {
            return Register(c, "a", {3, 4}).status();
          },
          [](Catalog& c) {
            return Register(c, "b", {1, 2}).status();
          },
          [](Catalog& c) { return c.CreateRun(NewRun("r")); },
          [](Catalog& c) { return RecordTo(c, 1, 3); },
          [](Catalog& c) { return RecordTo(c, 4, 5); },
          [](Catalog& c) {
            std::vector<RunArrayRecord> arrays = ArrayOf("first", {7, 8});
            arrays.push_back(ArrayOf("second", {9}).front());
            return c.PutRunArrays("r", arrays);
          },
          [](Catalog& c) { return c.PutRunArrays("r", ArrayOf("first", {5})); },
          [](Catalog& c) {
            return RegisterWithPlan(c, "a", {3, 4}, "plan").status();
          },
          [](Catalog& c) { return c.DropPendingCalibration(1); },
          [](Catalog& c) {
            const auto dataset = c.GetDataset("datasets/b");
            return c.PutAnalysis(dataset->digest, "kind", "request", "result");
          },
          [](Catalog& c) { return c.DeleteDataset("datasets/a/versions/2"); },
          [](Catalog& c) { return c.DeleteDataset("datasets/b"); },
      };
  return *changes;
}

/// Everything that can be seen of a catalog, as text.
std::string Describe(Catalog& catalog, const std::string& folder) {
  std::string text;
  const auto datasets = catalog.ListDatasets({});
  for (const DatasetRecord& latest : datasets->items) {
    for (int64_t version = 1; version <= latest.version; ++version) {
      const std::string name =
          absl::StrCat("datasets/", latest.dataset_id, "/versions/", version);
      const auto dataset = catalog.LoadDataset(name);
      absl::StrAppend(
          &text,
          name,
          dataset.ok() ? (*dataset)->digest : dataset.status().ToString(),
          " ",
          catalog
              .GetAnalysis(
                  dataset.ok() ? (*dataset)->digest : "", "kind", "request")
              .value_or("none"),
          "\n");
    }
  }
  const auto plans = catalog.PendingCalibrations();
  for (const PendingCalibration& plan : *plans) {
    absl::StrAppend(&text, plan.dataset_version_name, " ", plan.plan, "\n");
  }
  const auto runs = catalog.ListRuns({});
  for (const RunRecord& run : runs->items) {
    const auto first = catalog.ReadRunArray(run.run_id, "first");
    const auto second = catalog.ReadRunArray(run.run_id, "second");
    absl::StrAppend(&text,
                    run.run_id,
                    " ",
                    run.summary,
                    " ",
                    run.last_sequence,
                    " ",
                    *catalog.ReadCheckpoint(run.run_id),
                    " ",
                    first.ok() ? first->bytes.size() : 0,
                    " ",
                    second.ok() ? second->bytes.size() : 0,
                    "\n");
    const auto events = catalog.ReadRunEvents(run.run_id, 0, 100);
    for (const RunEventRecord& event : *events) {
      absl::StrAppend(&text, event.sequence, event.payload, "\n");
    }
  }
  return absl::StrCat(text,
                      FilesBelow(folder + "/blobs").size(),
                      " blobs ",
                      FilesBelow(folder + "/incoming").size(),
                      " incoming");
}

/// What is seen after 0, 1, ... changes.
const std::vector<std::string>& ExpectedDescriptions() {
  static const auto* const expected = [] {
    const TemporaryFolder folder;
    const auto catalog = OpenOrDie(folder.path());
    auto* const states =
        new std::vector<std::string>{Describe(*catalog, folder.path())};
    for (const auto& change : Changes()) {
      const absl::Status status = change(*catalog);
      EXPECT_TRUE(status.ok()) << status;
      states->push_back(Describe(*catalog, folder.path()));
    }
    return states;
  }();
  return *expected;
}

/// Makes the changes in another process, which writes a byte for each that was
/// acknowledged. Returns how many, and how the process ended.
std::pair<size_t, int> MakeChangesInChild(const std::string& folder,
                                          const std::string& fail_point) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    SetFailPointForTest(fail_point);
    const auto catalog = OpenOrDie(folder);
    for (const auto& change : Changes()) {
      if (!change(*catalog).ok() || write(ends[1], "+", 1) != 1) {
        _exit(1);
      }
    }
    _exit(0);
  }
  close(ends[1]);
  size_t acknowledged = 0;
  char byte = 0;
  while (read(ends[0], &byte, 1) == 1) {
    ++acknowledged;
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return {acknowledged, status};
}

class CatalogCrashTest : public ::testing::TestWithParam<std::string> {
 protected:
  void TearDown() override { SetFailPointForTest(""); }

  TemporaryFolder folder_;
};

TEST_P(CatalogCrashTest, KillLosesNothingAcknowledgedAndShowsNothingHalf) {
  const std::vector<std::string>& expected = ExpectedDescriptions();
  bool was_reached = false;
  for (int reach = 1; reach <= 3; ++reach) {
    const TemporaryFolder folder;

    const auto [acknowledged, ending] = MakeChangesInChild(
        folder.path(), absl::StrCat(GetParam(), ":kill:", reach));

    if (!WIFSIGNALED(ending)) {
      EXPECT_EQ(acknowledged, Changes().size());
      break;
    }
    was_reached = true;
    ASSERT_EQ(WTERMSIG(ending), SIGKILL);
    ASSERT_LT(acknowledged, Changes().size());
    const auto catalog = OpenOrDie(folder.path());
    EXPECT_THAT(
        Describe(*catalog, folder.path()),
        AnyOf(Eq(expected[acknowledged]), Eq(expected[acknowledged + 1])))
        << acknowledged << " changes were acknowledged";
  }
  EXPECT_TRUE(was_reached);
}

TEST_P(CatalogCrashTest, FailureIsReportedAndARetryCompletesTheChange) {
  const std::vector<std::string>& expected = ExpectedDescriptions();
  const auto catalog = OpenOrDie(folder_.path());
  SetFailPointForTest(GetParam() + ":error");
  int failures = 0;

  for (size_t i = 0; i < Changes().size(); ++i) {
    const absl::Status status = Changes()[i](*catalog);
    if (status.ok()) {
      continue;
    }
    ++failures;
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    const std::string seen = Describe(*catalog, folder_.path());
    EXPECT_THAT(seen, AnyOf(Eq(expected[i]), Eq(expected[i + 1])));
    if (seen != expected[i + 1]) {
      const absl::Status retried = Changes()[i](*catalog);
      ASSERT_TRUE(retried.ok()) << retried;
    }
  }

  EXPECT_EQ(failures, 1);
  EXPECT_EQ(Describe(*catalog, folder_.path()), expected.back());
}

INSTANTIATE_TEST_SUITE_P(FailPoints,
                         CatalogCrashTest,
                         ::testing::ValuesIn(FailPointNames()),
                         [](const auto& spec) {
                           std::string name = spec.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(FailPointTest, IgnoresWhatItDoesNotUnderstand) {
  for (const char* specification :
       {"", "register", "register:explode", ":", "other.place:error"}) {
    SetFailPointForTest(specification);

    EXPECT_TRUE(ReachFailPoint("register").ok());
  }
  SetFailPointForTest("");
}

TEST(FailPointTest, FailsTheNthTimeOnly) {
  SetFailPointForTest("here:error:2");

  EXPECT_TRUE(ReachFailPoint("here").ok());
  EXPECT_TRUE(ReachFailPoint("there").ok());
  EXPECT_FALSE(ReachFailPoint("here").ok());
  EXPECT_TRUE(ReachFailPoint("here").ok());
  SetFailPointForTest("");
}

}  // namespace
}  // namespace repscore::server
