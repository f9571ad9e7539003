// A server with a GPU that can be made to fail, and the host.
#ifndef REPSCORE_TESTS_SERVER_DEVICE_SUPPORT_H_
#define REPSCORE_TESTS_SERVER_DEVICE_SUPPORT_H_

#include <memory>
#include <string>

#include "core/backend/create.h"
#include "tests/server/server_fixture.h"
#include "tests/support/fake_device.h"

namespace repscore::server {

class DeviceFixture : public ServerFixture {
 protected:
  static constexpr char kGpu[] = "cuda:0";
  static constexpr int kServing = 1;
  static constexpr int kNotServing = 2;

  DeviceFixture() {
    config_.device = "auto";
    devices_.devices.clear();
    devices_.devices.emplace_back().name = "cpu";
    devices_.devices.emplace_back().name = kGpu;
    devices_.create =
        [this](const std::string& device,
               int threads) -> absl::StatusOr<std::unique_ptr<Backend>> {
      if (device == kGpu) {
        return gpu_.MakeBackend();
      }
      return CreateBackend(device, threads);
    };
  }
  ~DeviceFixture() override { StopServer(); }

  void StartWithDataset() {
    StartServer();
    RegisterNormals("normals");
  }

  v1::ScoreRequest ScoreOn(const std::string& device) const {
    v1::ScoreRequest request;
    request.set_dataset("datasets/normals");
    *request.mutable_candidate() = MakeTensor(kRows, kFeatures, 2);
    request.add_measures()->set_id("cka");
    request.set_device(device);
    return request;
  }

  /// The device of a score that must succeed; empty when it does not.
  std::string ScoredOn(const std::string& device) {
    v1::ScoreResponse response;
    const grpc::Status status = Score(ScoreOn(device), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.provenance().backend();
  }

  repscore::testing::FakeDevice gpu_{kGpu};
};

}  // namespace repscore::server

#endif  // REPSCORE_TESTS_SERVER_DEVICE_SUPPORT_H_
