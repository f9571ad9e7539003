// A scripted repscore server on a unix socket, for tests of clients.
//
// Set `script` before a call, read `seen` after it; both are guarded by the
// calls themselves being over, but for what the methods below change.
#ifndef REPSCORE_TESTS_CLIENT_FAKE_SERVER_H_
#define REPSCORE_TESTS_CLIENT_FAKE_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "repscore/v1/analysis.pb.h"
#include "repscore/v1/catalog.pb.h"
#include "repscore/v1/comparison.pb.h"
#include "repscore/v1/scoring.pb.h"
#include "tests/client/fake_events.h"

namespace repscore::client {

/// What the server is to do.
struct Script {
  std::vector<v1::Dataset> datasets;
  std::vector<v1::Run> runs;
  /// Events of the one run there is.
  std::vector<v1::RunEvent> events = MakeEvents(5);
  /// Sequence numbers after which a stream breaks with UNAVAILABLE, in turn.
  std::deque<int64_t> breaks;
  /// Break between the candidate's two chunks, once.
  bool break_in_candidate = false;
  bool corrupt_candidate = false;
  /// Wait before the result until the run is cancelled or released.
  bool hold_result = false;
  /// Progress messages of a pairwise comparison.
  int pairwise_progress = 3;
  /// How often a pairwise comparison breaks after its first progress message.
  int pairwise_breaks = 0;
  /// Send a mean whose elements do not match its shape.
  bool short_mean = false;
  std::vector<v1::MeasureCalibration> calibrations;
};

/// What the server was sent.
struct Seen {
  v1::RegisterDatasetHeader header;
  v1::StreamScoreHeader stream_header;
  v1::ScoreRequest score;
  /// All of them.
  std::vector<v1::ScoreRequest> scores;
  v1::EstimateScoreRequest estimate;
  v1::CompareRequest compare;
  v1::ComparePairwiseRequest pairwise;
  v1::EmbedDistancesRequest embed;
  v1::ComputeFrechetMeanRequest mean;
  v1::AggregateScoresRequest aggregate;
  std::string data;
  std::vector<size_t> chunks;
  v1::OptimizeRequest optimize;
  v1::JointOptimizeRequest joint;
  std::vector<int32_t> page_sizes;
  std::vector<int64_t> watched_after;
  std::string array_name;
  v1::DecodeLabelsRequest decode;
  v1::ComputeBaselinesRequest baselines;
  v1::PerturbComponentsRequest perturb;
  v1::CalibrateDatasetRequest calibrate;
  v1::GetCalibrationRequest calibration;
};

class FakeServer {
 public:
  /// Starts serving.
  FakeServer();
  ~FakeServer();

  std::string address() const {
    return "unix:" + (folder_ / "socket").string();
  }
  const std::filesystem::path& folder() const { return folder_; }

  /// Ends every stream with UNAVAILABLE and stops; runs stay.
  void Stop();
  void Start();

  /// Lets the next `times` calls of a method fail.
  void FailNext(const std::string& method,
                const grpc::Status& status,
                int times = 1);

  /// Calls of a method so far, failed ones included.
  int calls(const std::string& method) const;

  bool run_is_cancelled() const { return cancelled_; }
  void ReleaseResult() { released_ = true; }
  /// Waits until a stream stands before a held result.
  void WaitUntilHolding() const;

  Script script;
  Seen seen;

 private:
  class Analysis;
  class Catalog;
  class Comparison;
  class Scoring;
  class Runs;
  class Admin;

  std::unique_ptr<grpc::Service> MakeAnalysis();
  std::unique_ptr<grpc::Service> MakeCatalog();
  std::unique_ptr<grpc::Service> MakeComparison();

  /// What a watcher of the run may change by leaving.
  enum class Viewer { kOwner, kObserver };

  /// Counts the call; the scripted failure, if there is one.
  grpc::Status Enter(const std::string& method);

  template <typename Response>
  grpc::Status StreamEvents(grpc::ServerContext& context,
                            grpc::ServerWriter<Response>& writer,
                            int64_t after,
                            bool return_candidate,
                            Viewer viewer);
  /// The candidate's two chunks: `write` sends one.
  template <typename Write>
  grpc::Status StreamCandidate(Write write);
  bool HoldResult(grpc::ServerContext& context);

  std::filesystem::path folder_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<grpc::Status>> failures_;
  std::map<std::string, int> calls_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> released_ = false;
  std::atomic<bool> holding_ = false;
  std::unique_ptr<grpc::Service> analysis_;
  std::unique_ptr<grpc::Service> catalog_;
  std::unique_ptr<Scoring> scoring_;
  std::unique_ptr<grpc::Service> comparison_;
  std::unique_ptr<Runs> runs_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_FAKE_SERVER_H_
