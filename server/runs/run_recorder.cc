#include "server/runs/run_recorder.h"

#include "absl/types/span.h"
#include "core/base/status_macros.h"
#include "server/error.h"
#include "spdlog/spdlog.h"

namespace repscore::server {

bool RunRecorder::busy() const {
  const std::lock_guard lock(mutex_);
  return is_busy_;
}

void RunRecorder::AwaitIdle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !is_busy_; });
}

void RunRecorder::Record(std::string checkpoint) {
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !is_busy_; });
    is_busy_ = true;
  }
  disk_.Post([self = shared_from_this(),
              unrecorded = run_->TakeUnrecorded(),
              checkpoint = std::move(checkpoint)] {
    self->Store(unrecorded, checkpoint).IgnoreError();
    const std::lock_guard lock(self->mutex_);
    self->is_busy_ = false;
    self->idle_.notify_all();
  });
}

absl::Status RunRecorder::RecordNow(const std::string& checkpoint) {
  return Store(run_->TakeUnrecorded(), checkpoint);
}

absl::Status RunRecorder::Store(const LiveRun::Unrecorded& unrecorded,
                                const std::string& checkpoint) {
  absl::Status status = NoThrow([&]() -> absl::Status {
    for (const LiveRun::Array& array : unrecorded.arrays) {
      REPSCORE_RETURN_IF_ERROR(catalog_.PutRunArrays(
          run_->run_id(), absl::MakeConstSpan(array.get(), 1)));
    }
    return catalog_.RecordRun(unrecorded.record, unrecorded.events, checkpoint);
  });
  if (status.ok()) {
    run_->MarkRecorded(unrecorded.record.last_sequence);
  } else {
    spdlog::error("cannot store progress of {}: {}",
                  RunName(run_->run_id()),
                  status.ToString());
  }
  return status;
}

}  // namespace repscore::server
