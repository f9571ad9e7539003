#include "client/cpp/run_follower.h"

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "absl/strings/str_cat.h"
#include "client/cpp/candidate_chunks.h"
#include "core/base/status_macros.h"

namespace repscore::client {
namespace {

// How long a stopped run may take to tell its last state.
constexpr absl::Duration kFarewell = absl::Seconds(10);

absl::Status Malformed(const std::string& run, const std::string& what) {
  return absl::InternalError(absl::StrCat("events of ", run, ": ", what));
}

}  // namespace

absl::StatusOr<RunOutcome> RunFollower::Watch(std::string name,
                                              int64_t after_sequence) {
  run_ = std::move(name);
  last_sequence_ = after_sequence;
  return Follow([this] { return OpenWatch(absl::InfiniteDuration()); });
}

absl::StatusOr<RunOutcome> RunFollower::Start(const Open& open) {
  return Follow(open);
}

absl::StatusOr<RunOutcome> RunFollower::Follow(Open open) {
  Backoff refused(connection_.options.retry);
  Backoff broken(connection_.options.reattach);
  while (!stopping()) {
    const int64_t sequence_before = last_sequence_;
    absl::Status status = ReadToEnd(*open(), observer_.stop);
    if (finished_) {
      return Outcome();
    }
    if (stopping()) {
      break;
    }
    if (status.ok()) {
      return Malformed(run_, "the stream ended without a result");
    }
    if (last_sequence_ > sequence_before) {
      broken.Reset();
    }
    const bool started = !run_.empty();
    const auto delay = started ? broken.Next(status, /*repeatable=*/true)
                               : refused.Next(status, /*repeatable=*/false);
    if (!delay.has_value()) {
      return status;
    }
    if (started) {
      open = [this] { return OpenWatch(absl::InfiniteDuration()); };
    }
    SleepUnlessStopped(*delay);
  }
  return Stopped();
}

absl::Status RunFollower::ReadToEnd(EventStream& stream,
                                    const std::stop_token& stop) {
  const std::stop_callback cancel_when_stopped(stop,
                                               [&stream] { stream.Cancel(); });
  outcome_.candidate = {};
  absl::Status taken;
  v1::RunEvent event;
  while (stream.Read(event)) {
    if (!taken.ok() || finished_) {
      continue;
    }
    const bool was_stopped = stopped_by_callback_;
    taken = Take(event);
    if (!taken.ok() || stopped_by_callback_ != was_stopped) {
      stream.Cancel();
    }
  }
  const absl::Status ended = ToAbslStatus(stream.Finish());
  return taken.ok() ? ended : taken;
}

absl::Status RunFollower::Take(v1::RunEvent& event) {
  if (event.has_candidate_chunk()) {
    return AppendChunk(run_, event.candidate_chunk(), outcome_.candidate);
  }
  if (event.sequence() <= last_sequence_) {
    return absl::OkStatus();
  }
  last_sequence_ = event.sequence();
  run_ = event.run();
  if (event.has_started()) {
    outcome_.started = event.started();
  } else if (event.has_result()) {
    outcome_.result = event.result();
    finished_ = true;
  }
  if (observer_.on_event && !stopped_by_callback_) {
    stopped_by_callback_ = !observer_.on_event(event);
  }
  return absl::OkStatus();
}

absl::StatusOr<RunOutcome> RunFollower::Outcome() {
  const v1::Run& run = outcome_.result.run();
  if (run.state() == v1::RUN_STATE_FAILED) {
    const absl::Status error = ToAbslStatus(run.error());
    return error.ok() ? Malformed(run_, "the run failed without an error")
                      : error;
  }
  if (!outcome_.candidate.data.empty()) {
    REPSCORE_RETURN_IF_ERROR(CheckArrived(absl::StrCat("candidate of ", run_),
                                          outcome_.result.candidate_digest(),
                                          outcome_.candidate));
  }
  return std::move(outcome_);
}

absl::StatusOr<RunOutcome> RunFollower::Stopped() {
  if (run_.empty()) {
    return absl::CancelledError("stopped before the run started");
  }
  if (role_ == Role::kObserver) {
    return absl::CancelledError(
        absl::StrCat("stopped watching; ", run_, " goes on"));
  }
  v1::CancelRunRequest request;
  request.set_name(run_);
  v1::CancelRunResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_.Call(
      connection_.runs, &v1::RunsService::Stub::CancelRun, request, response));
  const absl::Status status = ReadToEnd(*OpenWatch(kFarewell), {});
  if (finished_) {
    return Outcome();
  }
  return absl::CancelledError(
      absl::StrCat(run_, " is cancelled: ", status.message()));
}

std::unique_ptr<EventStream> RunFollower::OpenWatch(
    absl::Duration timeout) const {
  return std::make_unique<TypedEventStream<v1::WatchRunResponse>>(
      [&](grpc::ClientContext& context) {
        SetTimeout(context, timeout);
        v1::WatchRunRequest request;
        request.set_name(run_);
        request.set_after_sequence(last_sequence_);
        request.set_return_candidate(return_candidate_);
        return connection_.runs->WatchRun(&context, request);
      });
}

void RunFollower::SleepUnlessStopped(absl::Duration delay) const {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, observer_.stop, absl::ToChronoNanoseconds(delay), [] {
    return false;
  });
}

absl::StatusOr<RunOutcome> Client::Optimize(const v1::OptimizeRequest& request,
                                            const RunObserver& observer) {
  RunFollower follower(*connection_,
                       observer,
                       request.detach() ? RunFollower::Role::kObserver
                                        : RunFollower::Role::kOwner,
                       request.return_candidate());
  return follower.Start([&] {
    return std::make_unique<TypedEventStream<v1::OptimizeResponse>>(
        [&](grpc::ClientContext& context) {
          return connection_->scoring->Optimize(&context, request);
        });
  });
}

absl::StatusOr<RunOutcome> Client::JointOptimize(
    const v1::JointOptimizeRequest& request, const RunObserver& observer) {
  RunFollower follower(*connection_,
                       observer,
                       request.detach() ? RunFollower::Role::kObserver
                                        : RunFollower::Role::kOwner,
                       request.return_candidate());
  return follower.Start([&] {
    return std::make_unique<TypedEventStream<v1::JointOptimizeResponse>>(
        [&](grpc::ClientContext& context) {
          return connection_->scoring->JointOptimize(&context, request);
        });
  });
}

absl::StatusOr<RunOutcome> Client::WatchRun(const v1::WatchRunRequest& request,
                                            const RunObserver& observer) {
  RunFollower follower(*connection_,
                       observer,
                       RunFollower::Role::kObserver,
                       request.return_candidate());
  return follower.Watch(request.name(), request.after_sequence());
}

}  // namespace repscore::client
