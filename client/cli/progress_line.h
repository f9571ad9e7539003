// The line on the terminal that follows the steps of a run. Not thread-safe.
#ifndef REPSCORE_CLIENT_CLI_PROGRESS_LINE_H_
#define REPSCORE_CLIENT_CLI_PROGRESS_LINE_H_

#include <map>
#include <optional>
#include <string>

#include "client/cli/terminal_line.h"
#include "repscore/v1/runs.pb.h"

namespace repscore::cli {

class ProgressLine {
 public:
  /// Tells what the points to come are of.
  void Begin(const v1::RunStarted& started);
  void Update(const v1::TracePoint& point);
  void Clear() { line_.Clear(); }

 private:
  std::string Text(const v1::TracePoint& point) const;

  TerminalLine line_;
  v1::RunStarted started_;
  std::optional<v1::TracePoint> first_;
  /// Latest points of every member, and the latest with a decoding.
  std::map<int, v1::TracePoint> members_;
  std::map<int, v1::TracePoint> decoded_;
};

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_PROGRESS_LINE_H_
