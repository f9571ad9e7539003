#include "tests/client/fake_server.h"

#include <stdlib.h>

#include <chrono>
#include <thread>
#include <utility>

#include "repscore/v1/admin.grpc.pb.h"
#include "repscore/v1/runs.grpc.pb.h"
#include "repscore/v1/scoring.grpc.pb.h"
#include "tests/client/fake_pages.h"
#include "tests/client/fake_scores.h"

namespace repscore::client {
namespace {

using grpc::ServerContext;
using grpc::Status;

constexpr int kMaxReceiveBytes = 8 << 20;
constexpr auto kPoll = std::chrono::milliseconds(2);

Status Broken() {
  return {grpc::StatusCode::UNAVAILABLE, "the stream broke"};
}

std::filesystem::path MakeFolder() {
  std::string name =
      (std::filesystem::temp_directory_path() / "repscore.XXXXXX").string();
  return mkdtemp(name.data());
}

}  // namespace

class FakeServer::Scoring final : public v1::ScoringService::Service {
 public:
  explicit Scoring(FakeServer& server) : server_(server) {}

  Status Score(ServerContext*,
               const v1::ScoreRequest* request,
               v1::ScoreResponse* response) override {
    if (Status status = server_.Enter("Score"); !status.ok()) {
      return status;
    }
    server_.seen.score = *request;
    server_.seen.scores.push_back(*request);
    if (request->layers().empty()) {
      FillScores(*request, response->mutable_scores());
      Summarize(request->candidate().spec(), *response->mutable_candidate());
    }
    for (const v1::Layer& layer : request->layers()) {
      v1::LayerScores& scores = *response->add_layers();
      scores.set_name(layer.name());
      FillScores(*request, scores.mutable_scores());
      Summarize(layer.candidate().spec(), *scores.mutable_candidate());
    }
    FillProvenance(kDataset, *response->mutable_provenance());
    FillReference(*request, *response);
    return Status::OK;
  }

  Status StreamScore(ServerContext*,
                     grpc::ServerReader<v1::StreamScoreRequest>* reader,
                     v1::StreamScoreResponse* response) override {
    v1::StreamScoreRequest request;
    reader->Read(&request);
    if (Status status = server_.Enter("StreamScore"); !status.ok()) {
      return status;
    }
    Seen& sent = server_.seen;
    sent.stream_header = request.header();
    sent.chunks.clear();
    while (reader->Read(&request)) {
      sent.chunks.push_back(request.chunk().data().size());
    }
    FillScores(sent.stream_header, response->mutable_scores());
    FillProvenance(kDataset, *response->mutable_provenance());
    FillReference(sent.stream_header, *response);
    return Status::OK;
  }

  Status Optimize(ServerContext* context,
                  const v1::OptimizeRequest* request,
                  grpc::ServerWriter<v1::OptimizeResponse>* writer) override {
    if (Status status = server_.Enter("Optimize"); !status.ok()) {
      return status;
    }
    server_.seen.optimize = *request;
    return server_.StreamEvents(
        *context,
        *writer,
        0,
        request->return_candidate(),
        request->detach() ? Viewer::kObserver : Viewer::kOwner);
  }

  Status JointOptimize(
      ServerContext* context,
      const v1::JointOptimizeRequest* request,
      grpc::ServerWriter<v1::JointOptimizeResponse>* writer) override {
    if (Status status = server_.Enter("JointOptimize"); !status.ok()) {
      return status;
    }
    server_.seen.joint = *request;
    return server_.StreamEvents(
        *context,
        *writer,
        0,
        request->return_candidate(),
        request->detach() ? Viewer::kObserver : Viewer::kOwner);
  }

  Status ListMeasures(ServerContext*,
                      const v1::ListMeasuresRequest*,
                      v1::ListMeasuresResponse* response) override {
    if (Status status = server_.Enter("ListMeasures"); !status.ok()) {
      return status;
    }
    *response->add_measures() = ShapeEuclidean();
    return Status::OK;
  }

  Status DescribeMeasure(ServerContext*,
                         const v1::DescribeMeasureRequest* request,
                         v1::DescribeMeasureResponse* response) override {
    if (Status status = server_.Enter("DescribeMeasure"); !status.ok()) {
      return status;
    }
    const std::string& id = request->measure().id();
    if (id == "nope") {
      return MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                       "there is no measure 'nope'",
                       {"UNKNOWN_MEASURE", "measure.id", std::nullopt});
    }
    *response->mutable_measure() = DescriptionOf(id);
    return Status::OK;
  }

  Status EstimateScore(ServerContext*,
                       const v1::EstimateScoreRequest* request,
                       v1::EstimateScoreResponse* response) override {
    if (Status status = server_.Enter("EstimateScore"); !status.ok()) {
      return status;
    }
    server_.seen.estimate = *request;
    *response = CannedEstimate();
    return Status::OK;
  }

 private:
  FakeServer& server_;
};

template <typename Write>
Status FakeServer::StreamCandidate(Write write) {
  std::string bytes = CandidateBytes();
  if (script.corrupt_candidate) {
    bytes[3] = static_cast<char>(bytes[3] ^ 1);
  }
  const size_t half = bytes.size() / 2;
  for (const size_t offset : {size_t{0}, half}) {
    v1::CandidateChunk chunk;
    chunk.mutable_spec()->set_data_type(v1::DATA_TYPE_FLOAT64);
    chunk.mutable_spec()->add_shape(2);
    chunk.mutable_spec()->add_shape(3);
    chunk.set_offset(static_cast<int64_t>(offset));
    chunk.set_data(bytes.substr(offset, half));
    write(chunk);
    if (std::exchange(script.break_in_candidate, false)) {
      return Broken();
    }
  }
  return Status::OK;
}

class FakeServer::Runs final : public v1::RunsService::Service {
 public:
  explicit Runs(FakeServer& server) : server_(server) {}

  Status GetRun(ServerContext*,
                const v1::GetRunRequest* request,
                v1::GetRunResponse* response) override {
    if (Status status = server_.Enter("GetRun"); !status.ok()) {
      return status;
    }
    *response->mutable_run() = server_.script.events[0].started().run();
    response->mutable_run()->set_name(request->name());
    return Status::OK;
  }

  Status ListRuns(ServerContext*,
                  const v1::ListRunsRequest* request,
                  v1::ListRunsResponse* response) override {
    if (Status status = server_.Enter("ListRuns"); !status.ok()) {
      return status;
    }
    FillPage(server_.script.runs,
             request->page_size(),
             request->page_token(),
             response->mutable_runs(),
             response);
    return Status::OK;
  }

  Status WatchRun(ServerContext* context,
                  const v1::WatchRunRequest* request,
                  grpc::ServerWriter<v1::WatchRunResponse>* writer) override {
    server_.seen.watched_after.push_back(request->after_sequence());
    if (Status status = server_.Enter("WatchRun"); !status.ok()) {
      return status;
    }
    return server_.StreamEvents(*context,
                                *writer,
                                request->after_sequence(),
                                request->return_candidate(),
                                Viewer::kObserver);
  }

  Status ReadRunArray(
      ServerContext*,
      const v1::ReadRunArrayRequest* request,
      grpc::ServerWriter<v1::ReadRunArrayResponse>* writer) override {
    if (Status status = server_.Enter("ReadRunArray"); !status.ok()) {
      return status;
    }
    server_.seen.array_name = request->name();
    return server_.StreamCandidate([&](const v1::CandidateChunk& chunk) {
      v1::ReadRunArrayResponse response;
      *response.mutable_chunk() = chunk;
      writer->Write(response);
    });
  }

  Status CancelRun(ServerContext*,
                   const v1::CancelRunRequest* request,
                   v1::CancelRunResponse* response) override {
    if (Status status = server_.Enter("CancelRun"); !status.ok()) {
      return status;
    }
    server_.cancelled_ = true;
    response->mutable_run()->set_name(request->name());
    response->mutable_run()->set_state(v1::RUN_STATE_CANCELLED);
    return Status::OK;
  }

 private:
  FakeServer& server_;
};

class FakeServer::Admin final : public v1::AdminService::Service {
 public:
  explicit Admin(FakeServer& server) : server_(server) {}

  Status GetServerInfo(ServerContext*,
                       const v1::GetServerInfoRequest*,
                       v1::GetServerInfoResponse* response) override {
    if (Status status = server_.Enter("GetServerInfo"); !status.ok()) {
      return status;
    }
    response->set_version("9.9");
    response->add_devices("cpu");
    response->set_lanes(2);
    response->set_max_message_bytes(kMaxReceiveBytes);
    return Status::OK;
  }

  /// The first device asked for, else "cpu", passes; others are wrong.
  Status RunSelfTest(ServerContext*,
                     const v1::RunSelfTestRequest* request,
                     v1::RunSelfTestResponse* response) override {
    if (Status status = server_.Enter("RunSelfTest"); !status.ok()) {
      return status;
    }
    std::vector<std::string> names(request->devices().begin(),
                                   request->devices().end());
    names.resize(std::max<size_t>(names.size(), 1), "cpu");
    response->set_passed(names.size() == 1);
    for (const std::string& name : names) {
      v1::DeviceSelfTest* const device = response->add_devices();
      device->set_device(name);
      device->set_passed(name == names.front());
      v1::SelfTestCheck* const check = device->add_checks();
      check->set_measure("cka");
      check->set_expected(0.5);
      check->set_actual(device->passed() ? 0.5 : 0.75);
      check->set_tolerance(1e-12);
      check->set_passed(device->passed());
    }
    return Status::OK;
  }

 private:
  FakeServer& server_;
};

template <typename Response>
Status FakeServer::StreamEvents(ServerContext& context,
                                grpc::ServerWriter<Response>& writer,
                                int64_t after,
                                bool return_candidate,
                                Viewer viewer) {
  for (const v1::RunEvent& event : script.events) {
    if (event.sequence() <= after) {
      continue;
    }
    Response response;
    *response.mutable_event() = event;
    if (event.has_result()) {
      if (!HoldResult(context)) {
        cancelled_ = cancelled_ || (viewer == Viewer::kOwner && !stopping_);
        return Broken();
      }
      if (cancelled_) {
        MarkCancelled(*response.mutable_event()->mutable_result());
      }
      if (return_candidate) {
        const auto write = [&](const v1::CandidateChunk& chunk) {
          Response piece;
          piece.mutable_event()->set_run(kRun);
          piece.mutable_event()->set_sequence(event.sequence());
          *piece.mutable_event()->mutable_candidate_chunk() = chunk;
          writer.Write(piece);
        };
        if (Status status = StreamCandidate(write); !status.ok()) {
          return status;
        }
      }
    }
    writer.Write(response);
    if (!script.breaks.empty() && script.breaks.front() == event.sequence()) {
      script.breaks.pop_front();
      return Broken();
    }
  }
  return Status::OK;
}

// False when the viewer has left or the server stops.
bool FakeServer::HoldResult(ServerContext& context) {
  while (script.hold_result && !cancelled_ && !released_) {
    holding_ = true;
    if (context.IsCancelled() || stopping_) {
      holding_ = false;
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
  holding_ = false;
  return true;
}

FakeServer::FakeServer()
    : folder_(MakeFolder()),
      analysis_(MakeAnalysis()),
      catalog_(MakeCatalog()),
      scoring_(std::make_unique<Scoring>(*this)),
      comparison_(MakeComparison()),
      runs_(std::make_unique<Runs>(*this)),
      admin_(std::make_unique<Admin>(*this)) {
  Start();
}

FakeServer::~FakeServer() {
  Stop();
  std::filesystem::remove_all(folder_);
}

void FakeServer::Start() {
  stopping_ = false;
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
  builder.RegisterService(analysis_.get());
  builder.RegisterService(catalog_.get());
  builder.RegisterService(scoring_.get());
  builder.RegisterService(comparison_.get());
  builder.RegisterService(runs_.get());
  builder.RegisterService(admin_.get());
  server_ = builder.BuildAndStart();
}

void FakeServer::Stop() {
  stopping_ = true;
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::seconds(2));
    server_.reset();
  }
}

void FakeServer::FailNext(const std::string& method,
                          const Status& status,
                          int times) {
  const std::lock_guard lock(mutex_);
  failures_[method].insert(
      failures_[method].end(), static_cast<size_t>(times), status);
}

int FakeServer::calls(const std::string& method) const {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(method);
  return found == calls_.end() ? 0 : found->second;
}

void FakeServer::WaitUntilHolding() const {
  while (!holding_) {
    std::this_thread::sleep_for(kPoll);
  }
}

Status FakeServer::Enter(const std::string& method) {
  const std::lock_guard lock(mutex_);
  ++calls_[method];
  std::deque<Status>& failures = failures_[method];
  if (failures.empty()) {
    return Status::OK;
  }
  Status status = failures.front();
  failures.pop_front();
  return status;
}

}  // namespace repscore::client
