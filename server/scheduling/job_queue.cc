#include "server/scheduling/job_queue.h"

#include <utility>

namespace repscore::server {
namespace {

size_t IndexOf(JobClass job_class) {
  return static_cast<size_t>(job_class);
}

}  // namespace

JobQueue::JobQueue(int lanes,
                   int burst,
                   std::chrono::nanoseconds max_batch_wait)
    : burst_(burst),
      max_batch_wait_(max_batch_wait),
      lanes_(static_cast<size_t>(lanes)) {}

void JobQueue::Push(std::shared_ptr<Job> job,
                    JobClass job_class,
                    int lane,
                    TimePoint now) {
  Line& line =
      lane == kAnyLane
          ? shared_[IndexOf(job_class)]
          : lanes_[static_cast<size_t>(lane)].pinned[IndexOf(job_class)];
  line.push_back({std::move(job), job_class, lane, now, next_ticket_++});
}

std::optional<JobQueue::Entry> JobQueue::Pop(int lane, TimePoint now) {
  int& in_a_row = lanes_[static_cast<size_t>(lane)].interactive_in_a_row;
  const Line* const batch = NextLine(lane, JobClass::kBatch);
  if (batch == nullptr) {
    in_a_row = 0;
    return PopClass(lane, JobClass::kInteractive);
  }
  const bool is_batch_due =
      in_a_row >= burst_ || now - batch->front().since >= max_batch_wait_;
  if (!is_batch_due) {
    if (std::optional<Entry> entry = PopClass(lane, JobClass::kInteractive)) {
      ++in_a_row;
      return entry;
    }
  }
  in_a_row = 0;
  return PopClass(lane, JobClass::kBatch);
}

std::optional<JobQueue::Entry> JobQueue::PopClass(int lane,
                                                  JobClass job_class) {
  Line* const line = NextLine(lane, job_class);
  if (line == nullptr) {
    return std::nullopt;
  }
  Entry entry = std::move(line->front());
  line->pop_front();
  return entry;
}

bool JobQueue::HasWork(int lane) const {
  const LaneLines& own = lanes_[static_cast<size_t>(lane)];
  for (size_t i = 0; i < kClasses; ++i) {
    if (!shared_[i].empty() || !own.pinned[i].empty()) {
      return true;
    }
  }
  return false;
}

JobQueue::Line* JobQueue::NextLine(int lane, JobClass job_class) {
  Line& shared = shared_[IndexOf(job_class)];
  Line& pinned = lanes_[static_cast<size_t>(lane)].pinned[IndexOf(job_class)];
  if (shared.empty() || pinned.empty()) {
    Line& line = shared.empty() ? pinned : shared;
    return line.empty() ? nullptr : &line;
  }
  return shared.front().ticket < pinned.front().ticket ? &shared : &pinned;
}

}  // namespace repscore::server
