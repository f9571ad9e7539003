#include "server/server.h"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/error.h"
#include "server/self_test_call.h"
#include "server/server_builder.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxDiskTasks = 1024;
constexpr std::chrono::milliseconds kDrainPoll{20};
/// For what has been aborted to come to its end.
constexpr std::chrono::seconds kAbortTime{2};

absl::Status WritePortFile(const std::string& path, int port) {
  std::ofstream file(path, std::ios::trunc);
  file << port << "\n";
  file.close();
  return file.good() ? absl::OkStatus()
                     : absl::InvalidArgumentError(
                           absl::StrCat("port_file: cannot write ", path));
}

/// The health service of a device.
std::string HealthName(const std::string& device) {
  return absl::StrCat("repscore.v1.device.", device);
}

grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
Connection(int listener_fd, int fd) {
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
      connection;
  connection.listener_fd = listener_fd;
  connection.fd = fd;
  return connection;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Config config,
                                                      DeviceSource devices) {
  REPSCORE_RETURN_IF_ERROR(ValidateConfig(config));
  std::unique_ptr<Server> server(
      new Server(std::move(config), std::move(devices)));
  REPSCORE_RETURN_IF_ERROR(server->StartParts());
  REPSCORE_RETURN_IF_ERROR(server->StartServing());
  return server;
}

Server::~Server() {
  Hurry();
  Shutdown();
}

absl::Status Server::StartParts() {
  REPSCORE_ASSIGN_OR_RETURN(
      catalog_,
      Catalog::Open(config_.data_dir,
                    {.cache_bytes = config_.dataset_cache_bytes}));
  disk_ = std::make_unique<Executor>(static_cast<int>(config_.disk_threads),
                                     kMaxDiskTasks);
  REPSCORE_ASSIGN_OR_RETURN(const SchedulerOptions options, LaneOptions());
  REPSCORE_ASSIGN_OR_RETURN(scheduler_, Scheduler::Start(options));
  references_ = std::make_unique<ReferenceCache>(config_.reference_cache_bytes);
  parts_ = std::make_unique<Parts>(Parts{
      config_, calls_, *catalog_, *disk_, *scheduler_, *references_, speed_});
  runs_ = std::make_unique<RunManager>(*parts_);
  calibrator_ = std::make_unique<Calibrator>(*parts_, *runs_);
  scoring_ = std::make_unique<ScoringService>(*parts_, *runs_);
  comparison_ = std::make_unique<ComparisonService>(*parts_);
  catalog_service_ = std::make_unique<CatalogService>(*parts_, *calibrator_);
  runs_service_ = std::make_unique<RunsService>(*parts_, *runs_);
  analysis_ = std::make_unique<AnalysisService>(*parts_, *calibrator_);
  admin_ = std::make_unique<AdminService>(*parts_);
  return absl::OkStatus();
}

absl::StatusOr<SchedulerOptions> Server::LaneOptions() {
  SchedulerOptions options;
  REPSCORE_ASSIGN_OR_RETURN(
      options.lanes,
      PlanLanes(
          config_.device, static_cast<int>(config_.lanes), devices_.devices));
  options.threads_per_lane = ThreadsPerLane(config_);
  options.max_interactive = static_cast<int>(config_.max_scores);
  options.max_batch = static_cast<int>(config_.max_runs);
  options.host_memory_bytes = config_.host_memory_bytes;
  options.device_memory_bytes = config_.device_memory_bytes;
  options.max_host_work_bytes = config_.max_request_memory;
  options.backend_factory =
      [this, lanes = options.lanes](
          int lane) -> absl::StatusOr<std::unique_ptr<Backend>> {
    REPSCORE_ASSIGN_OR_RETURN(auto backend,
                              devices_.create(lanes[static_cast<size_t>(lane)],
                                              ThreadsPerLane(config_)));
    if (config_.self_test) {
      REPSCORE_RETURN_IF_ERROR(ProveSound(*backend));
    }
    return backend;
  };
  options.on_lane_lost = [this](const std::string& device,
                                const absl::Status& status,
                                const std::vector<std::string>& left) {
    ReportLoss(device, status, left);
  };
  return options;
}

void Server::ReportLoss(const std::string& device,
                        const absl::Status& status,
                        const std::vector<std::string>& left) {
  spdlog::error("{} has failed and is out of service: {}; left are {}",
                device,
                status.ToString(),
                left.empty() ? "none" : absl::StrJoin(left, ", "));
  if (std::find(left.begin(), left.end(), device) == left.end()) {
    server_->GetHealthCheckService()->SetServingStatus(HealthName(device),
                                                       false);
  }
  if (left.empty()) {
    server_->GetHealthCheckService()->SetServingStatus(false);
  }
}

absl::Status Server::StartServing() {
  std::vector<std::unique_ptr<ListeningSocket>> sockets;
  for (const std::string& address : config_.listen) {
    REPSCORE_ASSIGN_OR_RETURN(auto socket, ListeningSocket::Bind(address));
    if (port_ == 0) {
      port_ = socket->port();
    }
    addresses_.push_back(socket->address());
    sockets.push_back(std::move(socket));
  }
  REPSCORE_RETURN_IF_ERROR(BuildServer());
  REPSCORE_RETURN_IF_ERROR(runs_->ResumeUnfinished());
  calibrator_->StartPending();
  for (auto& socket : sockets) {
    auto* acceptor = socket->is_unix() ? unix_.get() : tcp_.get();
    REPSCORE_ASSIGN_OR_RETURN(
        auto listener,
        Listener::Start(std::move(socket), [acceptor](int listener_fd, int fd) {
          auto connection = Connection(listener_fd, fd);
          acceptor->HandleNewConnection(&connection);
        }));
    listeners_.push_back(std::move(listener));
  }
  return config_.port_file.empty() ? absl::OkStatus()
                                   : WritePortFile(config_.port_file, port_);
}

absl::Status Server::BuildServer() {
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  grpc::ServerBuilder builder;
  Configure(config_, builder);
  REPSCORE_ASSIGN_OR_RETURN(auto credentials, MakeCredentials(config_));
  tcp_ = builder.experimental().AddExternalConnectionAcceptor(
      Type::FROM_FD, std::move(credentials));
  unix_ = builder.experimental().AddExternalConnectionAcceptor(
      Type::FROM_FD, grpc::InsecureServerCredentials());
  builder.RegisterService(scoring_.get());
  builder.RegisterService(comparison_.get());
  builder.RegisterService(catalog_service_.get());
  builder.RegisterService(runs_service_.get());
  builder.RegisterService(analysis_.get());
  builder.RegisterService(admin_.get());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return absl::InternalError("gRPC does not start");
  }
  for (const char* service : {v1::ScoringService::service_full_name(),
                              v1::ComparisonService::service_full_name(),
                              v1::CatalogService::service_full_name(),
                              v1::RunsService::service_full_name(),
                              v1::AnalysisService::service_full_name(),
                              v1::AdminService::service_full_name()}) {
    server_->GetHealthCheckService()->SetServingStatus(service, true);
  }
  for (const std::string& device : scheduler_->devices()) {
    server_->GetHealthCheckService()->SetServingStatus(HealthName(device),
                                                       true);
  }
  return absl::OkStatus();
}

template <typename Done>
void Server::AwaitDrained(Clock::time_point deadline, Done done) {
  while (!is_hurried_ && Clock::now() < deadline) {
    if (done(std::min(deadline, Clock::now() + kDrainPoll))) {
      return;
    }
  }
}

void Server::Shutdown() {
  if (std::exchange(is_shut_down_, true) || scheduler_ == nullptr) {
    return;
  }
  const auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(config_.drain_seconds));
  if (server_ != nullptr) {
    server_->GetHealthCheckService()->SetServingStatus(false);
  }
  calls_.BeginDrain();
  runs_->Suspend();
  AwaitDrained(deadline,
               [this](auto until) { return runs_->AwaitIdle(until); });
  AwaitDrained(deadline,
               [this](auto until) { return calls_.AwaitEmpty(until); });
  calls_.AbortAll(DrainingError());
  scheduler_->Stop(Clock::now() + kAbortTime);
  calls_.AwaitEmpty(Clock::now() + kAbortTime);
  listeners_.clear();
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  disk_->Stop();
}

}  // namespace repscore::server
