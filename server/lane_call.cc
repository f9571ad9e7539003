#include "server/lane_call.h"

#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "server/error.h"
#include "server/scoring.h"

namespace repscore::server {
namespace {

/// Exactly one of the stages holds the call at any time, and it either passes
/// the call on or finishes it.
class LaneCall final : public grpc::ServerUnaryReactor, public Call {
 public:
  LaneCall(Parts& parts,
           const grpc::CallbackServerContext& context,
           const char* method,
           LaneWork work)
      : Call(parts.calls, context, method),
        parts_(parts),
        work_(std::move(work)) {}

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

  void OnCancel() override { cancel_.Cancel(); }

  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  class ComputeJob final : public Job {
   public:
    explicit ComputeJob(LaneCall* call) : call_(call) {}
    Next RunSlice(LaneContext& lane) override { return call_->Compute(lane); }
    void Abandon(const absl::Status& /*reason*/) override {
      call_->End(DrainingError());
    }

   private:
    LaneCall* call_;
  };

  void Prepare() {
    absl::Status status = cancel_.Check();
    if (status.ok()) {
      status = NoThrow(work_.prepare);
    }
    if (status.ok()) {
      status = SubmitJob(parts_.scheduler,
                         JobClass::kInteractive,
                         std::make_shared<ComputeJob>(this));
    }
    if (!status.ok()) {
      End(status);
    }
  }

  Job::Next Compute(LaneContext& lane) {
    const auto is_done = NoThrow([&]() -> absl::StatusOr<bool> {
      REPSCORE_RETURN_IF_ERROR(cancel_.Check());
      if (work_.compute_part) {
        return work_.compute_part(lane, cancel_);
      }
      REPSCORE_RETURN_IF_ERROR(work_.compute(lane, cancel_));
      return true;
    });
    if (is_done.ok() && !*is_done) {
      return Job::Next::kAgain;
    }
    End(is_done.status());
    return Job::Next::kDone;
  }

  void End(const absl::Status& status) { Finish(Outcome(status)); }

  Parts& parts_;
  const LaneWork work_;
  CancelToken cancel_;
};

}  // namespace

grpc::ServerUnaryReactor* AnswerOnLane(Parts& parts,
                                       grpc::CallbackServerContext* context,
                                       const char* method,
                                       LaneWork work) {
  auto* call = new LaneCall(parts, *context, method, std::move(work));
  call->Start();
  return call;
}

}  // namespace repscore::server
