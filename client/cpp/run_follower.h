// Follows one run through broken streams to its outcome. Private to the client
// library. Not thread-safe: one follower per run and thread.
#ifndef REPSCORE_CLIENT_CPP_RUN_FOLLOWER_H_
#define REPSCORE_CLIENT_CPP_RUN_FOLLOWER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/connection.h"
#include "client/cpp/runs.h"

namespace repscore::client {

/// A server stream of run events, whatever its response type.
class EventStream {
 public:
  virtual ~EventStream() = default;

  /// False at the end of the stream.
  virtual bool Read(v1::RunEvent& event) = 0;

  /// Once, after Read has returned false.
  virtual grpc::Status Finish() = 0;

  void Cancel() { context_.TryCancel(); }

 protected:
  grpc::ClientContext context_;
};

template <typename Response>
class TypedEventStream final : public EventStream {
 public:
  /// `start` makes the call: a function of grpc::ClientContext& to its reader.
  template <typename Start>
  explicit TypedEventStream(Start start) : reader_(start(context_)) {}

  bool Read(v1::RunEvent& event) override {
    if (!reader_->Read(&response_)) {
      return false;
    }
    event.Swap(response_.mutable_event());
    return true;
  }

  grpc::Status Finish() override { return reader_->Finish(); }

 private:
  Response response_;
  std::unique_ptr<grpc::ClientReader<Response>> reader_;
};

class RunFollower {
 public:
  using Open = std::function<std::unique_ptr<EventStream>()>;

  /// What stopping means.
  enum class Role {
    kOwner,     ///< the run is cancelled
    kObserver,  ///< the run goes on
  };

  RunFollower(Client::Connection& connection,
              const RunObserver& observer,
              Role role,
              bool return_candidate)
      : connection_(connection),
        observer_(observer),
        role_(role),
        return_candidate_(return_candidate) {}

  /// Follows a run that exists, from the event after `after_sequence`.
  absl::StatusOr<RunOutcome> Watch(std::string name, int64_t after_sequence);

  /// Starts a run with `open` and follows it.
  absl::StatusOr<RunOutcome> Start(const Open& open);

 private:
  absl::StatusOr<RunOutcome> Follow(Open open);
  absl::Status ReadToEnd(EventStream& stream, const std::stop_token& stop);
  absl::Status Take(v1::RunEvent& event);
  absl::StatusOr<RunOutcome> Outcome();
  absl::StatusOr<RunOutcome> Stopped();
  std::unique_ptr<EventStream> OpenWatch(absl::Duration timeout) const;
  void SleepUnlessStopped(absl::Duration delay) const;
  bool stopping() const {
    return stopped_by_callback_ || observer_.stop.stop_requested();
  }

  Client::Connection& connection_;
  const RunObserver& observer_;
  Role role_;
  bool return_candidate_;

  std::string run_;
  int64_t last_sequence_ = 0;
  bool stopped_by_callback_ = false;
  bool finished_ = false;
  RunOutcome outcome_;
};

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_RUN_FOLLOWER_H_
