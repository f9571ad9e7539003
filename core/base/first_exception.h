// Carries an exception out of a parallel loop, which none may leave by itself:
// the process would end.
//
//   FirstException thrown;
//   #pragma omp parallel for
//   for (...) { thrown.Catch([&] { ... }); }
//   thrown.Rethrow();
//
// Thread-safe.
#ifndef REPSCORE_CORE_BASE_FIRST_EXCEPTION_H_
#define REPSCORE_CORE_BASE_FIRST_EXCEPTION_H_

#include <exception>
#include <mutex>
#include <utility>

namespace repscore {

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

}  // namespace repscore

#endif  // REPSCORE_CORE_BASE_FIRST_EXCEPTION_H_
