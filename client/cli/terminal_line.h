// The line on the terminal that is written over at every update. Silent when
// stderr is no terminal. Not thread-safe.
#ifndef REPSCORE_CLIENT_CLI_TERMINAL_LINE_H_
#define REPSCORE_CLIENT_CLI_TERMINAL_LINE_H_

#include <string>

#include "absl/time/time.h"

namespace repscore::cli {

class TerminalLine {
 public:
  TerminalLine();
  ~TerminalLine() { Clear(); }
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  /// Whether it is time for another update: there is a terminal, and the last
  /// update was long enough ago.
  bool IsDue();

  /// As much of `text` as fits into the terminal's line.
  void Show(const std::string& text);
  void Clear();

 private:
  bool is_terminal_;
  bool shown_ = false;
  absl::Time next_update_ = absl::InfinitePast();
};

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_TERMINAL_LINE_H_
