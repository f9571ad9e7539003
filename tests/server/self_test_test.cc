// The self-test at start and on demand.
#include <chrono>
#include <cstdint>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/device_support.h"

namespace repscore::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A hundred times what sums may be off by: no plausible rounding.
constexpr double kBend = 1e-10;

class SelfTestTest : public DeviceFixture {
 protected:
  grpc::Status RunSelfTest(const v1::RunSelfTestRequest& request,
                           v1::RunSelfTestResponse* response) {
    grpc::ClientContext context;
    return admin_->RunSelfTest(&context, request, response);
  }

  v1::RunSelfTestResponse MustRunSelfTest(const std::string& device = "") {
    v1::RunSelfTestRequest request;
    if (!device.empty()) {
      request.add_devices(device);
    }
    v1::RunSelfTestResponse response;
    const grpc::Status status = RunSelfTest(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(SelfTestTest, AServerOfSoundDevicesStartsAndServes) {
  config_.self_test = true;

  StartServer();

  EXPECT_EQ(Health(""), kServing);
}

TEST_F(SelfTestTest, AServerWithADeviceThatIsWrongDoesNotStart) {
  config_.self_test = true;
  gpu_.BendProducts(kBend);

  const auto server = Server::Start(config_, devices_);

  EXPECT_EQ(server.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(server.status().message()),
              AllOf(HasSubstr("self-test on cuda:0"),
                    HasSubstr("cka: expected 0.4893427391044152, got"),
                    HasSubstr("tolerance 1e-12")));
}

TEST_F(SelfTestTest, WithoutTheOptionNothingIsTestedAtStart) {
  gpu_.BendProducts(kBend);

  StartServer();

  EXPECT_EQ(gpu_.operations(), 0);
}

TEST_F(SelfTestTest, EveryDeviceIsTestedOnceWhateverItsLanes) {
  config_.lanes = 2;
  StartServer();

  const v1::RunSelfTestResponse response = MustRunSelfTest();

  EXPECT_TRUE(response.passed());
  ASSERT_EQ(response.devices_size(), 2);
  EXPECT_EQ(response.devices(0).device(), kGpu);
  EXPECT_EQ(response.devices(1).device(), "cpu");
  for (const v1::DeviceSelfTest& device : response.devices()) {
    EXPECT_TRUE(device.passed());
    ASSERT_GT(device.checks_size(), 100);
    EXPECT_THAT(device.checks(0).measure(), HasSubstr("cka"));
    EXPECT_EQ(device.checks(0).expected(), 0.4893427391044152);
    EXPECT_TRUE(device.checks(0).has_actual());
    EXPECT_EQ(device.checks(device.checks_size() - 1).step(), 5);
  }
}

TEST_F(SelfTestTest, ADeviceThatIsWrongIsNamedAndOthersPass) {
  StartServer();
  gpu_.BendProducts(kBend);

  const v1::RunSelfTestResponse response = MustRunSelfTest();

  EXPECT_FALSE(response.passed());
  ASSERT_EQ(response.devices_size(), 2);
  EXPECT_FALSE(response.devices(0).passed());
  EXPECT_EQ(response.devices(0).error(), "");
  const v1::SelfTestCheck& check = response.devices(0).checks(0);
  EXPECT_FALSE(check.passed());
  EXPECT_NE(check.actual(), check.expected());
  EXPECT_EQ(check.tolerance(), 1e-12);
  EXPECT_TRUE(response.devices(1).passed());
}

TEST_F(SelfTestTest, OneDeviceAloneCanBeAskedFor) {
  StartServer();
  gpu_.BendProducts(kBend);

  const v1::RunSelfTestResponse response = MustRunSelfTest("cpu");

  EXPECT_TRUE(response.passed());
  ASSERT_EQ(response.devices_size(), 1);
  EXPECT_EQ(response.devices(0).device(), "cpu");
}

TEST_F(SelfTestTest, AnUnknownDeviceIsRefused) {
  StartServer();
  v1::RunSelfTestRequest request;
  request.add_devices("cpu");
  request.add_devices("cuda:3");
  v1::RunSelfTestResponse response;

  const grpc::Status status = RunSelfTest(request, &response);

  ExpectError(status,
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "devices[1]");
}

TEST_F(SelfTestTest, ADeviceThatIsLostIsPartOfTheAnswer) {
  StartServer();
  constexpr int64_t kSomeOperations = 100;
  gpu_.Break(kSomeOperations);

  for (const char* when : {"as it breaks", "afterwards"}) {
    const v1::RunSelfTestResponse response = MustRunSelfTest();

    EXPECT_FALSE(response.passed()) << when;
    ASSERT_EQ(response.devices_size(), 2) << when;
    EXPECT_FALSE(response.devices(0).passed()) << when;
    EXPECT_THAT(response.devices(0).error(), HasSubstr("cuda:0")) << when;
    EXPECT_TRUE(response.devices(1).passed()) << when;
  }
}

TEST_F(SelfTestTest, EndsWithItsDeadline) {
  StartServer();
  gpu_.SlowDown(std::chrono::milliseconds(2));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(100));
  v1::RunSelfTestResponse response;

  const grpc::Status status = admin_->RunSelfTest(&context, {}, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  gpu_.SlowDown(std::chrono::microseconds(0));
  // The lane is free again.
  EXPECT_TRUE(MustRunSelfTest().passed());
}

}  // namespace
}  // namespace repscore::server
