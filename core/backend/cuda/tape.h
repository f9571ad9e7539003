// Work of a queue between two waits, collected before it is enqueued.
//
// An optimisation enqueues the same work step after step: the same kernels on
// the same addresses, a hundred launches of a few microseconds each. The tape
// knows work that it has seen before by its key and launches it whole, as a
// recorded CUDA graph. Numbers that differ from step to step are not part of
// the key: they go to a fixed place on the device before the work that reads
// them. What is recorded is arranged first, see arrange.h: like operations on
// different matrices share a launch.
//
// Used under the mutex of its queue.
#ifndef REPSCORE_CORE_BACKEND_CUDA_TAPE_H_
#define REPSCORE_CORE_BACKEND_CUDA_TAPE_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "core/backend/cuda/arrange.h"
#include "core/backend/cuda/device.h"
#include "core/backend/cuda/launcher.h"
#include "core/backend/matrix.h"

namespace repscore::cuda {

// Arguments of work that it reads from the device: as const double*, const
// float* and const void*.
struct Scalar {
  double value;
};
struct SingleScalar {
  double value;
};
struct Table {
  const void* data;
  size_t bytes;
};
// A matrix that the work changes, seen by it as const Matrix&. Work all of
// whose memory is in matrices, and that says so of those that it changes, may
// be arranged.
struct Written {
  const Matrix& matrix;
};

class Tape {
 public:
  /// Everything that the work depends on: what it does, addresses, shapes.
  using Key = std::vector<int64_t>;
  using Work = std::function<void()>;

  Tape(const Device& device, cudaStream_t stream);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // The arguments of the next work. ForDevice() returns an argument as the work
  // will read it and adds it to the key; a matrix comes back as a view that
  // does not keep its elements: they are freed in the order of the queue.

  /// Plays what would leave too little room for so many bytes of scalars and
  /// tables.
  void Reserve(size_t bytes);
  /// A table is at most so large.
  static size_t LargestTable();
  void Begin(const void* call_site) { AddToKey(call_site); }
  /// Whether work with such arguments may be arranged.
  template <typename... Arguments>
  static constexpr bool Declares() {
    return (std::is_same_v<Arguments, Written> || ...) &&
           ((std::is_arithmetic_v<Arguments> || std::is_enum_v<Arguments> ||
             std::is_same_v<Arguments, Matrix> ||
             std::is_same_v<Arguments, Written> ||
             std::is_same_v<Arguments, Scalar> ||
             std::is_same_v<Arguments, SingleScalar>)&&...);
  }
  const double* ForDevice(const Scalar& scalar);
  const float* ForDevice(const SingleScalar& scalar);
  const void* ForDevice(const Table& table);
  Matrix ForDevice(const Matrix& matrix);
  Matrix ForDevice(const Written& written);
  /// Of items that WordsOf() turns into words.
  template <typename T>
  std::vector<T> ForDevice(const std::vector<T>& items) {
    for (const T& item : items) {
      for (const int64_t word : WordsOf(item)) {
        AddWord(word);
      }
    }
    return items;
  }
  template <typename T>
  T ForDevice(const T& plain) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T> ||
                  std::is_pointer_v<T>);
    AddToKey(plain);
    return plain;
  }

  static size_t DeviceBytes(const Scalar&) { return sizeof(double); }
  static size_t DeviceBytes(const SingleScalar&) { return sizeof(double); }
  static size_t DeviceBytes(const Table& table);
  template <typename T>
  static size_t DeviceBytes(const T&) {
    return 0;
  }

  /// Takes work that enqueues itself to the stream, with the arguments since
  /// Begin(); `together` names the kind of work that can share launches with
  /// this, through launcher(), or is null. It must neither allocate nor wait,
  /// nor look at anything that is not in the key.
  void Add(Work work, bool declares, const void* together);
  bool empty() const { return work_.empty(); }

  /// Where work launches its kernels.
  Launcher launcher() { return {stream_, gathering_ ? &gathered_ : nullptr}; }

  /// Enqueues everything that was added. Work that comes the first time runs as
  /// it is, the second time it is recorded, and from then on the record is
  /// launched. Work that cannot be recorded runs as it is. Throws
  /// BackendError; the tape is empty afterwards in any case.
  void Play();

  /// How often constants have been sent.
  uint64_t sent() const { return sent_; }
  /// The host has waited for all that was sent when sent() was `sent`.
  void Arrived(uint64_t sent) { arrived_ = std::max(arrived_, sent); }

  /// Launches of recorded work so far, and how many kernels and copies they
  /// were.
  int64_t replays() const { return replays_; }
  int64_t replayed() const { return replayed_; }

  /// Launches the last `count` records once more, in their order, `times` over:
  /// the least that they take. What they work on is spoilt. False when there
  /// are not so many. Waits.
  bool Repeat(size_t count, int times);

 private:
  struct Entry {
    uint64_t hash = 0;
    Key key;
    cudaGraphExec_t graph = nullptr;
    size_t nodes = 0;
    bool records = true;
  };
  using Entries = std::list<Entry>;

  template <typename T>
  void AddToKey(const T& plain) {
    if constexpr (std::is_floating_point_v<T>) {
      AddWord(std::bit_cast<int64_t>(static_cast<double>(plain)));
    } else if constexpr (std::is_pointer_v<T>) {
      AddWord(reinterpret_cast<int64_t>(plain));
    } else {
      AddWord(static_cast<int64_t>(plain));
    }
  }
  void AddWord(int64_t word);
  const std::byte* Put(const void* data, size_t bytes);

  void ForgetTouched();
  void Create();
  void Destroy() noexcept;
  void Run();
  void Enqueue();
  void EnqueueArranged();
  void SendConstants();
  /// The entry of the key; the one used last comes first.
  Entry* Find();
  void Remember();
  void Forget(Entries::iterator entry) noexcept;
  void Record(Entry& entry);
  void Clear();

  const Device& device_;
  const cudaStream_t stream_;

  std::vector<Work> work_;
  /// Of the work, and of what is being added to it.
  std::vector<Operation> operations_;
  Operation touched_;
  bool gathering_ = false;
  GatheredTasks gathered_;
  Key key_;
  uint64_t hash_ = 0;
  /// What goes to constants_ before the work.
  std::vector<std::byte> staged_;

  /// Page-locked copies of staged_ on their way, in turn.
  std::byte* host_ = nullptr;
  std::byte* constants_ = nullptr;
  uint64_t sent_ = 0;
  uint64_t arrived_ = 0;

  Entries entries_;
  std::unordered_multimap<uint64_t, Entries::iterator> by_hash_;
  int64_t replays_ = 0;
  int64_t replayed_ = 0;
  /// The latest launches with their constants, the last one last.
  struct Launch {
    cudaGraphExec_t graph = nullptr;
    std::vector<std::byte> constants;
  };
  std::deque<Launch> latest_;
};

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_TAPE_H_
