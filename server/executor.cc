#include "server/executor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/error.h"

namespace repscore::server {

Executor::Executor(int threads, size_t max_waiting)
    : max_waiting_(max_waiting) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

absl::Status Executor::Submit(Task task) {
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return DrainingError();
  }
  if (waiting_.size() >= max_waiting_) {
    return WithRetry(
        Error(absl::StatusCode::kResourceExhausted,
              "QUEUE_FULL",
              absl::StrCat(waiting_.size(), " requests wait for the disk")),
        1.0);
  }
  waiting_.push_back(std::move(task));
  changed_.notify_one();
  return absl::OkStatus();
}

void Executor::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      waiting_.push_back(std::move(task));
      changed_.notify_one();
      return;
    }
  }
  task();
}

void Executor::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void Executor::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) {
      return;
    }
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace repscore::server
