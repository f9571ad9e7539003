// The reactor of Optimize, JointOptimize and WatchRun: opens a run on the disk
// executor, then writes its events, one write in flight.
#ifndef REPSCORE_SERVER_RUNS_RUN_STREAM_H_
#define REPSCORE_SERVER_RUNS_RUN_STREAM_H_

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/error.h"
#include "server/parts.h"
#include "server/runs/live_run.h"
#include "server/runs/run_follower.h"

namespace repscore::server {

/// A call that ends so shortly before its deadline ended for it.
inline constexpr std::chrono::milliseconds kDeadlineSlack{50};

/// A run to follow: made, or looked up.
struct OpenedRun {
  std::string run_id;
  /// Null when this process does not work on it.
  std::shared_ptr<LiveRun> run;
};

template <typename Response>
class RunStream final : public grpc::ServerWriteReactor<Response>,
                        public Call,
                        private RunFollower::Sink {
 public:
  struct Options {
    const char* method = "";
    RunFollower::Options follower;
    /// The end of this stream cancels the run.
    bool owns_run = false;
    /// Runs on the disk executor.
    std::function<absl::StatusOr<OpenedRun>()> open;
  };

  RunStream(Parts& parts,
            const grpc::CallbackServerContext& context,
            Options options)
      : Call(parts.calls, context, options.method),
        parts_(parts),
        context_(context),
        options_(std::move(options)),
        follower_(std::make_shared<RunFollower>(
            parts.catalog,
            parts.disk,
            static_cast<RunFollower::Sink&>(*this),
            options_.follower)) {}

  void Start() {
    absl::Status status = Enter();
    if (status.ok()) {
      status = parts_.disk.Submit([this] { Open(); });
    }
    if (!status.ok()) {
      End(status);
    }
  }

  void OnWriteDone(bool ok) override { follower_->Sent(ok); }

  void OnCancel() override {
    // The client's deadline, counted from its own start of the call, passes
    // shortly before the server's.
    const bool is_late = context_.deadline() <=
                         std::chrono::system_clock::now() + kDeadlineSlack;
    const auto code = is_late ? absl::StatusCode::kDeadlineExceeded
                              : absl::StatusCode::kCancelled;
    CancelRun(code);
    follower_->Stop(absl::Status(code, "the call ended"));
  }

  void Drain() override {
    {
      const std::lock_guard lock(mutex_);
      is_draining_ = true;
    }
    follower_->Stop(DrainingError());
  }

  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  void Open() {
    const std::shared_ptr<RunFollower> follower = follower_;
    const absl::StatusOr<OpenedRun> opened = NoThrow(options_.open);
    if (!opened.ok()) {
      follower->Stop(opened.status());
      follower->Follow("", nullptr);
      return;
    }
    std::optional<absl::StatusCode> cancelled;
    {
      const std::lock_guard lock(mutex_);
      run_ = opened->run;
      cancelled = cancelled_;
    }
    if (cancelled.has_value()) {
      CancelRun(*cancelled);
    }
    follower->Follow(opened->run_id, opened->run);
  }

  /// A stream that the server itself ends leaves the run alone.
  void CancelRun(absl::StatusCode code) {
    const std::lock_guard lock(mutex_);
    if (!options_.owns_run || is_draining_) {
      return;
    }
    cancelled_ = code;
    if (run_ != nullptr) {
      run_->cancel().Cancel(code);
    }
  }

  void Send(v1::RunEvent event) override {
    *response_.mutable_event() = std::move(event);
    this->StartWrite(&response_);
  }

  void End(const absl::Status& status) override {
    this->Finish(Outcome(status));
  }

  Parts& parts_;
  const grpc::CallbackServerContext& context_;
  const Options options_;
  const std::shared_ptr<RunFollower> follower_;
  Response response_;

  std::mutex mutex_;
  std::shared_ptr<LiveRun> run_;
  std::optional<absl::StatusCode> cancelled_;
  bool is_draining_ = false;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_STREAM_H_
