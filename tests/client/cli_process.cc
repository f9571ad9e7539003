#include "tests/client/cli_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace repscore::client {
namespace {

std::string ReadAll(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::filesystem::path NewFile(const std::filesystem::path& folder,
                              const std::string& stem) {
  for (int i = 0;; ++i) {
    std::filesystem::path path = folder / (stem + std::to_string(i));
    if (!std::filesystem::exists(path)) {
      std::ofstream(path).flush();
      return path;
    }
  }
}

// Name of the terminal whose other end is `master`.
std::string OpenTerminal(int& master) {
  master = posix_openpt(O_RDWR | O_NOCTTY);
  grantpt(master);
  unlockpt(master);
  return ptsname(master);
}

// What was written to the terminal.
std::string CloseTerminal(int master) {
  std::string text;
  std::array<char, 4096> buffer;
  ssize_t size = 0;
  while ((size = read(master, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(size));
  }
  close(master);
  return text;
}

}  // namespace

CliProcess::CliProcess(const std::filesystem::path& folder,
                       std::vector<std::string> arguments,
                       std::vector<std::string> environment,
                       bool with_terminal)
    : out_(NewFile(folder, "out")), err_(NewFile(folder, "err")) {
  arguments.insert(arguments.begin(), REPSCORE_CLI);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, out_.c_str(), O_WRONLY, 0);
  const std::string err =
      with_terminal ? OpenTerminal(terminal_) : err_.string();
  posix_spawn_file_actions_addopen(
      &actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_NOCTTY, 0);
  posix_spawn(&pid_,
              REPSCORE_CLI,
              &actions,
              nullptr,
              Pointers(arguments).data(),
              Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
}

void CliProcess::WaitForOutput(const std::string& text) const {
  while (ReadAll(out_).find(text) == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void CliProcess::Signal(int number) const {
  kill(pid_, number);
}

CliResult CliProcess::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .out = ReadAll(out_),
          .err = terminal_ < 0 ? ReadAll(err_) : CloseTerminal(terminal_)};
}

}  // namespace repscore::client
