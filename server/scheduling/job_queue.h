// Which job a lane runs next: interactive before batch, first come first
// served within a class, and a batch job in between so that none starves.
// A plain value; the scheduler's mutex guards it.
#ifndef REPSCORE_SERVER_SCHEDULING_JOB_QUEUE_H_
#define REPSCORE_SERVER_SCHEDULING_JOB_QUEUE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "server/scheduling/scheduler.h"

namespace repscore::server {

class JobQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr int kAnyLane = -1;

  struct Entry {
    std::shared_ptr<Job> job;
    JobClass job_class = JobClass::kInteractive;
    int lane = kAnyLane;
    TimePoint since;
    uint64_t ticket = 0;
  };

  /// Batch jobs come in between after `burst` interactive ones in a row on a
  /// lane, or once the next of them has waited for `max_batch_wait`.
  JobQueue(int lanes, int burst, std::chrono::nanoseconds max_batch_wait);

  /// Puts a job at the back of its class.
  void Push(std::shared_ptr<Job> job,
            JobClass job_class,
            int lane,
            TimePoint now);

  /// The next job for `lane`, or nothing when there is none it may run.
  std::optional<Entry> Pop(int lane, TimePoint now);

  /// The next job of one class for `lane`.
  std::optional<Entry> PopClass(int lane, JobClass job_class);

  bool HasWork(int lane) const;

 private:
  using Line = std::deque<Entry>;
  static constexpr size_t kClasses = 2;

  struct LaneLines {
    std::array<Line, kClasses> pinned;
    int interactive_in_a_row = 0;
  };

  /// The line whose front came first, or null when both are empty.
  Line* NextLine(int lane, JobClass job_class);

  int burst_;
  std::chrono::nanoseconds max_batch_wait_;
  uint64_t next_ticket_ = 0;
  std::array<Line, kClasses> shared_;
  std::vector<LaneLines> lanes_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_JOB_QUEUE_H_
