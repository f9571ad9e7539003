// A server in this process on a free port, with a directory of its own, and
// what tests need to talk to it.
#ifndef REPSCORE_TESTS_SERVER_SERVER_FIXTURE_H_
#define REPSCORE_TESTS_SERVER_SERVER_FIXTURE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "repscore/v1/admin.grpc.pb.h"
#include "repscore/v1/catalog.grpc.pb.h"
#include "repscore/v1/runs.grpc.pb.h"
#include "repscore/v1/scoring.grpc.pb.h"
#include "server/server.h"

namespace repscore::server {

/// What a status says in grpc-status-details-bin.
struct WireDetails {
  std::string reason;
  std::string domain;
  std::string field;
  std::string resource_type;
  std::string resource_name;
  bool has_retry = false;
};
WireDetails WireDetailsOf(const grpc::Status& status);

/// Code, reason and field as expected, domain "repscore", message <= 1 KiB.
void ExpectError(const grpc::Status& status,
                 grpc::StatusCode code,
                 const std::string& reason,
                 const std::string& field);

/// Standard normals [rows x cols] of a seed, as little-endian float64 bytes.
std::string NormalBytes(int64_t rows, int64_t cols, uint64_t seed);

v1::Tensor MakeTensor(int64_t rows, int64_t cols, uint64_t seed);

class ServerFixture : public ::testing::Test {
 protected:
  static constexpr int64_t kRows = 40;
  static constexpr int64_t kFeatures = 6;

  ServerFixture();
  ~ServerFixture() override;

  /// Starts (again) on the same directory with `config_`.
  void StartServer();
  void StopServer();

  grpc::Status Register(const v1::RegisterDatasetHeader& header,
                        const std::string& data,
                        v1::RegisterDatasetResponse* response,
                        size_t chunk_bytes = 1 << 20);
  static v1::RegisterDatasetHeader Header(const std::string& id,
                                          int64_t rows,
                                          int64_t cols,
                                          const std::string& data);
  /// Registers a dataset of normals and returns its versioned name.
  std::string RegisterNormals(const std::string& id,
                              int64_t rows = kRows,
                              int64_t cols = kFeatures,
                              uint64_t seed = 1);

  v1::GetServerInfoResponse GetServerInfo();

  /// The status byte of grpc.health.v1.HealthCheckResponse: 1 SERVING,
  /// 2 NOT_SERVING, -1 for a failed call.
  int Health(const std::string& service);

  /// A unary call with raw messages.
  grpc::Status Call(const std::string& method,
                    const std::string& request,
                    std::string* response);

  grpc::Status Score(const v1::ScoreRequest& request,
                     v1::ScoreResponse* response);

  /// A request that runs `steps` steps and no fewer.
  v1::OptimizeRequest OptimizeSteps(int64_t steps) const;
  /// All events of a call, and its status.
  grpc::Status Optimize(const v1::OptimizeRequest& request,
                        std::vector<v1::RunEvent>* events);
  grpc::Status Watch(const v1::WatchRunRequest& request,
                     std::vector<v1::RunEvent>* events);
  v1::Run GetRun(const std::string& name);
  /// Polls until the run has ended or 20 seconds are over.
  v1::Run AwaitEnd(const std::string& name);

  Config config_;
  DeviceSource devices_ = MachineDevices();
  std::string directory_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::ScoringService::Stub> scoring_;
  std::unique_ptr<v1::CatalogService::Stub> catalog_;
  std::unique_ptr<v1::RunsService::Stub> runs_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

/// A connection to the loopback interface; not valid when there is none.
UniqueFd ConnectTcp(int port);

/// Waits until `done` or 20 seconds are over; returns the last done().
bool Eventually(const std::function<bool()>& done);

}  // namespace repscore::server

#endif  // REPSCORE_TESTS_SERVER_SERVER_FIXTURE_H_
