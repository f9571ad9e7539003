// Which job a lane runs next: interactive before batch, first come first
// served within a class, and a batch job in between so that none starves. Jobs
// that a lane may not start yet keep their place.
// A plain value; the scheduler's mutex guards it.
#ifndef REPSCORE_SERVER_SCHEDULING_JOB_QUEUE_H_
#define REPSCORE_SERVER_SCHEDULING_JOB_QUEUE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "server/scheduling/memory_budget.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

class JobQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Entry {
    std::shared_ptr<Job> job = {};
    JobClass job_class = JobClass::kInteractive;
    /// The lanes that may run it.
    std::vector<int> lanes = {};
    TimePoint since = {};
    JobNeeds needs = JobNeeds();
    /// No other lane will do: it was submitted for this one or started there.
    bool is_bound = false;
    bool is_started = false;
    /// It could not start for want of memory.
    bool is_blocked = false;
    MemoryBudget::Reservation memory = {};

    bool MayRunOn(int lane) const;
  };

  /// Whether an entry may run now; called in order, may change it.
  using MayRun = std::function<bool(Entry&)>;

  /// Batch jobs come in between after `burst` interactive ones in a row on a
  /// lane, or once the next of them has waited for `max_batch_wait`.
  JobQueue(int lanes, int burst, std::chrono::nanoseconds max_batch_wait);

  /// Puts a job at the back of its class.
  void Push(Entry entry);

  /// The next job for `lane` that may run, or nothing.
  std::optional<Entry> Pop(int lane, TimePoint now, const MayRun& may_run);

  /// The next job of one class for `lane` that may run.
  std::optional<Entry> PopClass(int lane,
                                JobClass job_class,
                                const MayRun& may_run);

  /// The first of all entries that `is_it`, or null.
  const Entry* Find(const std::function<bool(const Entry&)>& is_it) const;

  /// Calls `change` for every entry.
  void ForEach(const std::function<void(Entry&)>& change);

 private:
  using Line = std::list<Entry>;
  static constexpr size_t kClasses = 2;

  /// The first entry of a class for `lane` that is not blocked, or null.
  const Entry* Front(int lane, JobClass job_class) const;

  int burst_;
  std::chrono::nanoseconds max_batch_wait_;
  std::array<Line, kClasses> lines_;
  std::vector<int> interactive_in_a_row_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_JOB_QUEUE_H_
