// One stream of a device with the library handles that work on it: what one
// backend enqueues to. Work of one queue runs in order; queues run beside each
// other.
//
// What the backend does goes through Do(), which collects it on a tape until
// somebody waits; what cannot be recorded is enqueued to stream() directly,
// after Play(). Only the backend's thread enqueues. Other threads may make
// their own queue follow this one and give buffers back to it.
#ifndef REPSCORE_CORE_BACKEND_CUDA_QUEUE_H_
#define REPSCORE_CORE_BACKEND_CUDA_QUEUE_H_

#include <cuda_runtime.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/backend/cuda/device.h"
#include "core/backend/cuda/tape.h"

namespace repscore::cuda {

class Queue {
 public:
  /// Throws BackendError.
  explicit Queue(std::shared_ptr<Device> device);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  const Device& device() const { return *device_; }
  const std::shared_ptr<Device>& shared_device() const { return device_; }
  cudaStream_t stream() const { return stream_; }
  /// For uploads that run beside the work of stream().
  cudaStream_t copy_stream() const { return copy_stream_; }
  cublasHandle_t blas() const { return blas_; }
  cusolverDnHandle_t solver() const { return solver_; }
  cusolverDnParams_t solver_parameters() const { return solver_parameters_; }

  /// Does function(*this, arguments...) when the tape is played. The function
  /// enqueues to stream() and returns the status of that; it captures nothing,
  /// and sees its arguments as Tape::ForDevice() makes them.
  template <typename Function, typename... Arguments>
  void Do(std::string_view doing,
          Function function,
          const Arguments&... arguments) {
    Add<false>(doing, function, arguments...);
  }
  /// Do() of kKernel(launcher(), arguments...), one of kernels.h.
  template <auto kKernel, typename... Arguments>
  void Launch(std::string_view doing, const Arguments&... arguments) {
    Add<true>(
        doing,
        [](Queue& queue, const auto&... ready) {
          return kKernel(queue.launcher(), ready...);
        },
        arguments...);
  }
  /// Enqueues what Do() has collected.
  void Play();
  /// For calls to the libraries that enqueue nothing, while work may wait on
  /// the tape.
  std::unique_lock<std::mutex> Lock() {
    return std::unique_lock<std::mutex>(mutex_);
  }
  /// For functions that run: where kernels are launched.
  Launcher launcher() { return tape_->launcher(); }
  int64_t replays() const { return tape_->replays(); }
  int64_t replayed() const { return tape_->replayed(); }
  /// Tape::Repeat().
  bool Repeat(size_t count, int times);

  // Memory in the order of this queue: a block that was given back may be had
  // again for the work that comes next. Of idle blocks of a size the lowest is
  // taken: steps that allocate alike get the same addresses, in whatever order
  // the step before has given them back. A small block rests until the work on
  // the tape has been played: work that used it in turn could not be arranged.

  /// Null when the device has no room, with what the device can give back given
  /// back. Throws BackendError for other errors.
  void* Allocate(size_t bytes);
  /// From any thread.
  void GiveBack(void* data, size_t bytes) noexcept;

  /// Memory of the host that work writes results to: `count` doubles, the same
  /// at every call. Null where that is too many.
  double* Results(int64_t count);
  /// The host waits for the work so far, which has written them.
  void WaitForResults();

  /// The host waits for all work so far. Counted.
  void Wait();
  /// The host waits for `event`, unless it has happened. Counted when it waits.
  void WaitFor(cudaEvent_t event);
  /// How often the host has waited.
  int64_t waits() const { return waits_; }

  /// What is enqueued here from now on runs after what `other` has done so far.
  void Follow(Queue& other);

 private:
  void Create();
  void Destroy() noexcept;
  template <bool kTogether, typename Function, typename... Arguments>
  void Add(std::string_view doing,
           Function function,
           const Arguments&... arguments);
  // Under the mutex.
  /// Blocks that rested are idle afterwards, also when it throws.
  void PlayTape();
  void FreeIdleBlocks();
  /// Plays the tape from another thread: this queue's own meets the error.
  void PlayForAnother();
  void ThrowKept();

  const std::shared_ptr<Device> device_;
  cudaStream_t stream_ = nullptr;
  cudaStream_t copy_stream_ = nullptr;
  cudaEvent_t position_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  cusolverDnHandle_t solver_ = nullptr;
  cusolverDnParams_t solver_parameters_ = nullptr;
  void* workspace_ = nullptr;
  /// Held while the tape or the blocks change, and while work is recorded:
  /// nothing of another thread may slip into a recording.
  std::mutex mutex_;
  std::unique_ptr<Tape> tape_;
  double* results_ = nullptr;
  cudaEvent_t results_written_ = nullptr;
  std::exception_ptr kept_error_;
  std::map<size_t, std::set<void*>> idle_;
  std::vector<std::pair<void*, size_t>> resting_;
  size_t resting_bytes_ = 0;
  size_t idle_bytes_ = 0;
  std::atomic<int64_t> waits_{0};
};

template <bool kTogether, typename Function, typename... Arguments>
void Queue::Add(std::string_view doing,
                Function function,
                const Arguments&... arguments) {
  static_assert(std::is_empty_v<Function>);
  static constexpr char kCallSite = 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  ThrowKept();
  tape_->Reserve((Tape::DeviceBytes(arguments) + ... + size_t{0}));
  tape_->Begin(&kCallSite);
  // Braces, for their order.
  std::tuple<decltype(tape_->ForDevice(arguments))...> ready{
      tape_->ForDevice(arguments)...};
  tape_->Add(
      [this, doing, function, ready = std::move(ready)] {
        std::apply(
            [&](const auto&... argument) {
              device_->Check(function(*this, argument...), doing);
            },
            ready);
      },
      Tape::Declares<Arguments...>(),
      kTogether ? &kCallSite : nullptr);
}

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_QUEUE_H_
