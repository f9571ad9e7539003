#include "client/cli/terminal_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <utility>

#include "absl/time/clock.h"

namespace repscore::cli {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(100);
constexpr size_t kDefaultColumns = 80;

// Of the terminal; a longer text would not be written over.
size_t Columns() {
  winsize size = {};
  const bool known =
      ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : kDefaultColumns;
}

}  // namespace

TerminalLine::TerminalLine() : is_terminal_(isatty(STDERR_FILENO) == 1) {}

bool TerminalLine::IsDue() {
  const absl::Time now = absl::Now();
  if (!is_terminal_ || now < next_update_) {
    return false;
  }
  next_update_ = now + kInterval;
  return true;
}

void TerminalLine::Show(const std::string& text) {
  std::cerr << "\r\x1b[K" << text.substr(0, Columns() - 1) << std::flush;
  shown_ = true;
}

void TerminalLine::Clear() {
  if (std::exchange(shown_, false)) {
    std::cerr << "\r\x1b[K" << std::flush;
  }
}

}  // namespace repscore::cli
