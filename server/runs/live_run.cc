#include "server/runs/live_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/convert.h"

namespace repscore::server {

LiveRun::LiveRun(RunRecord record)
    : record_(std::move(record)), recorded_sequence_(record_.last_sequence) {
  summary_.ParseFromString(record_.summary);
  summary_.set_last_sequence(recorded_sequence_);
}

v1::Run LiveRun::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return seen_.value_or(summary_);
}

void LiveRun::Update(const Change& change) {
  const std::lock_guard lock(mutex_);
  UpdateLocked(change);
}

void LiveRun::UpdateLocked(const Change& change) {
  change(summary_);
  SetTimestamp(NowMicros(), summary_.mutable_update_time());
}

void LiveRun::Publish(std::vector<v1::RunEvent> events, const Change& change) {
  Publish(std::move(events), {}, change);
}

void LiveRun::Publish(std::vector<v1::RunEvent> events,
                      std::vector<Array> arrays,
                      const Change& change) {
  {
    const std::lock_guard lock(mutex_);
    UpdateLocked(change);
    AppendLocked(std::move(events));
    for (Array& array : arrays) {
      unrecorded_bytes_ += array->bytes.size();
      arrays_.push_back(
          {.sequence = summary_.last_sequence(), .array = std::move(array)});
    }
    TrimLocked();
  }
  WakeAll();
}

void LiveRun::PublishUnseen(std::vector<v1::RunEvent> events,
                            const Change& change) {
  const std::lock_guard lock(mutex_);
  seen_ = summary_;
  UpdateLocked(change);
  AppendLocked(std::move(events));
}

void LiveRun::Show() {
  {
    const std::lock_guard lock(mutex_);
    seen_.reset();
  }
  WakeAll();
}

void LiveRun::AppendLocked(std::vector<v1::RunEvent> events) {
  for (v1::RunEvent& event : events) {
    const int64_t sequence = summary_.last_sequence() + 1;
    summary_.set_last_sequence(sequence);
    event.set_run(summary_.name());
    event.set_sequence(sequence);
    if (event.has_started()) {
      *event.mutable_started()->mutable_run() = summary_;
    }
    if (event.has_result()) {
      *event.mutable_result()->mutable_run() = summary_;
    }
    events_.push_back(
        {.sequence = sequence, .payload = event.SerializeAsString()});
    unrecorded_bytes_ += events_.back().payload.size();
  }
}

LiveRun::Unrecorded LiveRun::TakeUnrecorded() const {
  const std::lock_guard lock(mutex_);
  Unrecorded result{.record = record_, .arrays = {}, .events = {}};
  result.record.state = ToRunState(summary_.state());
  result.record.summary = summary_.SerializeAsString();
  result.record.update_time_micros = NowMicros();
  result.record.last_sequence = summary_.last_sequence();
  for (const RunEventRecord& event : events_) {
    if (event.sequence > recorded_sequence_) {
      result.events.push_back(event);
    }
  }
  for (const PendingArray& pending : arrays_) {
    result.arrays.push_back(pending.array);
  }
  return result;
}

void LiveRun::MarkRecorded(int64_t sequence) {
  const std::lock_guard lock(mutex_);
  for (const RunEventRecord& event : events_) {
    if (event.sequence > recorded_sequence_ && event.sequence <= sequence) {
      unrecorded_bytes_ -= event.payload.size();
    }
  }
  recorded_sequence_ = sequence;
  std::erase_if(arrays_, [&](const PendingArray& pending) {
    const bool is_stored = pending.sequence <= sequence;
    if (is_stored) {
      unrecorded_bytes_ -= pending.array->bytes.size();
    }
    return is_stored;
  });
  TrimLocked();
}

LiveRun::Array LiveRun::FindArray(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  for (const PendingArray& pending : arrays_) {
    if (pending.array->name == name) {
      return pending.array;
    }
  }
  return nullptr;
}

size_t LiveRun::unrecorded_bytes() const {
  const std::lock_guard lock(mutex_);
  return unrecorded_bytes_;
}

void LiveRun::Close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  WakeAll();
}

void LiveRun::AddListener(std::weak_ptr<Listener> listener) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& other) { return other.expired(); });
  listeners_.push_back(std::move(listener));
}

LiveRun::Found LiveRun::Next(int64_t sequence, std::string& payload) const {
  const std::lock_guard lock(mutex_);
  if (sequence >= seen_.value_or(summary_).last_sequence()) {
    return is_closed_ ? Found::kClosed : Found::kNotYet;
  }
  if (events_.empty() || sequence + 1 < events_.front().sequence) {
    return Found::kCatalog;
  }
  const auto index =
      static_cast<size_t>(sequence + 1 - events_.front().sequence);
  payload = events_[index].payload;
  return Found::kEvent;
}

void LiveRun::TrimLocked() {
  while (events_.size() > kRing &&
         events_.front().sequence <= recorded_sequence_) {
    events_.pop_front();
  }
}

void LiveRun::WakeAll() {
  std::vector<std::weak_ptr<Listener>> listeners;
  {
    const std::lock_guard lock(mutex_);
    listeners = listeners_;
  }
  for (const auto& weak : listeners) {
    if (const auto listener = weak.lock()) {
      listener->Wake();
    }
  }
}

std::string RunName(const std::string& run_id) {
  return absl::StrCat("runs/", run_id);
}

RunState ToRunState(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_RUNNING:
      return RunState::kRunning;
    case v1::RUN_STATE_SUCCEEDED:
      return RunState::kSucceeded;
    case v1::RUN_STATE_FAILED:
      return RunState::kFailed;
    case v1::RUN_STATE_CANCELLED:
      return RunState::kCancelled;
    default:
      return RunState::kQueued;
  }
}

bool IsTerminal(v1::RunState state) {
  return state == v1::RUN_STATE_SUCCEEDED || state == v1::RUN_STATE_FAILED ||
         state == v1::RUN_STATE_CANCELLED;
}

}  // namespace repscore::server
