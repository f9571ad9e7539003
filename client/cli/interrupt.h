// Ctrl-C and SIGTERM, taken by a thread of their own.
//
// Make one Interrupt at the start of main, before any other thread: it blocks
// the signals for all of them. Thread-safe.
#ifndef REPSCORE_CLIENT_CLI_INTERRUPT_H_
#define REPSCORE_CLIENT_CLI_INTERRUPT_H_

#include <signal.h>

#include <atomic>
#include <stop_token>
#include <thread>

namespace repscore::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// From now on the first signal requests a stop here and only the second
  /// ends the process. Until then any signal ends it.
  std::stop_token StopOnFirstSignal();

  /// 128 + the number of the signal seen (130 for Ctrl-C), or 0.
  int exit_code() const { return exit_code_; }

 private:
  void WaitForSignals();

  sigset_t signals_;
  std::stop_source stop_;
  std::atomic<bool> graceful_ = false;
  std::atomic<bool> done_ = false;
  std::atomic<int> exit_code_ = 0;
  std::thread thread_;
};

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_INTERRUPT_H_
