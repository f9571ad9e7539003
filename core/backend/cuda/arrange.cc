#include "core/backend/cuda/arrange.h"

#include <algorithm>
#include <cstdint>
#include <map>

namespace repscore::cuda {
namespace {

// Operations are compared in pairs: more than this many at a time would take
// longer to arrange than to run.
constexpr size_t kMostArranged = 512;

int64_t EndOf(const Region& region) {
  return region.first + (region.cols - 1) * region.step + region.column_bytes;
}

bool AnyOverlap(absl::Span<const Region> a, absl::Span<const Region> b) {
  return std::any_of(a.begin(), a.end(), [&](const Region& one) {
    return std::any_of(b.begin(), b.end(), [&](const Region& other) {
      return Overlap(one, other);
    });
  });
}

bool Depends(const Operation& later, const Operation& earlier) {
  return later.fixed || earlier.fixed ||
         AnyOverlap(later.writes, earlier.writes) ||
         AnyOverlap(later.writes, earlier.reads) ||
         AnyOverlap(later.reads, earlier.writes);
}

/// Operations of which some wait for others.
class Schedule {
 public:
  explicit Schedule(absl::Span<const Operation> operations)
      : operations_(operations),
        followers_(operations.size()),
        waits_for_(operations.size(), 0) {
    for (size_t later = 0; later < operations.size(); ++later) {
      for (size_t earlier = 0; earlier < later; ++earlier) {
        if (Depends(operations[later], operations[earlier])) {
          followers_[earlier].push_back(later);
          ++waits_for_[later];
        }
      }
      if (waits_for_[later] == 0) {
        ready_.push_back(later);
      }
    }
  }

  bool done() const { return ready_.empty(); }

  /// Operations that cannot share a launch come as soon as they can: more of
  /// the others are ready then. Else the kind of which most are.
  std::vector<size_t> Next() {
    std::vector<size_t> group = Pick();
    std::erase_if(ready_, [&](size_t i) {
      return std::binary_search(group.begin(), group.end(), i);
    });
    for (const size_t i : group) {
      for (const size_t follower : followers_[i]) {
        if (--waits_for_[follower] == 0) {
          ready_.push_back(follower);
        }
      }
    }
    std::sort(ready_.begin(), ready_.end());
    return group;
  }

 private:
  std::vector<size_t> Pick() const {
    std::map<const void*, std::vector<size_t>> by_kind;
    for (const size_t i : ready_) {
      const void* const kind = operations_[i].kind;
      if (kind == nullptr) {
        return {i};
      }
      by_kind[kind].push_back(i);
    }
    // The first asked for among equals: addresses of kinds decide nothing.
    const auto more = [](const auto& a, const auto& b) {
      return a.second.size() != b.second.size()
                 ? a.second.size() < b.second.size()
                 : a.second.front() > b.second.front();
    };
    return std::max_element(by_kind.begin(), by_kind.end(), more)->second;
  }

  const absl::Span<const Operation> operations_;
  std::vector<std::vector<size_t>> followers_;
  std::vector<size_t> waits_for_;
  /// Ascending.
  std::vector<size_t> ready_;
};

}  // namespace

Region RegionOf(const Matrix& matrix) {
  const int64_t size = ScalarSize(matrix.type());
  return {.first = reinterpret_cast<int64_t>(matrix.data()),
          .column_bytes = matrix.rows() * size,
          .cols = matrix.cols(),
          .step = matrix.stride() * size};
}

bool Overlap(const Region& a, const Region& b) {
  if (a.column_bytes == 0 || a.cols == 0 || b.column_bytes == 0 ||
      b.cols == 0 || EndOf(a) <= b.first || EndOf(b) <= a.first) {
    return false;
  }
  const int64_t step = a.cols > 1 ? a.step : b.step;
  const bool comparable = (b.cols == 1 || b.step == step) && step > 0 &&
                          a.column_bytes <= step && b.column_bytes <= step;
  if (!comparable) {
    return true;
  }
  // Column j of b begins offset + (j - i) step after column i of a; there is
  // at most one column on either side that it can reach.
  const int64_t offset = b.first - a.first;
  const int64_t nearest = -offset / step;
  for (int64_t apart = nearest - 1; apart <= nearest + 1; ++apart) {
    const int64_t distance = offset + apart * step;
    if (apart > -a.cols && apart < b.cols && distance < a.column_bytes &&
        distance > -b.column_bytes) {
      return true;
    }
  }
  return false;
}

std::vector<std::vector<size_t>> Arrange(
    absl::Span<const Operation> operations) {
  std::vector<std::vector<size_t>> groups;
  for (size_t first = 0; first < operations.size(); first += kMostArranged) {
    Schedule schedule(operations.subspan(first, kMostArranged));
    while (!schedule.done()) {
      std::vector<size_t> group = schedule.Next();
      for (size_t& index : group) {
        index += first;
      }
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

}  // namespace repscore::cuda
