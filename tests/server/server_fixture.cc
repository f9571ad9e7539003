#include "tests/server/server_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "core/base/digest.h"
#include "core/base/random.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "grpcpp/support/byte_buffer.h"

namespace repscore::server {
namespace {

constexpr std::chrono::seconds kPatience{120};
constexpr std::chrono::milliseconds kPoll{5};

std::string MakeDirectory() {
  std::string name = ::testing::TempDir() + "repscore-server-XXXXXX";
  return mkdtemp(name.data());
}

}  // namespace

WireDetails WireDetailsOf(const grpc::Status& status) {
  WireDetails result;
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::ResourceInfo resource;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info)) {
      result.reason = info.reason();
      result.domain = info.domain();
    } else if (any.UnpackTo(&bad_request)) {
      result.field = bad_request.field_violations(0).field();
    } else if (any.UnpackTo(&resource)) {
      result.resource_type = resource.resource_type();
      result.resource_name = resource.resource_name();
    } else if (any.UnpackTo(&retry)) {
      result.has_retry = true;
    }
  }
  return result;
}

void ExpectError(const grpc::Status& status,
                 grpc::StatusCode code,
                 const std::string& reason,
                 const std::string& field) {
  EXPECT_EQ(status.error_code(), code) << status.error_message();
  const WireDetails details = WireDetailsOf(status);
  EXPECT_EQ(details.reason, reason) << status.error_message();
  EXPECT_EQ(details.domain, "repscore");
  EXPECT_EQ(details.field, field) << status.error_message();
  EXPECT_LE(status.error_message().size(), 1024U);
}

std::string NormalBytes(int64_t rows, int64_t cols, uint64_t seed) {
  std::vector<double> values(static_cast<size_t>(rows * cols));
  Philox(seed, 77).FillNormal(0, absl::MakeSpan(values));
  std::string bytes(values.size() * sizeof(double), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

v1::Tensor MakeTensor(int64_t rows, int64_t cols, uint64_t seed) {
  v1::Tensor tensor;
  tensor.mutable_spec()->set_data_type(v1::DATA_TYPE_FLOAT64);
  tensor.mutable_spec()->add_shape(rows);
  tensor.mutable_spec()->add_shape(cols);
  tensor.set_data(NormalBytes(rows, cols, seed));
  return tensor;
}

ServerFixture::ServerFixture() : directory_(MakeDirectory()) {
  config_.listen = {"127.0.0.1:0"};
  config_.data_dir = directory_ + "/data";
  config_.device = "cpu";
  config_.threads_per_lane = 1;
  config_.checkpoint_seconds = 0.05;
  config_.drain_seconds = 10.0;
}

ServerFixture::~ServerFixture() {
  StopServer();
  std::filesystem::remove_all(directory_);
}

void ServerFixture::StartServer() {
  auto server = Server::Start(config_, devices_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel_ =
      grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                grpc::InsecureChannelCredentials(),
                                arguments);
  scoring_ = v1::ScoringService::NewStub(channel_);
  catalog_ = v1::CatalogService::NewStub(channel_);
  runs_ = v1::RunsService::NewStub(channel_);
  admin_ = v1::AdminService::NewStub(channel_);
}

void ServerFixture::StopServer() {
  if (server_ != nullptr) {
    server_->Shutdown();
    server_.reset();
  }
}

grpc::Status ServerFixture::Register(const v1::RegisterDatasetHeader& header,
                                     const std::string& data,
                                     v1::RegisterDatasetResponse* response,
                                     size_t chunk_bytes) {
  grpc::ClientContext context;
  const auto writer = catalog_->RegisterDataset(&context, response);
  v1::RegisterDatasetRequest message;
  *message.mutable_header() = header;
  bool is_open = writer->Write(message);
  for (size_t at = 0; is_open && at < data.size(); at += chunk_bytes) {
    message.mutable_chunk()->set_data(data.substr(at, chunk_bytes));
    is_open = writer->Write(message);
  }
  writer->WritesDone();
  return writer->Finish();
}

v1::RegisterDatasetHeader ServerFixture::Header(const std::string& id,
                                                int64_t rows,
                                                int64_t cols,
                                                const std::string& data) {
  v1::RegisterDatasetHeader header;
  header.set_dataset_id(id);
  header.mutable_spec()->set_data_type(v1::DATA_TYPE_FLOAT64);
  header.mutable_spec()->add_shape(rows);
  header.mutable_spec()->add_shape(cols);
  header.set_sha256(Sha256Hex(data));
  return header;
}

std::string ServerFixture::RegisterNormals(const std::string& id,
                                           int64_t rows,
                                           int64_t cols,
                                           uint64_t seed) {
  const std::string data = NormalBytes(rows, cols, seed);
  v1::RegisterDatasetResponse response;
  const grpc::Status status =
      Register(Header(id, rows, cols, data), data, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.dataset().name();
}

v1::GetServerInfoResponse ServerFixture::GetServerInfo() {
  grpc::ClientContext context;
  v1::GetServerInfoResponse response;
  const grpc::Status status = admin_->GetServerInfo(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

int ServerFixture::Health(const std::string& service) {
  // HealthCheckRequest{service = 1}, HealthCheckResponse{status = 1}.
  std::string request;
  if (!service.empty()) {
    request.push_back('\x0A');
    request.push_back(static_cast<char>(service.size()));
    request += service;
  }
  std::string response;
  const grpc::Status status =
      Call("/grpc.health.v1.Health/Check", request, &response);
  return status.ok() && response.size() == 2 ? response[1] : -1;
}

grpc::Status ServerFixture::Call(const std::string& method,
                                 const std::string& request,
                                 std::string* response) {
  const grpc::Slice slice(request);
  const grpc::ByteBuffer out(&slice, 1);
  grpc::ByteBuffer in;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(10));
  grpc::internal::RpcMethod rpc(
      method.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, channel_);
  grpc::Status status =
      grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
          channel_.get(), rpc, &context, out, &in);
  std::vector<grpc::Slice> slices;
  if (status.ok() && in.Dump(&slices).ok()) {
    for (const grpc::Slice& part : slices) {
      response->append(reinterpret_cast<const char*>(part.begin()),
                       part.size());
    }
  }
  return status;
}

grpc::Status ServerFixture::Score(const v1::ScoreRequest& request,
                                  v1::ScoreResponse* response) {
  grpc::ClientContext context;
  return scoring_->Score(&context, request, response);
}

v1::OptimizeRequest ServerFixture::OptimizeSteps(int64_t steps) const {
  v1::OptimizeRequest request;
  request.set_dataset("datasets/normals");
  request.mutable_measure()->set_id("cka");
  request.mutable_adam()->set_learning_rate(1e-6);
  request.mutable_stopping()->set_max_steps(steps);
  request.mutable_stopping()->set_score(1.0);
  request.mutable_start()->mutable_gaussian()->set_seed(3);
  return request;
}

grpc::Status ServerFixture::Optimize(const v1::OptimizeRequest& request,
                                     std::vector<v1::RunEvent>* events) {
  grpc::ClientContext context;
  const auto reader = scoring_->Optimize(&context, request);
  v1::OptimizeResponse response;
  while (reader->Read(&response)) {
    events->push_back(response.event());
  }
  return reader->Finish();
}

grpc::Status ServerFixture::Watch(const v1::WatchRunRequest& request,
                                  std::vector<v1::RunEvent>* events) {
  grpc::ClientContext context;
  const auto reader = runs_->WatchRun(&context, request);
  v1::WatchRunResponse response;
  while (reader->Read(&response)) {
    events->push_back(response.event());
  }
  return reader->Finish();
}

v1::Run ServerFixture::GetRun(const std::string& name) {
  grpc::ClientContext context;
  v1::GetRunRequest request;
  request.set_name(name);
  v1::GetRunResponse response;
  const grpc::Status status = runs_->GetRun(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.run();
}

v1::Run ServerFixture::AwaitEnd(const std::string& name) {
  v1::Run run;
  EXPECT_TRUE(Eventually([&] {
    run = GetRun(name);
    return IsTerminal(run.state());
  }));
  return run;
}

UniqueFd ConnectTcp(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(),
              reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0) {
    fd.Reset();
  }
  return fd;
}

bool Eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

}  // namespace repscore::server
