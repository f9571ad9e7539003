// The server as a whole: health, reflection, addresses, information.
#include <sys/resource.h>
#include <sys/socket.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

class ServerTest : public ServerFixture {};

TEST_F(ServerTest, InformationSaysWhatTheServerIs) {
  config_.lanes = 2;
  StartServer();

  const v1::GetServerInfoResponse info = GetServerInfo();

  EXPECT_EQ(info.version(), REPSCORE_VERSION);
  ASSERT_EQ(info.devices_size(), 2);
  EXPECT_EQ(info.devices(0), "cpu");
  EXPECT_FALSE(info.blas_core().empty());
  EXPECT_EQ(info.lanes(), 2);
  EXPECT_EQ(info.threads_per_lane(), 1);
  EXPECT_EQ(info.max_message_bytes(), 8 << 20);
}

TEST_F(ServerTest, EveryServiceIsHealthy) {
  StartServer();

  for (const char* service : {"",
                              "repscore.v1.ScoringService",
                              "repscore.v1.CatalogService",
                              "repscore.v1.RunsService",
                              "repscore.v1.AdminService"}) {
    EXPECT_EQ(Health(service), 1) << service;
  }
  EXPECT_EQ(Health("no.such.Service"), -1);
}

TEST_F(ServerTest, HealthTurnsAtTheStartOfTheDrain) {
  StartServer();
  grpc::ClientContext context;
  v1::StreamScoreResponse response;
  const auto writer = scoring_->StreamScore(&context, &response);
  GetServerInfo();
  ASSERT_EQ(Health(""), 1);

  std::thread shutdown([this] { server_->Shutdown(); });

  EXPECT_TRUE(Eventually([this] { return Health("") == 2; }));
  context.TryCancel();
  writer->Finish();
  shutdown.join();
}

TEST_F(ServerTest, UnixSocketServesBesideTcpAndPortFileNamesThePort) {
  const std::string path = directory_ + "/socket";
  config_.listen.push_back("unix:" + path);
  config_.port_file = directory_ + "/port";
  StartServer();
  const auto channel =
      grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials());
  const auto stub = v1::AdminService::NewStub(channel);
  grpc::ClientContext context;
  v1::GetServerInfoResponse response;

  const grpc::Status status = stub->GetServerInfo(&context, {}, &response);

  EXPECT_TRUE(status.ok()) << status.error_message();
  int port = 0;
  std::ifstream(config_.port_file) >> port;
  EXPECT_EQ(port, server_->port());
  EXPECT_EQ(server_->addresses().size(), 2U);
}

TEST_F(ServerTest, TakenPortIsAnErrorOfStart) {
  StartServer();
  Config other = config_;
  other.data_dir = directory_ + "/other";
  other.listen = {absl::StrCat("127.0.0.1:", server_->port())};

  const auto second = Server::Start(other);

  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ServerTest, TakenDirectoryIsAnErrorOfStart) {
  StartServer();

  const auto second = Server::Start(config_);

  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ServerTest, MissingDeviceIsAnErrorOfStart) {
  config_.device = "cuda:77";

  EXPECT_EQ(Server::Start(config_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, UnreadableCertificateIsAnErrorOfStart) {
  config_.tls_cert = directory_ + "/none.pem";
  config_.tls_key = directory_ + "/none.key";

  EXPECT_EQ(Server::Start(config_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, ReflectionCanBeTurnedOff) {
  const std::string list_services = std::string("\x3A\x00", 2);
  config_.reflection = false;
  StartServer();
  std::string response;

  const grpc::Status status =
      Call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
           list_services,
           &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServerTest, ReflectionIsOnByDefault) {
  StartServer();
  std::string response;

  const grpc::Status status =
      Call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
           std::string("\x3A\x00", 2),
           &response);

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_NE(response.find("repscore.v1.ScoringService"), std::string::npos);
}

TEST_F(ServerTest, UndecodableMessagesAreRefusedAndTheServerLives) {
  StartServer();
  std::string response;

  const grpc::Status garbage =
      Call("/repscore.v1.CatalogService/GetDataset", "\xFF\xFF", &response);
  const grpc::Status not_utf8 =
      Call("/repscore.v1.CatalogService/GetDataset", "\x0A\x01\xFF", &response);

  EXPECT_FALSE(garbage.ok());
  EXPECT_FALSE(not_utf8.ok());
  EXPECT_EQ(GetServerInfo().version(), REPSCORE_VERSION);
}

TEST_F(ServerTest, ServesAgainAfterDescriptorsRanOut) {
#ifdef __SANITIZE_ADDRESS__
  // The undefined-behaviour sanitizer opens a pipe to look at an object's
  // memory and reports a damaged object when it gets none.
  GTEST_SKIP() << "sanitizers need descriptors of their own";
#endif
  StartServer();
  GetServerInfo();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 128;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  {
    std::vector<UniqueFd> sockets;
    for (int i = 0; i < 200; ++i) {
      auto socket = ConnectTcp(server_->port());
      if (!socket.valid()) {
        break;
      }
      sockets.push_back(std::move(socket));
    }
    EXPECT_LT(sockets.size(), 200U);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  setrlimit(RLIMIT_NOFILE, &before);

  EXPECT_TRUE(Eventually([this] {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel =
        grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                  grpc::InsecureChannelCredentials(),
                                  arguments);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(2));
    v1::GetServerInfoResponse response;
    return v1::AdminService::NewStub(channel)
        ->GetServerInfo(&context, {}, &response)
        .ok();
  }));
}

}  // namespace
}  // namespace repscore::server
