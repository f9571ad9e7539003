#include "server/scheduling/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "server/error.h"

namespace repscore::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMiB = int64_t{1} << 20;

class PlacementTest : public ::testing::Test {
 protected:
  PlacementTest() {
    const auto host = std::make_shared<MemoryBudget>(100 * kMiB);
    lanes_ = {{.device = "cuda:0",
               .memory = std::make_shared<MemoryBudget>(10 * kMiB)},
              {.device = "cpu", .memory = host, .max_work_bytes = 50 * kMiB},
              {.device = "cuda:1",
               .memory = std::make_shared<MemoryBudget>(20 * kMiB)},
              {.device = "cpu", .memory = host, .max_work_bytes = 50 * kMiB}};
  }

  static JobNeeds Needs(const std::string& device, int64_t mebibytes) {
    return {.device = device,
            .memory = {.work_bytes = mebibytes * kMiB},
            .what = "the run"};
  }

  void ExpectRefused(const JobNeeds& needs,
                     absl::StatusCode code,
                     const std::string& reason,
                     const std::string& text) {
    const absl::Status status = PlaceJob(needs, lanes_).status();
    EXPECT_EQ(status.code(), code);
    EXPECT_EQ(DetailsOf(status).reason, reason);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }

  std::vector<LaneState> lanes_;
};

TEST_F(PlacementTest, AnyDeviceMeansAGpuWhereOneFits) {
  EXPECT_THAT(*PlaceJob(Needs("", 5), lanes_), ElementsAre(0, 2));
  EXPECT_THAT(*PlaceJob(Needs("auto", 15), lanes_), ElementsAre(2));
}

TEST_F(PlacementTest, AnyDeviceMeansTheHostWhereNoGpuFits) {
  EXPECT_THAT(*PlaceJob(Needs("auto", 30), lanes_), ElementsAre(1, 3));
}

TEST_F(PlacementTest, ANamedDeviceIsKept) {
  EXPECT_THAT(*PlaceJob(Needs("cpu", 5), lanes_), ElementsAre(1, 3));
  EXPECT_THAT(*PlaceJob(Needs("cuda:1", 5), lanes_), ElementsAre(2));
}

TEST_F(PlacementTest, AnUnknownDeviceIsRefusedWithThoseThereAre) {
  ExpectRefused(Needs("cuda:9", 1),
                absl::StatusCode::kInvalidArgument,
                "INVALID_ARGUMENT",
                "device: 'cuda:9' is not served here; there are cuda:0, cpu, "
                "cuda:1");
}

TEST_F(PlacementTest, ADeviceThatIsTooSmallIsRefusedWithItsNumbersAndTheHost) {
  ExpectRefused(Needs("cuda:0", 15),
                absl::StatusCode::kResourceExhausted,
                "DEVICE_MEMORY",
                "the run needs at least 15.0 MiB");
  ExpectRefused(Needs("cuda:0", 15),
                absl::StatusCode::kResourceExhausted,
                "DEVICE_MEMORY",
                "10.0 MiB; device \"cpu\" can take it");
}

TEST_F(PlacementTest, TheHostIsNotOfferedWhereItIsTooSmall) {
  const absl::Status status = PlaceJob(Needs("cuda:0", 60), lanes_).status();

  EXPECT_EQ(DetailsOf(status).reason, "DEVICE_MEMORY");
  EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("cpu")));
}

TEST_F(PlacementTest, WhatFitsNowhereIsRefusedWithTheHostsNumbers) {
  ExpectRefused(Needs("auto", 60),
                absl::StatusCode::kResourceExhausted,
                "HOST_MEMORY",
                "needs at least 60.0 MiB, the limit of one request is 50.0");
}

TEST_F(PlacementTest, TheReferenceCountsWhereThereIsNoLimitOfARequest) {
  JobNeeds needs = Needs("cpu", 50);
  needs.memory.kept_key = "m1";
  needs.memory.kept_bytes = 50 * kMiB;
  EXPECT_TRUE(PlaceJob(needs, lanes_).ok());

  needs.memory.kept_bytes += 1;

  ExpectRefused(needs,
                absl::StatusCode::kResourceExhausted,
                "HOST_MEMORY",
                "50.0 MiB for the reference, cpu has 100.0 MiB");
}

TEST_F(PlacementTest, ALostDeviceIsRefusedWithThoseThatAreLeft) {
  lanes_[0].lost = absl::InternalError("broken");

  ExpectRefused(Needs("cuda:0", 1),
                absl::StatusCode::kFailedPrecondition,
                "DEVICE_LOST",
                "cuda:0 has failed; left are cpu, cuda:1");
  EXPECT_THAT(*PlaceJob(Needs("auto", 1), lanes_), ElementsAre(2));
}

TEST_F(PlacementTest, WithoutAnyDeviceAJobMayTryElsewhere) {
  for (LaneState& lane : lanes_) {
    lane.lost = absl::InternalError("broken");
  }

  const absl::Status status = PlaceJob(Needs("", 1), lanes_).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(status).reason, "DEVICE_LOST");
  EXPECT_TRUE(DetailsOf(status).retry_seconds.has_value());
}

}  // namespace
}  // namespace repscore::server
