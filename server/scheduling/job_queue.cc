#include "server/scheduling/job_queue.h"

#include <algorithm>
#include <utility>

namespace repscore::server {
namespace {

size_t IndexOf(JobClass job_class) {
  return static_cast<size_t>(job_class);
}

}  // namespace

bool JobQueue::Entry::MayRunOn(int lane) const {
  return std::find(lanes.begin(), lanes.end(), lane) != lanes.end();
}

JobQueue::JobQueue(int lanes,
                   int burst,
                   std::chrono::nanoseconds max_batch_wait)
    : burst_(burst),
      max_batch_wait_(max_batch_wait),
      interactive_in_a_row_(static_cast<size_t>(lanes)) {}

void JobQueue::Push(Entry entry) {
  lines_[IndexOf(entry.job_class)].push_back(std::move(entry));
}

std::optional<JobQueue::Entry> JobQueue::Pop(int lane,
                                             TimePoint now,
                                             const MayRun& may_run) {
  int& in_a_row = interactive_in_a_row_[static_cast<size_t>(lane)];
  const Entry* const batch = Front(lane, JobClass::kBatch);
  const bool is_batch_due =
      batch != nullptr &&
      (in_a_row >= burst_ || now - batch->since >= max_batch_wait_);
  if (is_batch_due) {
    if (std::optional<Entry> entry =
            PopClass(lane, JobClass::kBatch, may_run)) {
      in_a_row = 0;
      return entry;
    }
  }
  if (std::optional<Entry> entry =
          PopClass(lane, JobClass::kInteractive, may_run)) {
    in_a_row = batch == nullptr ? 0 : in_a_row + 1;
    return entry;
  }
  in_a_row = 0;
  return PopClass(lane, JobClass::kBatch, may_run);
}

std::optional<JobQueue::Entry> JobQueue::PopClass(int lane,
                                                  JobClass job_class,
                                                  const MayRun& may_run) {
  Line& line = lines_[IndexOf(job_class)];
  for (auto entry = line.begin(); entry != line.end(); ++entry) {
    if (entry->MayRunOn(lane) && may_run(*entry)) {
      Entry popped = std::move(*entry);
      line.erase(entry);
      return popped;
    }
  }
  return std::nullopt;
}

const JobQueue::Entry* JobQueue::Find(
    const std::function<bool(const Entry&)>& is_it) const {
  for (const Line& line : lines_) {
    const auto found = std::find_if(line.begin(), line.end(), is_it);
    if (found != line.end()) {
      return &*found;
    }
  }
  return nullptr;
}

void JobQueue::ForEach(const std::function<void(Entry&)>& change) {
  for (Line& line : lines_) {
    std::for_each(line.begin(), line.end(), change);
  }
}

const JobQueue::Entry* JobQueue::Front(int lane, JobClass job_class) const {
  const Line& line = lines_[IndexOf(job_class)];
  const auto found =
      std::find_if(line.begin(), line.end(), [lane](const Entry& entry) {
        return entry.MayRunOn(lane) && !entry.is_blocked;
      });
  return found == line.end() ? nullptr : &*found;
}

}  // namespace repscore::server
