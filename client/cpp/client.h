// Client of a repscore server.
//
// Thread-safe: one Client serves any number of threads. Calls block. Errors
// carry the server's own text; ErrorDetailsOf (errors.h) gives reason and
// fields. Input is judged by the server alone. What is retried: retry.h.
#ifndef REPSCORE_CLIENT_CPP_CLIENT_H_
#define REPSCORE_CLIENT_CPP_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/array.h"
#include "client/cpp/retry.h"
#include "client/cpp/runs.h"
#include "repscore/v1/admin.pb.h"
#include "repscore/v1/catalog.pb.h"
#include "repscore/v1/runs.pb.h"
#include "repscore/v1/scoring.pb.h"

namespace repscore::client {

struct ConnectOptions {
  /// "host:port" or "unix:/path/of/socket".
  std::string address = "localhost:50051";
  /// PEM text of the certificates to trust. Empty: no TLS.
  std::string tls_root_certificates;
  absl::Duration connect_timeout = absl::Seconds(10);
  /// Deadline of each attempt of a call that computes nothing.
  absl::Duration call_timeout = absl::Seconds(60);
  RetryPolicy retry;
  /// How a broken run stream is taken up again. The default outlasts a server
  /// restart of about 20 seconds.
  RetryPolicy reattach = {.max_attempts = 12};
};

struct RegisterDatasetOptions {
  std::string dataset_id;
  /// Empty: by rank, see RegisterDatasetHeader.
  std::vector<v1::Axis> axes = {};
  std::vector<v1::Label> labels = {};
  std::vector<v1::Group> groups = {};
  v1::DatasetMetadata metadata = {};
};

class Client {
 public:
  /// Unavailable, with the transport's reason, when there is no connection
  /// within the timeout.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(
      ConnectOptions options);

  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Datasets.

  /// Hashes and uploads `array` in chunks of 1 MiB.
  absl::StatusOr<v1::RegisterDatasetResponse> RegisterDataset(
      const RegisterDatasetOptions& options, const ArrayView& array);

  /// Latest versions by name, all pages; at most `limit` when it is positive.
  absl::StatusOr<std::vector<v1::Dataset>> ListDatasets(int64_t limit = 0);

  /// `name`: datasets/{dataset} or datasets/{dataset}/versions/{version}.
  absl::StatusOr<v1::Dataset> GetDataset(std::string_view name);

  /// Not retried: a second call could find nothing to delete.
  absl::Status DeleteDataset(std::string_view name);

  // Scores.

  absl::StatusOr<std::vector<v1::MeasureDescription>> ListMeasures();

  /// Scores `candidate` [n x p] or (time, condition, feature) under every
  /// measure, in their order. Up to 4 MiB go in one message, more as a stream
  /// of 1 MiB chunks.
  absl::StatusOr<v1::ScoreResponse> Score(
      std::string_view dataset,
      const ArrayView& candidate,
      absl::Span<const v1::MeasureSpec> measures);

  // Runs.
  //
  // A stream that breaks once the run has started is taken up again with
  // WatchRun, from the event after the last one seen. When the observer stops,
  // the run is cancelled and its last state is waited for: the outcome is
  // CANCELLED, or the status Cancelled when the server has none. A detached
  // run goes on, and the status is Cancelled. A run that fails gives the error
  // stored in it.

  absl::StatusOr<RunOutcome> Optimize(const v1::OptimizeRequest& request,
                                      const RunObserver& observer = {});

  absl::StatusOr<RunOutcome> JointOptimize(
      const v1::JointOptimizeRequest& request,
      const RunObserver& observer = {});

  /// Follows a run to its end. Stopping leaves the run alone; the status is
  /// then Cancelled.
  absl::StatusOr<RunOutcome> WatchRun(const v1::WatchRunRequest& request,
                                      const RunObserver& observer = {});

  /// `name`: runs/{run}.
  absl::StatusOr<v1::Run> GetRun(std::string_view name);

  /// Newest first, all pages; at most `limit` when it is positive.
  absl::StatusOr<std::vector<v1::Run>> ListRuns(int64_t limit = 0);

  absl::StatusOr<v1::Run> CancelRun(std::string_view name);

  // The server.

  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo();

  /// gRPC stubs and options; private to the library.
  struct Connection;

 private:
  explicit Client(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_CLIENT_H_
