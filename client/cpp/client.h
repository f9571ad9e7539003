// Client of a repscore server.
//
// Thread-safe: one Client serves any number of threads. Calls block. Errors
// carry the server's own text; ErrorDetailsOf (errors.h) gives reason and
// fields. Input is judged by the server alone. What is retried: retry.h.
#ifndef REPSCORE_CLIENT_CPP_CLIENT_H_
#define REPSCORE_CLIENT_CPP_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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
#include "repscore/v1/analysis.pb.h"
#include "repscore/v1/catalog.pb.h"
#include "repscore/v1/comparison.pb.h"
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
  /// Identity of every condition (or sample); equal ones are repetitions.
  std::vector<std::string> row_ids = {};
  /// Runs that tell what scores on the dataset mean, in the background once it
  /// is registered.
  std::optional<v1::CalibrationPlan> calibration = std::nullopt;
};

struct ScoreOptions {
  /// What is wanted beside every score: ceiling, interval, null distribution,
  /// calibration.
  v1::ContextOptions context = {};
  /// Identity of the candidate's conditions (or rows), by which the server puts
  /// them into the dataset's order. Empty: they come in that order.
  std::vector<std::string> row_ids = {};
  /// "cpu", "cuda:0"; "auto" or empty: the server's choice.
  std::string device = {};
};

/// One of several candidates, for instance a layer of a model.
struct NamedArray {
  std::string name;
  ArrayView array;
};

/// Sees how far a comparison is, on the thread that called the Client. After
/// a broken connection it may begin again. Returning false cancels the
/// comparison. May be empty.
using PairwiseObserver = std::function<bool(const v1::PairwiseProgress&)>;

/// Elements that go in one message; larger candidates are streamed.
inline constexpr size_t kMaxInlineBytes = 4 << 20;

/// Candidates that the server takes in one message.
inline constexpr size_t kMaxLayers = 256;

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

  /// The claims of one measure with its parameters, for instance of
  /// "rsa(rdm=cosine)"; `canonical` is its full name.
  absl::StatusOr<v1::MeasureDescription> DescribeMeasure(
      const v1::MeasureSpec& measure);

  /// Scores `candidate` [n x p] or (time, condition, feature) under every
  /// measure, in their order. Up to kMaxInlineBytes go in one message, more as
  /// a stream of 1 MiB chunks.
  absl::StatusOr<v1::ScoreResponse> Score(
      std::string_view dataset,
      const ArrayView& candidate,
      absl::Span<const v1::MeasureSpec> measures,
      const ScoreOptions& options = {});

  /// Scores several candidates in one message; the response has them as
  /// `layers`, in their order. At most kMaxLayers, together up to
  /// kMaxInlineBytes: the server refuses messages that are much larger. All of
  /// them fail when one does; the error's field is then "layers[i]...".
  absl::StatusOr<v1::ScoreResponse> ScoreLayers(
      std::string_view dataset,
      absl::Span<const NamedArray> layers,
      absl::Span<const v1::MeasureSpec> measures,
      const ScoreOptions& options = {});

  /// Time, memory and path of a score of such a candidate, without its data.
  absl::StatusOr<v1::EstimateScoreResponse> EstimateScore(
      std::string_view dataset,
      const v1::TensorSpec& candidate,
      absl::Span<const v1::MeasureSpec> measures,
      const v1::ContextOptions& context = {},
      std::string_view device = {});

  // Comparisons without a dataset. Arrays go in one message, which the server
  // limits (max_message_bytes of GetServerInfo); larger ones are registered and
  // named in v1::System::dataset.

  /// Scores `candidate` against `reference`, which has as many rows.
  absl::StatusOr<v1::CompareResponse> Compare(
      const ArrayView& candidate,
      const ArrayView& reference,
      absl::Span<const v1::MeasureSpec> measures,
      const v1::ContextOptions& context = {},
      std::string_view device = {});

  /// Scores all pairs of systems. Cancelled when the observer stops.
  absl::StatusOr<v1::PairwiseResult> ComparePairwise(
      const v1::ComparePairwiseRequest& request,
      const PairwiseObserver& observer = {});

  absl::StatusOr<v1::EmbedDistancesResponse> EmbedDistances(
      const v1::EmbedDistancesRequest& request);

  absl::StatusOr<v1::ComputeFrechetMeanResponse> ComputeFrechetMean(
      const v1::ComputeFrechetMeanRequest& request);

  absl::StatusOr<v1::AggregateScoresResponse> AggregateScores(
      const v1::AggregateScoresRequest& request);

  // Experiments on one dataset. What depends on the dataset alone is computed
  // once per version and kept by the server.

  /// How well labels can be read from `request.candidate` (inline, see
  /// array.h), from the dataset, and from its first components. Accuracies are
  /// in [0, 1].
  absl::StatusOr<v1::DecodeLabelsResponse> DecodeLabels(
      const v1::DecodeLabelsRequest& request);

  /// Where condition averages, halves, shuffles and noise land on measures.
  absl::StatusOr<v1::ComputeBaselinesResponse> ComputeBaselines(
      const v1::ComputeBaselinesRequest& request);

  /// What the loss of one principal component costs, by simulation and theory.
  absl::StatusOr<v1::PerturbComponentsResponse> PerturbComponents(
      const v1::PerturbComponentsRequest& request);

  /// Starts the runs of a plan that are not there yet; one per measure, in
  /// order, running or finished. WatchRun follows them.
  absl::StatusOr<std::vector<v1::Run>> CalibrateDataset(
      std::string_view dataset, const v1::CalibrationPlan& plan);

  /// What scores mean, from all finished runs that followed components or
  /// labels from noise. Empty `measures`: all that there are runs of.
  absl::StatusOr<v1::GetCalibrationResponse> GetCalibration(
      std::string_view dataset,
      absl::Span<const v1::MeasureSpec> measures = {});

  // Runs.
  //
  // A run may work on several members (restarts, targets) side by side; its
  // candidate is then the best one's, and ReadRunArray has the others.
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

  /// Row-major float64 [n x p] of `name`,
  /// runs/{run}/members/{member}/candidate of a finished run or
  /// runs/{run}/members/{member}/snapshots/{snapshot}. DataLoss when the bytes
  /// do not match `digest` (lower-case hex SHA-256, as in MemberResult and
  /// Snapshot; empty: not checked).
  absl::StatusOr<HostArray> ReadRunArray(std::string_view name,
                                         std::string_view digest = {});

  // The server.

  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo();

  /// Golden values computed again on these devices; empty: on all. A value that
  /// is wrong is part of the response.
  absl::StatusOr<v1::RunSelfTestResponse> RunSelfTest(
      const std::vector<std::string>& devices = {});

  /// gRPC stubs and options; private to the library.
  struct Connection;

 private:
  explicit Client(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_CLIENT_H_
