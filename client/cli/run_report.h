// Shows a run: progress while it goes, its files, its result.
//
// On stdout a summary and tables, or the events as JSON lines; on a stderr that
// is a terminal a line that follows the steps. Not thread-safe.
#ifndef REPSCORE_CLIENT_CLI_RUN_REPORT_H_
#define REPSCORE_CLIENT_CLI_RUN_REPORT_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/progress_line.h"
#include "client/cli/run_tables.h"
#include "client/cli/trace_file.h"
#include "client/cpp/runs.h"

namespace repscore::cli {

struct ReportFlags {
  /// Empty: none.
  std::string trace_file;
  std::string output_file;
  /// Print where components and labels were captured.
  bool thresholds = false;
};

std::vector<CLI::Option*> AddReportFlags(CLI::App& command, ReportFlags& flags);

class RunReport {
 public:
  /// A usage error when a file could not be written in the end.
  static absl::StatusOr<std::unique_ptr<RunReport>> Create(
      const ReportFlags& flags, bool json);

  /// Tells what the events are of, when they begin after `started`.
  void Begin(const v1::RunStarted& started);

  /// For RunObserver::on_event. Always true.
  bool OnEvent(const v1::RunEvent& event);

  /// Writes what is left to write. `outcome`'s error when it has one;
  /// Cancelled for a run that was.
  absl::Status Finish(const absl::StatusOr<client::RunOutcome>& outcome);

 private:
  RunReport(ReportFlags flags, bool json)
      : flags_(std::move(flags)), json_(json) {}

  absl::Status WriteCandidate(const client::RunOutcome& outcome) const;

  ReportFlags flags_;
  bool json_;
  std::unique_ptr<TraceFile> trace_;
  ProgressLine progress_;
  RunStory story_;
};

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_RUN_REPORT_H_
