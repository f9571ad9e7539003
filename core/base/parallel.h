// A loop on several threads of OpenMP.
#ifndef REPSCORE_CORE_BASE_PARALLEL_H_
#define REPSCORE_CORE_BASE_PARALLEL_H_

#include <cstdint>
#include <exception>
#include <mutex>
#include <utility>

namespace repscore {

/// Carries an exception out of a parallel loop, which none may leave by itself:
/// the process would end. Thread-safe.
class FirstException {
 public:
  template <typename Body>
  void Catch(Body&& body) noexcept {
    try {
      std::forward<Body>(body)();
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (exception_ == nullptr) {
        exception_ = std::current_exception();
      }
    }
  }

  /// Throws what the first of the failed bodies threw. Call after the loop.
  void Rethrow() const {
    if (exception_ != nullptr) {
      std::rethrow_exception(exception_);
    }
  }

 private:
  std::mutex mutex_;
  std::exception_ptr exception_;
};

/// Calls body(i) for 0 <= i < count, on up to `threads` threads. Throws what
/// the first of the failed bodies threw, when all have ended.
///
/// One thread or one body is a plain loop, not a region of one thread: in such
/// a region OpenMP takes every region within, those of OpenBLAS included, as
/// nested and starts new threads for it each time.
template <typename Body>
void ForEach(int64_t count, int threads, const Body& body) {
  if (count <= 1 || threads <= 1) {
    for (int64_t i = 0; i < count; ++i) {
      body(i);
    }
    return;
  }
  FirstException thrown;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t i = 0; i < count; ++i) {
    thrown.Catch([&] { body(i); });
  }
  thrown.Rethrow();
}

}  // namespace repscore

#endif  // REPSCORE_CORE_BASE_PARALLEL_H_
