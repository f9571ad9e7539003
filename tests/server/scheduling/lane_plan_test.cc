#include "server/scheduling/lane_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/error.h"

namespace repscore::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<DeviceInfo> Devices(const std::vector<std::string>& names) {
  std::vector<DeviceInfo> devices;
  for (const std::string& name : names) {
    devices.emplace_back().name = name;
  }
  return devices;
}

std::vector<DeviceInfo> TwoGpus() {
  return Devices({"cpu", "cuda:0", "cuda:1"});
}

TEST(LanePlanTest, AutoTakesEveryGpuAndTheHost) {
  EXPECT_THAT(*PlanLanes("auto", 2, TwoGpus()),
              ElementsAre("cuda:0", "cuda:1", "cpu", "cpu"));
}

TEST(LanePlanTest, AutoWithoutGpusIsTheHost) {
  EXPECT_THAT(*PlanLanes("auto", 3, Devices({"cpu"})),
              ElementsAre("cpu", "cpu", "cpu"));
}

TEST(LanePlanTest, AListIsTakenInItsOrder) {
  EXPECT_THAT(*PlanLanes("cpu,cuda:1", 2, TwoGpus()),
              ElementsAre("cpu", "cpu", "cuda:1"));
}

TEST(LanePlanTest, ADeviceThatIsNotThereIsNamedWithThoseThatAre) {
  const absl::Status status = PlanLanes("cuda:7", 1, TwoGpus()).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailsOf(status).field, "device");
  EXPECT_THAT(std::string(status.message()), HasSubstr("'cuda:7'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("cpu, cuda:0, cuda:1"));
}

TEST(LanePlanTest, EmptyPartsAndRepetitionsAreRefused) {
  for (const char* wanted : {"", "cpu,", "cpu,cpu", "cuda:0,cpu,cuda:0"}) {
    EXPECT_EQ(PlanLanes(wanted, 1, TwoGpus()).status().code(),
              absl::StatusCode::kInvalidArgument)
        << wanted;
  }
}

TEST(LanePlanTest, TheMachineHasItsHost) {
  const DeviceSource source = MachineDevices();

  ASSERT_FALSE(source.devices.empty());
  EXPECT_EQ(source.devices.front().name, kHostDevice);
  EXPECT_GT(source.devices.front().memory_bytes, 0);
  EXPECT_EQ((*source.create("cpu", 1))->name(), "cpu");
}

}  // namespace
}  // namespace repscore::server
