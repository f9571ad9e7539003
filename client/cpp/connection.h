// One gRPC channel with the stubs of every service. Private to the client
// library. Thread-safe.
#ifndef REPSCORE_CLIENT_CPP_CONNECTION_H_
#define REPSCORE_CLIENT_CPP_CONNECTION_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/grpc_status.h"
#include "client/cpp/retry.h"
#include "repscore/v1/admin.grpc.pb.h"
#include "repscore/v1/analysis.grpc.pb.h"
#include "repscore/v1/catalog.grpc.pb.h"
#include "repscore/v1/comparison.grpc.pb.h"
#include "repscore/v1/runs.grpc.pb.h"
#include "repscore/v1/scoring.grpc.pb.h"

namespace repscore::client {

/// Lets `context` expire `timeout` from now.
inline void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  if (timeout != absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  }
}

/// Calls `attempt`, a function of a fresh grpc::ClientContext to grpc::Status,
/// until it succeeds or its status is final.
template <typename Attempt>
absl::Status CallWithRetries(const RetryPolicy& policy,
                             bool repeatable,
                             Attempt attempt) {
  Backoff backoff(policy);
  while (true) {
    grpc::ClientContext context;
    absl::Status status = ToAbslStatus(attempt(context));
    if (status.ok()) {
      return status;
    }
    const auto delay = backoff.Next(status, repeatable);
    if (!delay.has_value()) {
      return status;
    }
    absl::SleepFor(*delay);
  }
}

struct Client::Connection {
  explicit Connection(ConnectOptions connect_options);

  /// Waits for the channel. Unavailable with the transport's own reason.
  absl::Status WaitUntilConnected();

  /// Makes a unary call with the call timeout and retries.
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(const std::unique_ptr<Stub>& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&,
                                                 Response*),
                    const Request& request,
                    Response& response,
                    bool repeatable = true) const {
    return CallWithRetries(
        options.retry, repeatable, [&](grpc::ClientContext& context) {
          SetTimeout(context, options.call_timeout);
          return ((*stub).*method)(&context, request, &response);
        });
  }

  /// As Call, for a call that computes: without a deadline, repeatable.
  template <typename Stub, typename Request, typename Response>
  absl::Status Compute(const std::unique_ptr<Stub>& stub,
                       grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                    const Request&,
                                                    Response*),
                       const Request& request,
                       Response& response) const {
    return CallWithRetries(options.retry,
                           /*repeatable=*/true,
                           [&](grpc::ClientContext& context) {
                             return ((*stub).*method)(
                                 &context, request, &response);
                           });
  }

  ConnectOptions options;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::CatalogService::Stub> catalog;
  std::unique_ptr<v1::ScoringService::Stub> scoring;
  std::unique_ptr<v1::ComparisonService::Stub> comparison;
  std::unique_ptr<v1::AnalysisService::Stub> analysis;
  std::unique_ptr<v1::RunsService::Stub> runs;
  std::unique_ptr<v1::AdminService::Stub> admin;
};

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_CONNECTION_H_
