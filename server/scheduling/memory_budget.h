// The memory of one device (or of the host, for all lanes that share it):
// reserved before a job starts, given back when it has ended, and between jobs
// used to keep what may be wanted again.
//
// Thread-safe. What it keeps it owns; what it lets go of is handed to the
// caller, so that nothing is freed with a lock held.
#ifndef REPSCORE_SERVER_SCHEDULING_MEMORY_BUDGET_H_
#define REPSCORE_SERVER_SCHEDULING_MEMORY_BUDGET_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace repscore::server {

class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  /// What is kept: opaque here.
  using Item = std::shared_ptr<const void>;
  using Items = std::vector<Item>;

  /// What a job takes on a lane.
  struct Claim {
    /// Until it ends.
    int64_t work_bytes = 0;
    /// What it uses that is kept beyond its end, for other jobs of its lane;
    /// costs nothing when it is there already. Empty: nothing.
    std::string kept_key = {};
    int64_t kept_bytes = 0;
  };

  /// Gives its bytes back, and its hold on what is kept, when it is destroyed.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation() { Release(); }

    bool empty() const { return budget_ == nullptr; }
    void Release();

   private:
    friend class MemoryBudget;
    Reservation(std::shared_ptr<MemoryBudget> budget,
                int lane,
                std::string kept_key,
                int64_t work_bytes)
        : budget_(std::move(budget)),
          lane_(lane),
          kept_key_(std::move(kept_key)),
          work_bytes_(work_bytes) {}

    std::shared_ptr<MemoryBudget> budget_;
    int lane_ = 0;
    std::string kept_key_;
    int64_t work_bytes_ = 0;
  };

  explicit MemoryBudget(int64_t capacity) : capacity_(capacity) {}

  int64_t capacity() const { return capacity_; }

  /// Whether the claim fits into the whole of the budget.
  bool CanEverFit(const Claim& claim) const {
    return claim.work_bytes <= capacity_ &&
           claim.kept_bytes <= capacity_ - claim.work_bytes;
  }

  /// All of the claim or nothing. What no reservation holds is let go, least
  /// recently used first, when that makes room, and appended to `let_go`.
  std::optional<Reservation> TryReserve(int lane,
                                        const Claim& claim,
                                        Items& let_go);

  /// What is kept for the lane under this key, null when there is nothing.
  /// Counts as a use.
  Item Find(int lane, const std::string& key);

  /// Keeps an item, in place of the room that reservations hold for the key.
  /// Always succeeds: the memory is in use already.
  void Keep(int lane, const std::string& key, Item item, int64_t bytes);

  /// The item has grown or shrunk.
  void Resize(int lane, const std::string& key, int64_t bytes);

  /// Lets go of the lane's items that nobody holds, least recently used first,
  /// until at most `bytes` of the lane's are kept; the newest stays.
  Items Trim(int lane, int64_t bytes);

  /// Lets go of all that nobody holds.
  Items DropIdle();

  /// Lets go of everything of a lane.
  Items Drop(int lane);

  struct Usage {
    int64_t reserved_bytes = 0;
    int64_t kept_bytes = 0;
    /// Of kept_bytes: nobody holds it.
    int64_t idle_bytes = 0;
  };
  Usage usage() const;

 private:
  struct Entry {
    int lane = 0;
    std::string key = {};
    /// Null while the first reservation that holds it has not made it.
    Item item = {};
    int64_t bytes = 0;
    /// Reservations that hold it.
    int holders = 0;
  };
  /// Last used first.
  using Entries = std::list<Entry>;

  Entries::iterator FindLocked(int lane, const std::string& key);
  void EraseLocked(Entries::iterator entry, Items& let_go);
  Usage UsageLocked() const;
  void Release(int lane, const std::string& kept_key, int64_t work_bytes);

  const int64_t capacity_;
  mutable std::mutex mutex_;
  int64_t reserved_bytes_ = 0;
  Entries entries_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCHEDULING_MEMORY_BUDGET_H_
