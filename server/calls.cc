#include "server/calls.h"

#include "absl/strings/str_cat.h"
#include "server/error.h"
#include "server/status.h"
#include "spdlog/spdlog.h"

namespace repscore::server {

namespace {

using Clock = std::chrono::steady_clock;

/// Far deadlines do not fit the steady clock's range.
constexpr std::chrono::hours kLongest{24 * 365};

Clock::time_point ToSteady(std::chrono::system_clock::time_point deadline) {
  const auto now = std::chrono::system_clock::now();
  if (deadline > now + kLongest) {
    return Clock::time_point::max();
  }
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(deadline - now);
}

}  // namespace

Call::Call(CallRegistry& registry,
           const grpc::CallbackServerContext& context,
           const char* method)
    : registry_(registry),
      method_(method),
      peer_(context.peer()),
      start_(std::chrono::steady_clock::now()),
      deadline_(ToSteady(context.deadline())) {}

absl::Status Call::Enter() {
  return registry_.Enter(this);
}

void Call::Leave() {
  registry_.Leave(this);
}

grpc::Status Call::Outcome(const absl::Status& status) const {
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start_;
  spdlog::log(status.ok() ? spdlog::level::debug : spdlog::level::info,
              "{} peer={} seconds={:.6f} code={} reason={} {}",
              method_,
              peer_,
              seconds.count(),
              absl::StatusCodeToString(status.code()),
              status.ok() ? "" : DetailsOf(status).reason,
              absl::StrCat(status.message()));
  return ToGrpcStatus(status);
}

void CallRegistry::BeginDrain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  for (Call* call : calls_) {
    call->Drain();
  }
}

bool CallRegistry::draining() const {
  const std::lock_guard lock(mutex_);
  return draining_;
}

bool CallRegistry::AwaitEmpty(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return emptied_.wait_until(lock, deadline, [this] { return calls_.empty(); });
}

void CallRegistry::AbortAll(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  for (Call* call : calls_) {
    call->Abort(status);
  }
}

absl::Status CallRegistry::Enter(Call* call) {
  const std::lock_guard lock(mutex_);
  if (draining_) {
    return DrainingError();
  }
  calls_.insert(call);
  return absl::OkStatus();
}

void CallRegistry::Leave(Call* call) {
  const std::lock_guard lock(mutex_);
  calls_.erase(call);
  if (calls_.empty()) {
    emptied_.notify_all();
  }
}

}  // namespace repscore::server
