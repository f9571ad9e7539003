// A few threads for work that touches the disk: catalog, uploads, checkpoints.
// Thread-safe. No gRPC in here.
#ifndef REPSCORE_SERVER_EXECUTOR_H_
#define REPSCORE_SERVER_EXECUTOR_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"

namespace repscore::server {

class Executor {
 public:
  using Task = std::function<void()>;

  Executor(int threads, size_t max_waiting);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor() { Stop(); }

  /// For new work. ResourceExhausted QUEUE_FULL with RetryInfo when
  /// `max_waiting` tasks wait, Unavailable SERVER_DRAINING after Stop.
  /// Tasks must not throw.
  absl::Status Submit(Task task);

  /// For the next piece of work that was admitted before: never refused. Runs
  /// the task on the caller's thread after Stop.
  void Post(Task task);

  /// Runs what waits, then joins the threads.
  void Stop();

 private:
  void Work();

  const size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXECUTOR_H_
