#include "server/scheduling/memory_budget.h"

#include <algorithm>
#include <iterator>

namespace repscore::server {

MemoryBudget::Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::move(other.budget_)),
      lane_(other.lane_),
      kept_key_(std::move(other.kept_key_)),
      work_bytes_(other.work_bytes_) {
  other.budget_ = nullptr;
}

MemoryBudget::Reservation& MemoryBudget::Reservation::operator=(
    Reservation&& other) noexcept {
  if (this != &other) {
    Release();
    budget_ = std::exchange(other.budget_, nullptr);
    lane_ = other.lane_;
    kept_key_ = std::move(other.kept_key_);
    work_bytes_ = other.work_bytes_;
  }
  return *this;
}

void MemoryBudget::Reservation::Release() {
  if (const auto budget = std::exchange(budget_, nullptr); budget != nullptr) {
    budget->Release(lane_, kept_key_, work_bytes_);
  }
}

std::optional<MemoryBudget::Reservation> MemoryBudget::TryReserve(
    int lane, const Claim& claim, Items& let_go) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto held = claim.kept_key.empty() ? entries_.end()
                                           : FindLocked(lane, claim.kept_key);
  const bool makes_entry = !claim.kept_key.empty() && held == entries_.end();
  const int64_t needed =
      claim.work_bytes + (makes_entry ? claim.kept_bytes : 0);
  const Usage usage = UsageLocked();
  int64_t idle = usage.idle_bytes;
  if (held != entries_.end() && held->holders == 0) {
    idle -= held->bytes;
  }
  int64_t free = capacity_ - usage.reserved_bytes - usage.kept_bytes;
  if (needed > free + idle) {
    return std::nullopt;
  }
  for (auto entry = entries_.end();
       free < needed && entry != entries_.begin();) {
    --entry;
    if (entry->holders == 0 && entry != held) {
      free += entry->bytes;
      const auto erased = entry++;
      EraseLocked(erased, let_go);
    }
  }
  reserved_bytes_ += claim.work_bytes;
  if (makes_entry) {
    entries_.push_front({.lane = lane,
                         .key = claim.kept_key,
                         .item = nullptr,
                         .bytes = claim.kept_bytes,
                         .holders = 1});
  } else if (held != entries_.end()) {
    ++held->holders;
    entries_.splice(entries_.begin(), entries_, held);
  }
  return Reservation(
      shared_from_this(), lane, claim.kept_key, claim.work_bytes);
}

MemoryBudget::Item MemoryBudget::Find(int lane, const std::string& key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto entry = FindLocked(lane, key);
  if (entry == entries_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->item;
}

void MemoryBudget::Keep(int lane,
                        const std::string& key,
                        Item item,
                        int64_t bytes) {
  // Freed after the lock, should there have been another.
  Item former;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto entry = FindLocked(lane, key);
  if (entry == entries_.end()) {
    entries_.push_front({.lane = lane,
                         .key = key,
                         .item = std::move(item),
                         .bytes = bytes,
                         .holders = 0});
    return;
  }
  former = std::exchange(entry->item, std::move(item));
  entry->bytes = bytes;
  entries_.splice(entries_.begin(), entries_, entry);
}

void MemoryBudget::Resize(int lane, const std::string& key, int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto entry = FindLocked(lane, key); entry != entries_.end()) {
    entry->bytes = bytes;
  }
}

MemoryBudget::Items MemoryBudget::Trim(int lane, int64_t bytes) {
  Items let_go;
  const std::lock_guard<std::mutex> lock(mutex_);
  int64_t kept = 0;
  bool is_newest = true;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->lane == lane) {
      kept += entry->bytes;
      if (kept > bytes && !is_newest && entry->holders == 0) {
        kept -= entry->bytes;
        EraseLocked(entry, let_go);
      }
      is_newest = false;
    }
    entry = next;
  }
  return let_go;
}

MemoryBudget::Items MemoryBudget::DropIdle() {
  Items let_go;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->holders == 0) {
      EraseLocked(entry, let_go);
    }
    entry = next;
  }
  return let_go;
}

MemoryBudget::Items MemoryBudget::Drop(int lane) {
  Items let_go;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->lane == lane) {
      EraseLocked(entry, let_go);
    }
    entry = next;
  }
  return let_go;
}

MemoryBudget::Usage MemoryBudget::usage() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return UsageLocked();
}

MemoryBudget::Entries::iterator MemoryBudget::FindLocked(
    int lane, const std::string& key) {
  return std::find_if(
      entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.lane == lane && entry.key == key;
      });
}

void MemoryBudget::EraseLocked(Entries::iterator entry, Items& let_go) {
  if (entry->item != nullptr) {
    let_go.push_back(std::move(entry->item));
  }
  entries_.erase(entry);
}

MemoryBudget::Usage MemoryBudget::UsageLocked() const {
  Usage usage{.reserved_bytes = reserved_bytes_};
  for (const Entry& entry : entries_) {
    usage.kept_bytes += entry.bytes;
    usage.idle_bytes += entry.holders == 0 ? entry.bytes : 0;
  }
  return usage;
}

void MemoryBudget::Release(int lane,
                           const std::string& kept_key,
                           int64_t work_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  reserved_bytes_ -= work_bytes;
  const auto entry =
      kept_key.empty() ? entries_.end() : FindLocked(lane, kept_key);
  // Gone when the lane dropped it meanwhile.
  if (entry != entries_.end() && entry->holders > 0 && --entry->holders == 0 &&
      entry->item == nullptr) {
    entries_.erase(entry);
  }
}

}  // namespace repscore::server
