// The frame of client-streaming calls: a header, then chunks of bytes.
//
// Reactions only put messages into a queue; a worker (disk executor or lane)
// takes them out in Work(). At most about kMaxQueuedBytes wait: beyond that the
// next read starts when the worker has caught up, and gRPC's flow control slows
// the client. No worker is blocked while the client is slow: Work() returns,
// and the call is scheduled again when data have come.
//
// Finish is called once, and only while no worker holds the call, so that the
// worker's pointers stay valid.
#ifndef REPSCORE_SERVER_UPLOAD_CALL_H_
#define REPSCORE_SERVER_UPLOAD_CALL_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/error.h"
#include "server/memory.h"
#include "server/parts.h"

namespace repscore::server {

template <typename Request>
class UploadCall : public grpc::ServerReadReactor<Request>, public Call {
 public:
  static constexpr std::chrono::milliseconds kSlice{50};

  UploadCall(Parts& parts,
             const grpc::CallbackServerContext& context,
             const char* method)
      : Call(parts.calls, context, method), parts_(parts), context_(context) {}

  void Start() {
    cancel_.SetDeadline(Deadline());
    const absl::Status status = Enter();
    if (!status.ok()) {
      End(status);
      return;
    }
    const std::lock_guard lock(mutex_);
    ReadOnLocked();
  }

  /// One slice of the worker that Schedule() called. True: more waits and the
  /// worker is to come back by itself. False: the call may be gone.
  bool Work() {
    const auto slice_end = std::chrono::steady_clock::now() + kSlice;
    for (;;) {
      absl::Status status;
      const Item item = Take(status);
      if (item.kind == Kind::kNothing) {
        return false;
      }
      if (item.kind != Kind::kEnd) {
        status = NoThrow([&] { return Handle(item); });
      }
      if (!status.ok() || item.kind == Kind::kClose) {
        End(status);
        return false;
      }
      if (item.kind == Kind::kHeader) {
        ScheduleOrEnd();
        return false;
      }
      if (std::chrono::steady_clock::now() >= slice_end) {
        return true;
      }
    }
  }

  /// Ends the call; for the worker that holds it.
  void End(const absl::Status& status) {
    Release();
    {
      const std::lock_guard lock(mutex_);
      is_finished_ = true;
    }
    this->Finish(Outcome(status));
  }

  void OnReadDone(bool ok) final {
    bool needs_worker = false;
    {
      const std::lock_guard lock(mutex_);
      is_reading_ = false;
      if (is_finished_ || end_.has_value()) {
        return;
      }
      const absl::Status status = ok ? ReceiveLocked() : CloseLocked();
      if (!status.ok()) {
        end_ = status;
      }
      needs_worker = !std::exchange(is_working_, true);
      ReadOnLocked();
    }
    if (needs_worker) {
      ScheduleOrEnd();
    }
  }

  void OnCancel() final { EndSoon(absl::CancelledError("the call ended")); }

  void Abort(const absl::Status& status) final { EndSoon(status); }

  void OnDone() final {
    Leave();
    delete this;
  }

 protected:
  /// Hands the call to a worker, which calls Work().
  virtual absl::Status Schedule() = 0;

  // Called by the worker, in this order.
  virtual absl::Status Open(const Request& header) = 0;
  virtual absl::Status Consume(const std::string& bytes) = 0;
  /// All chunks have come: fills in the response.
  virtual absl::Status Complete() = 0;
  /// Lets go of what the worker made, before the call finishes.
  virtual void Release() {}

  Parts& parts() { return parts_; }
  /// Cancelled when the call is to end; for long work.
  const CancelToken& cancel() const { return cancel_; }

 private:
  enum class Phase { kHeader, kChunks, kClosed };
  enum class Kind { kNothing, kHeader, kChunk, kClose, kEnd };
  struct Item {
    Kind kind = Kind::kNothing;
    Request message;
  };

  /// What a queued message costs beside its data.
  static constexpr size_t kMessageBytes = 256;

  static size_t CostOf(const Request& message) {
    return message.chunk().data().size() + kMessageBytes;
  }

  absl::Status ReceiveLocked() {
    if (phase_ == Phase::kHeader && !message_.has_header()) {
      return FieldError("header", "must be the first message");
    }
    if (phase_ == Phase::kChunks && !message_.has_chunk()) {
      return message_.has_header() ? FieldError("header", "was sent twice")
                                   : FieldError("payload", "is not set");
    }
    phase_ = Phase::kChunks;
    queued_bytes_ += CostOf(message_);
    queue_.push_back(std::move(message_));
    return absl::OkStatus();
  }

  absl::Status CloseLocked() {
    if (context_.IsCancelled()) {
      return absl::CancelledError("the call ended");
    }
    if (phase_ == Phase::kHeader) {
      return FieldError("header", "is missing: no message was sent");
    }
    phase_ = Phase::kClosed;
    return absl::OkStatus();
  }

  void ReadOnLocked() {
    if (!is_reading_ && !is_finished_ && !end_.has_value() &&
        phase_ != Phase::kClosed && queued_bytes_ < kMaxQueuedBytes) {
      is_reading_ = true;
      message_.Clear();
      this->StartRead(&message_);
    }
  }

  Item Take(absl::Status& end) {
    const std::lock_guard lock(mutex_);
    Item item;
    if (end_.has_value()) {
      end = *end_;
      item.kind = Kind::kEnd;
    } else if (!queue_.empty()) {
      item.message = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= CostOf(item.message);
      item.kind = item.message.has_header() ? Kind::kHeader : Kind::kChunk;
      ReadOnLocked();
    } else if (phase_ == Phase::kClosed) {
      item.kind = Kind::kClose;
    } else {
      is_working_ = false;
    }
    return item;
  }

  absl::Status Handle(const Item& item) {
    switch (item.kind) {
      case Kind::kHeader:
        return Open(item.message);
      case Kind::kChunk:
        return Consume(item.message.chunk().data());
      default:
        return Complete();
    }
  }

  void EndSoon(const absl::Status& status) {
    cancel_.Cancel(status.code());
    {
      const std::lock_guard lock(mutex_);
      if (is_finished_ || end_.has_value()) {
        return;
      }
      end_ = status;
      if (std::exchange(is_working_, true)) {
        return;
      }
    }
    ScheduleOrEnd();
  }

  void ScheduleOrEnd() {
    const absl::Status status = Schedule();
    if (!status.ok()) {
      End(status);
    }
  }

  Parts& parts_;
  const grpc::CallbackServerContext& context_;
  CancelToken cancel_;
  Request message_;

  std::mutex mutex_;
  Phase phase_ = Phase::kHeader;
  std::deque<Request> queue_;
  size_t queued_bytes_ = 0;
  bool is_reading_ = false;
  /// A worker holds the call or is about to.
  bool is_working_ = false;
  bool is_finished_ = false;
  /// How the call is to end, set before the worker got there.
  std::optional<absl::Status> end_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_UPLOAD_CALL_H_
