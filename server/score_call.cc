#include "server/score_call.h"

#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "server/error.h"
#include "server/scoring.h"

namespace repscore::server {
namespace {

/// Exactly one of the stages holds the call at any time, and it either passes
/// the call on or finishes it.
class ScoreCall final : public grpc::ServerUnaryReactor, public Call {
 public:
  ScoreCall(Parts& parts,
            const grpc::CallbackServerContext& context,
            const v1::ScoreRequest* request,
            v1::ScoreResponse* response)
      : Call(parts.calls, context, "Score"),
        parts_(parts),
        request_(*request),
        response_(response) {}

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

  void Compute(LaneContext& lane) {
    absl::Status status = cancel_.Check();
    if (status.ok()) {
      status = NoThrow([&] { return Score(lane); });
    }
    End(status);
  }

  void End(const absl::Status& status) { Finish(Outcome(status)); }

  void OnCancel() override { cancel_.Cancel(); }

  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  class ScoreJob final : public Job {
   public:
    explicit ScoreJob(ScoreCall* call) : call_(call) {}
    Next RunSlice(LaneContext& lane) override {
      call_->Compute(lane);
      return Next::kDone;
    }
    void Abandon(const absl::Status& /*reason*/) override {
      call_->End(DrainingError());
    }

   private:
    ScoreCall* call_;
  };

  void Prepare() {
    absl::Status status = NoThrow([this] { return PrepareTask(); });
    if (status.ok()) {
      status = SubmitJob(parts_.scheduler,
                         JobClass::kInteractive,
                         std::make_shared<ScoreJob>(this));
    }
    if (!status.ok()) {
      End(status);
    }
  }

  absl::Status PrepareTask() {
    REPSCORE_RETURN_IF_ERROR(cancel_.Check());
    REPSCORE_RETURN_IF_ERROR(
        CheckTensor(request_.candidate(), "candidate").status());
    REPSCORE_ASSIGN_OR_RETURN(task_,
                              PrepareScore(parts_,
                                           request_.dataset(),
                                           request_.candidate().spec(),
                                           request_.measures()));
    return absl::OkStatus();
  }

  absl::Status Score(LaneContext& lane) {
    REPSCORE_ASSIGN_OR_RETURN(const auto stream,
                              OpenScore(parts_, lane, task_));
    REPSCORE_RETURN_IF_ERROR(
        stream->Append(BytesOf(request_.candidate().data())));
    REPSCORE_ASSIGN_OR_RETURN(const ScoreReport report, stream->Finish());
    WriteScores(task_, lane.backend.name(), report, response_);
    return absl::OkStatus();
  }

  Parts& parts_;
  const v1::ScoreRequest& request_;
  v1::ScoreResponse* const response_;
  CancelToken cancel_;
  ScoreTask task_;
};

}  // namespace

grpc::ServerUnaryReactor* StartScore(Parts& parts,
                                     grpc::CallbackServerContext* context,
                                     const v1::ScoreRequest* request,
                                     v1::ScoreResponse* response) {
  auto* call = new ScoreCall(parts, *context, request, response);
  call->Start();
  return call;
}

}  // namespace repscore::server
