#include "client/cli/run_report.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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
  std::cout << listing.ToString() << std::flush;
}

void PrintVerdicts(const v1::RunResult& result) {
  Table table({"goal", "value", "residual", "reached"}, {1, 2});
  for (const v1::GoalVerdict& verdict : result.verdicts()) {
    table.AddRow({verdict.measure(),
                  FormatNumber(verdict.value()),
                  FormatNumber(verdict.residual()),
                  verdict.reached() ? "yes" : "no"});
  }
  if (!table.empty()) {
    std::cout << '\n' << table.ToString();
  }
}

void PrintResult(const v1::RunResult& result, double elapsed_seconds) {
  const v1::Run& run = result.run();
  Listing listing;
  listing.Add("state", FormatEnum(run.state()));
  listing.Add("stopped by", FormatEnum(run.stop_reason()));
  listing.Add("steps",
              absl::StrFormat("%d in %.3g s", run.step(), elapsed_seconds));
  listing.Add(
      "candidate",
      absl::StrCat(
          FormatShape(result.candidate()), "  ", result.candidate_digest()));
  std::cout << listing.ToString();

  Table table({"measure", "score"}, {1});
  for (const v1::Score& score : result.scores()) {
    table.AddRow({score.measure(), FormatNumber(score.value())});
  }
  if (!table.empty()) {
    std::cout << '\n' << table.ToString();
  }
  if (run.kind() == v1::RUN_KIND_JOINT_OPTIMIZE) {
    PrintVerdicts(result);
  }
  for (const v1::Score& score : result.scores()) {
    for (const v1::Warning& warning : score.warnings()) {
      std::cout << FormatWarning(score.measure(), warning);
    }
  }
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
                         "Write the optimised array to FILE.npy (float64)")};
}

void ProgressLine::Update(const v1::TracePoint& point) {
  if (!first_.has_value()) {
    first_ = point;
  }
  if (!line_.IsDue()) {
    return;
  }
  const double value =
      point.scores_size() == 1 ? point.scores(0) : point.objective();
  std::string line =
      absl::StrFormat("step %d  %s %.6f",
                      point.step(),
                      point.scores_size() == 1 ? "score" : "objective",
                      value);
  const double seconds = point.elapsed_seconds() - first_->elapsed_seconds();
  if (seconds > 0.0) {
    const auto steps = static_cast<double>(point.step() - first_->step());
    absl::StrAppendFormat(&line, "  %.3g steps/s", steps / seconds);
  }
  line_.Show(line);
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
    elapsed_seconds_ = event.point().elapsed_seconds();
    progress_.Update(event.point());
    if (trace_ != nullptr) {
      trace_->Add(event.point());
    }
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
    PrintResult(outcome->result, elapsed_seconds_);
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
