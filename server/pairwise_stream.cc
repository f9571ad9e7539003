#include "server/pairwise_stream.h"

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/status_macros.h"
#include "server/comparison.h"
#include "server/lane_errors.h"
#include "server/memory.h"

namespace repscore::server {
namespace {

/// The worker (disk executor, then lane) and gRPC's reactions meet in the
/// fields behind the mutex: one write in flight, the newest progress waits for
/// it, the result and the end come last.
class PairwiseStream final
    : public grpc::ServerWriteReactor<v1::ComparePairwiseResponse>,
      public Call {
 public:
  PairwiseStream(Parts& parts,
                 const grpc::CallbackServerContext& context,
                 const v1::ComparePairwiseRequest& request)
      : Call(parts.calls, context, "ComparePairwise"),
        parts_(parts),
        request_(request) {}

  void Start() {
    cancel_.SetDeadline(Deadline());
    absl::Status status = Enter();
    if (status.ok()) {
      status = parts_.disk.Submit([this] { Prepare(); });
    }
    if (!status.ok()) {
      End(status);
    }
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      cancel_.Cancel();
    }
    WriteOn([this] { is_writing_ = false; });
  }

  void OnCancel() override { cancel_.Cancel(); }
  void Abort(const absl::Status& /*status*/) override { cancel_.Cancel(); }

  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  class PairwiseJob final : public Job {
   public:
    explicit PairwiseJob(PairwiseStream* stream) : stream_(stream) {}
    Next RunSlice(LaneContext& lane) override {
      stream_->Compute(lane);
      return Next::kDone;
    }
    JobNeeds needs() const override {
      JobNeeds needs = SystemsNeeds(stream_->task_.systems);
      needs.device = stream_->request_.device();
      return needs;
    }
    bool IsCancelled() const override { return !stream_->cancel_.Check().ok(); }
    void Abandon(const absl::Status& reason) override { stream_->End(reason); }

   private:
    PairwiseStream* stream_;
  };

  void Prepare() {
    absl::Status status = NoThrow([this]() -> absl::Status {
      REPSCORE_RETURN_IF_ERROR(cancel_.Check());
      REPSCORE_ASSIGN_OR_RETURN(task_, PreparePairwise(parts_, request_));
      return absl::OkStatus();
    });
    if (status.ok()) {
      status = parts_.scheduler.Submit(JobClass::kBatch,
                                       std::make_shared<PairwiseJob>(this));
    }
    if (!status.ok()) {
      End(status);
    }
  }

  void Compute(LaneContext& lane) {
    End(RunOnLane(lane, [&]() -> absl::Status {
      REPSCORE_RETURN_IF_ERROR(cancel_.Check());
      REPSCORE_ASSIGN_OR_RETURN(
          const std::vector<PairwiseMatrix> matrices,
          repscore::ComparePairwise(lane.backend,
                                    task_.systems,
                                    task_.measures,
                                    task_.known_systems,
                                    task_.known,
                                    [&](int64_t done, int64_t total) {
                                      Report(done, total);
                                      lane.Yield();
                                      return cancel_.Check();
                                    }));
      SetResult(lane, matrices);
      return absl::OkStatus();
    }));
  }

  void Report(int64_t done, int64_t total) {
    WriteOn([&] {
      progress_.emplace();
      progress_->mutable_progress()->set_pairs_done(done);
      progress_->mutable_progress()->set_pairs_total(total);
    });
  }

  void SetResult(LaneContext& lane,
                 const std::vector<PairwiseMatrix>& matrices) {
    v1::ComparePairwiseResponse response;
    v1::PairwiseResult* result = response.mutable_result();
    for (const System& system : task_.systems) {
      result->add_names(system.name);
    }
    for (const PairwiseMatrix& matrix : matrices) {
      v1::PairwiseMatrix* item = result->add_matrices();
      item->set_measure(matrix.measure);
      item->mutable_values()->Assign(matrix.values.begin(),
                                     matrix.values.end());
    }
    *result->mutable_provenance() =
        MakeProvenance("", "", lane.backend.name(), v1::PRECISION_FLOAT64);
    const std::lock_guard lock(mutex_);
    result_ = std::move(response);
  }

  void End(const absl::Status& status) {
    WriteOn([&] { end_ = status; });
  }

  /// Changes the state, then writes what is next or finishes. The call may be
  /// gone afterwards.
  template <typename Change>
  void WriteOn(const Change& change) {
    std::optional<absl::Status> end;
    {
      const std::lock_guard lock(mutex_);
      change();
      if (is_writing_) {
        return;
      }
      std::optional<v1::ComparePairwiseResponse>& next =
          progress_.has_value() ? progress_ : result_;
      if (next.has_value()) {
        written_ = *std::exchange(next, std::nullopt);
        is_writing_ = true;
        StartWrite(&written_);
        return;
      }
      end = std::exchange(end_, std::nullopt);
    }
    if (end.has_value()) {
      Finish(Outcome(*end));
    }
  }

  Parts& parts_;
  const v1::ComparePairwiseRequest& request_;
  CancelToken cancel_;
  PairwiseTask task_;

  std::mutex mutex_;
  v1::ComparePairwiseResponse written_;
  std::optional<v1::ComparePairwiseResponse> progress_;
  std::optional<v1::ComparePairwiseResponse> result_;
  std::optional<absl::Status> end_;
  bool is_writing_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::ComparePairwiseResponse>* StartPairwise(
    Parts& parts,
    grpc::CallbackServerContext* context,
    const v1::ComparePairwiseRequest* request) {
  auto* stream = new PairwiseStream(parts, *context, *request);
  stream->Start();
  return stream;
}

}  // namespace repscore::server
