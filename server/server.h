// The server as an object: starts with a configuration, serves, drains.
//
// Start and Shutdown belong to one thread; Hurry is safe from any.
#ifndef REPSCORE_SERVER_SERVER_H_
#define REPSCORE_SERVER_SERVER_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/admin_service.h"
#include "server/calls.h"
#include "server/catalog/catalog.h"
#include "server/catalog_service.h"
#include "server/comparison_service.h"
#include "server/config.h"
#include "server/executor.h"
#include "server/experiments/analysis_service.h"
#include "server/experiments/calibrator.h"
#include "server/listener.h"
#include "server/parts.h"
#include "server/reference_cache.h"
#include "server/runs/run_manager.h"
#include "server/runs_service.h"
#include "server/scheduling/scheduler.h"
#include "server/scoring_service.h"

namespace repscore::server {

class Server {
 public:
  /// Opens the data directory, resumes unfinished runs and serves. Errors are
  /// those of Catalog::Open, Scheduler::Start and ListeningSocket::Bind.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Config config);

  /// Shuts down without waiting for calls in progress.
  ~Server();

  /// Real port of the first TCP address; 0 when there is none.
  int port() const { return port_; }
  /// All addresses with their real ports.
  const std::vector<std::string>& addresses() const { return addresses_; }

  /// Not serving -> no new work -> runs store a checkpoint -> calls finish for
  /// up to drain_seconds -> the rest is ended. Takes at most a few seconds
  /// more than drain_seconds.
  void Shutdown();

  /// Ends the waiting of a Shutdown in progress.
  void Hurry() { is_hurried_ = true; }

 private:
  explicit Server(Config config) : config_(std::move(config)) {}

  absl::Status StartParts();
  absl::Status StartServing();
  absl::Status BuildServer();
  void ClearReferences();
  /// Until `done`, the deadline or Hurry.
  template <typename Done>
  void AwaitDrained(std::chrono::steady_clock::time_point deadline, Done done);

  const Config config_;
  std::atomic<bool> is_hurried_ = false;
  bool is_shut_down_ = false;
  int port_ = 0;
  std::vector<std::string> addresses_;

  // In the order of dependence: the last is destroyed first.
  CallRegistry calls_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Executor> disk_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<ReferenceCache> references_;
  SpeedGauge speed_;
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<RunManager> runs_;
  std::unique_ptr<Calibrator> calibrator_;
  std::unique_ptr<ScoringService> scoring_;
  std::unique_ptr<ComparisonService> comparison_;
  std::unique_ptr<CatalogService> catalog_service_;
  std::unique_ptr<RunsService> runs_service_;
  std::unique_ptr<AnalysisService> analysis_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> tcp_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> unix_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SERVER_H_
