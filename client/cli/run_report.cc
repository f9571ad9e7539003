#include "client/cli/run_report.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/output_file.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"
#include "core/data/npy.h"

namespace repscore::cli {
namespace {

void PrintStarted(const v1::RunStarted& started) {
  Listing listing;
  listing.Add("run", started.run().name());
  listing.Add("dataset", started.run().dataset_version());
  listing.Add("backend", started.provenance().backend());
  listing.Add("precision", FormatEnum(started.provenance().precision()));
  listing.Add("seed", absl::StrCat(started.run().seed()));
  if (started.members_size() > 1) {
    listing.Add("members", absl::StrCat(started.members_size()));
  }
  std::cout << listing.ToString() << std::flush;
}

}  // namespace

std::vector<CLI::Option*> AddReportFlags(CLI::App& command,
                                         ReportFlags& flags) {
  return {
      command.add_option("--trace",
                         flags.trace_file,
                         "Write the trace to FILE.csv or FILE.json"),
      command.add_option("--output",
                         flags.output_file,
                         "Write the optimised array (of the best member) to "
                         "FILE.npy (float64)"),
      command.add_flag("--thresholds",
                       flags.thresholds,
                       "Print the score at which every traced component was "
                       "captured and every label decoded")};
}

absl::StatusOr<std::unique_ptr<RunReport>> RunReport::Create(
    const ReportFlags& flags, bool json) {
  std::unique_ptr<RunReport> report(new RunReport(flags, json));
  if (!flags.output_file.empty()) {
    REPSCORE_RETURN_IF_ERROR(CheckCanWrite(flags.output_file));
  }
  if (!flags.trace_file.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(report->trace_,
                              TraceFile::Create(flags.trace_file));
  }
  return report;
}

void RunReport::Begin(const v1::RunStarted& started) {
  story_.started = started;
  progress_.Begin(started);
  if (trace_ != nullptr) {
    trace_->Begin(started);
  }
}

bool RunReport::OnEvent(const v1::RunEvent& event) {
  if (json_) {
    PrintLine(ToJson(event));
  }
  if (event.has_started()) {
    Begin(event.started());
    if (!json_) {
      PrintStarted(event.started());
    }
  } else if (event.has_point()) {
    const v1::TracePoint& point = event.point();
    story_.elapsed_seconds = point.elapsed_seconds();
    if (!point.decoding().empty()) {
      story_.accuracy[point.member()].assign(point.decoding().begin(),
                                             point.decoding().end());
    }
    progress_.Update(point);
    if (trace_ != nullptr) {
      trace_->Add(point);
    }
  } else if (event.has_snapshot()) {
    story_.snapshots.push_back(event.snapshot());
  }
  return true;
}

absl::Status RunReport::Finish(
    const absl::StatusOr<client::RunOutcome>& outcome) {
  progress_.Clear();
  const absl::Status traced =
      trace_ == nullptr ? absl::OkStatus() : trace_->Close();
  if (!outcome.ok()) {
    return outcome.status();
  }
  if (!json_) {
    story_.result = outcome->result;
    PrintRun(story_, flags_.thresholds);
  }
  REPSCORE_RETURN_IF_ERROR(traced);
  REPSCORE_RETURN_IF_ERROR(WriteCandidate(*outcome));
  const v1::Run& run = outcome->result.run();
  if (run.state() == v1::RUN_STATE_CANCELLED) {
    return absl::CancelledError(
        absl::StrCat(run.name(), " was cancelled at step ", run.step()));
  }
  return absl::OkStatus();
}

absl::Status RunReport::WriteCandidate(
    const client::RunOutcome& outcome) const {
  if (flags_.output_file.empty() || outcome.candidate.data.empty()) {
    return absl::OkStatus();
  }
  return LocalFileError(WriteNpy(flags_.output_file, outcome.candidate));
}

}  // namespace repscore::cli
