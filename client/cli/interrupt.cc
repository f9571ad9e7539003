#include "client/cli/interrupt.h"

#include <pthread.h>
#include <unistd.h>

namespace repscore::cli {
namespace {

constexpr int kWakeUp = SIGUSR1;
constexpr int kFirstSignalExitCode = 128;

}  // namespace

Interrupt::Interrupt() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, kWakeUp}) {
    sigaddset(&signals_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { WaitForSignals(); });
}

Interrupt::~Interrupt() {
  done_ = true;
  pthread_kill(thread_.native_handle(), kWakeUp);
  thread_.join();
}

std::stop_token Interrupt::StopOnFirstSignal() {
  graceful_ = true;
  return stop_.get_token();
}

void Interrupt::WaitForSignals() {
  while (!done_) {
    int signal = 0;
    if (sigwait(&signals_, &signal) != 0 || signal == kWakeUp) {
      continue;
    }
    exit_code_ = kFirstSignalExitCode + signal;
    if (!graceful_ || !stop_.request_stop()) {
      _exit(exit_code_);
    }
  }
}

}  // namespace repscore::cli
