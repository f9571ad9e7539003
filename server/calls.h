// Every RPC in progress: who may enter, whom to tell when the server drains.
//
// grpc::Server::Shutdown waits for every call to finish, so each reactor is a
// Call and is registered from its start to its OnDone.
#ifndef REPSCORE_SERVER_CALLS_H_
#define REPSCORE_SERVER_CALLS_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"

namespace repscore::server {

class CallRegistry;

/// What a reactor shares with all others. Enters the registry when it starts
/// and leaves it in OnDone, so that the registry only sees whole objects.
class Call {
 public:
  /// `method` is a literal: "Score".
  Call(CallRegistry& registry,
       const grpc::CallbackServerContext& context,
       const char* method);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// The server begins to drain. Called with the registry locked: must neither
  /// block nor call the registry.
  virtual void Drain() {}

  /// The time for draining is over: finish as soon as possible. As Drain.
  virtual void Abort(const absl::Status& /*status*/) {}

 protected:
  virtual ~Call() = default;

  /// Not ok when new work is refused: finish with it at once.
  absl::Status Enter();
  void Leave();

  /// When the client stops waiting.
  std::chrono::steady_clock::time_point Deadline() const { return deadline_; }

  /// The status for the wire, once per call; errors are logged.
  grpc::Status Outcome(const absl::Status& status) const;

 private:
  CallRegistry& registry_;
  const char* const method_;
  const std::string peer_;
  const std::chrono::steady_clock::time_point start_;
  const std::chrono::steady_clock::time_point deadline_;
};

/// Thread-safe.
class CallRegistry {
 public:
  /// Refuses new calls from now on with SERVER_DRAINING and calls Drain() of
  /// those in progress.
  void BeginDrain();
  bool draining() const;

  /// Waits until no call is in progress; false when `deadline` came first.
  bool AwaitEmpty(std::chrono::steady_clock::time_point deadline);

  /// Calls Abort() of every call in progress.
  void AbortAll(const absl::Status& status);

 private:
  friend class Call;
  absl::Status Enter(Call* call);
  void Leave(Call* call);

  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  bool draining_ = false;
  std::set<Call*> calls_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CALLS_H_
