#include "server/runs/run_arrays.h"

#include <string>

#include "gtest/gtest.h"

namespace repscore::server {
namespace {

TEST(RunArrays, NamesAndTheirPartsGoBothWays) {
  for (const std::string& array : {CandidateArray(0), SnapshotArray(12, 3)}) {
    const std::string name = RunArrayName("abc", array);

    const auto id = ParseRunArrayName(name);

    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_EQ(id->run_id, "abc");
    EXPECT_EQ(id->array, array);
  }
  EXPECT_EQ(RunArrayName("abc", SnapshotArray(12, 3)),
            "runs/abc/members/12/snapshots/3");
}

TEST(RunArrays, OtherNamesAreInvalid) {
  for (const std::string& name : {std::string(),
                                  std::string("runs/abc"),
                                  std::string("runs/abc/members/0"),
                                  std::string("runs/abc/members/x/candidate"),
                                  std::string("runs/abc/members/-1/candidate"),
                                  std::string("runs/abc/members/01/candidate"),
                                  std::string("runs/abc/members/0/snapshots"),
                                  std::string("runs/abc/members/0/snapshots/"),
                                  std::string("runs/abc/members/0/candidate/0"),
                                  std::string("runs/../members/0/candidate"),
                                  std::string("runs//members/0/candidate"),
                                  "runs/" + std::string(10240, 'a')}) {
    EXPECT_EQ(ParseRunArrayName(name).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
}

}  // namespace
}  // namespace repscore::server
