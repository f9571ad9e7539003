// repscored: the server process. Options, log, signals; the rest is Server.
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "core/backend/create.h"
#include "server/config.h"
#include "server/logging.h"
#include "server/server.h"
#include "spdlog/spdlog.h"

namespace {

constexpr int kExitConfig = 78;
constexpr int kExitUnavailable = 69;
constexpr int kExitHung = 70;
/// More keep freed messages for themselves.
constexpr int kMallocArenas = 4;
/// Larger blocks go back to the system when they are freed. Without a value,
/// the C library raises its own up to 32 MiB.
constexpr int kMappedBytes = 2 << 20;
/// Beyond drain_seconds, for a shutdown that does not come to its end.
constexpr std::chrono::seconds kHardLimit{15};

/// More connections than the soft limit allows.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// Blocks the signals in this thread and all that it starts.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// One line per device: name, memory, description.
void PrintDevices() {
  constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;
  for (const repscore::DeviceInfo& device : repscore::ListDevices()) {
    std::cout << device.name << "\t" << std::fixed << std::setprecision(1)
              << static_cast<double>(device.memory_bytes) / kGibibyte
              << " GiB\t" << device.description
              << (device.fast_float64 ? "" : ", slow float64") << "\n";
  }
}

/// Shuts down. A second signal ends the waiting; the hard limit ends the
/// process.
void Shutdown(repscore::server::Server& server,
              const sigset_t& signals,
              double drain_seconds) {
  using Clock = std::chrono::steady_clock;
  const auto limit = Clock::now() + kHardLimit +
                     std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(drain_seconds));
  std::atomic<bool> is_done = false;
  std::thread watch([&] {
    const timespec poll = {.tv_sec = 0, .tv_nsec = 50'000'000};
    while (!is_done) {
      if (sigtimedwait(&signals, nullptr, &poll) > 0) {
        server.Hurry();
      }
      if (Clock::now() > limit) {
        _exit(kExitHung);
      }
    }
  });
  server.Shutdown();
  is_done = true;
  watch.join();
}

int Serve(const repscore::server::Config& config, const sigset_t& signals) {
  auto server = repscore::server::Server::Start(config);
  if (!server.ok()) {
    spdlog::error("cannot start: {}", absl::StrCat(server.status().message()));
    return kExitUnavailable;
  }
  for (const std::string& address : (*server)->addresses()) {
    std::cout << "repscored listening on " << address << std::endl;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("signal {}: shutting down", signal);
  Shutdown(**server, signals, config.drain_seconds);
  spdlog::info("shut down");
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  repscore::SelectBlasKernels(argv);
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = BlockSignals();
  RaiseDescriptorLimit();
  mallopt(M_ARENA_MAX, kMallocArenas);
  mallopt(M_MMAP_THRESHOLD, kMappedBytes);
  const auto command_line = repscore::server::ParseCommandLine(
      argc, argv, [](const std::string& name) {
        return std::getenv(name.c_str());
      });
  if (!command_line.ok()) {
    std::cerr << "repscored: " << command_line.status().message() << "\n";
    return kExitConfig;
  }
  if (command_line->action == repscore::server::Action::kDevices) {
    PrintDevices();
    return EXIT_SUCCESS;
  }
  if (command_line->action == repscore::server::Action::kPrint) {
    std::cout << command_line->text;
    return EXIT_SUCCESS;
  }
  const repscore::server::Config& config = command_line->config;
  repscore::server::StartLogging(config.log_level, config.log_format);
  return Serve(config, signals);
}
