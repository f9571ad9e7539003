#include "server/catalog/dataset_cache.h"

#include <utility>

namespace repscore::server {
namespace {

int64_t BytesOf(const Dataset& dataset) {
  const auto own = static_cast<int64_t>(dataset.data.size());
  return dataset.repetitions == nullptr ? own
                                        : own + BytesOf(*dataset.repetitions);
}

}  // namespace

std::shared_ptr<const Dataset> DatasetCache::Find(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return nullptr;
  }
  std::shared_ptr<const Dataset> dataset = found->second.dataset.lock();
  if (dataset == nullptr) {
    entries_.erase(found);
    return nullptr;
  }
  Drop(found->second);
  Keep(found->second, dataset);
  return dataset;
}

void DatasetCache::Insert(std::shared_ptr<const Dataset> dataset) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ForgetExpired();
  const auto [at, is_new] =
      entries_.try_emplace(dataset->name, Entry{dataset, kept_.end()});
  if (!is_new) {
    Drop(at->second);
    at->second.dataset = dataset;
  }
  Keep(at->second, std::move(dataset));
}

void DatasetCache::Erase(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = entries_.find(name);
  if (found != entries_.end()) {
    Drop(found->second);
    entries_.erase(found);
  }
}

void DatasetCache::Keep(Entry& entry, std::shared_ptr<const Dataset> dataset) {
  const int64_t bytes = BytesOf(*dataset);
  if (bytes > capacity_bytes_) {
    return;
  }
  while (kept_bytes_ + bytes > capacity_bytes_) {
    Drop(entries_.at(kept_.back()->name));
  }
  kept_.push_front(std::move(dataset));
  kept_bytes_ += bytes;
  entry.kept = kept_.begin();
}

void DatasetCache::Drop(Entry& entry) {
  if (entry.kept != kept_.end()) {
    kept_bytes_ -= BytesOf(**entry.kept);
    kept_.erase(entry.kept);
    entry.kept = kept_.end();
  }
}

void DatasetCache::ForgetExpired() {
  for (auto at = entries_.begin(); at != entries_.end();) {
    at = at->second.dataset.expired() ? entries_.erase(at) : std::next(at);
  }
}

}  // namespace repscore::server
