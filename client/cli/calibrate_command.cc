// repscore calibrate

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/decoding_flags.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/measure_flags.h"
#include "client/cli/plan_flags.h"
#include "client/cli/progress_line.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct CalibrateFlags {
  std::string dataset;
  MeasureFlags measures = {.ids = {"cka", "nbs", "procrustes.angular_score"}};
  PlanFlags plan;
  DecodingFlags decoding;
  bool wait = false;
};

// Follows a run to its end; leaving it leaves it alone.
absl::StatusOr<v1::Run> WaitFor(Session& session,
                                client::Client& client,
                                const v1::Run& run) {
  v1::WatchRunRequest request;
  request.set_name(run.name());
  ProgressLine progress;
  client::RunObserver observer;
  observer.on_event = [&](const v1::RunEvent& event) {
    if (event.has_started()) {
      progress.Begin(event.started());
    } else if (event.has_point()) {
      progress.Update(event.point());
    }
    return true;
  };
  observer.stop = session.interrupt().StopOnFirstSignal();
  const auto outcome = client.WatchRun(request, observer);
  progress.Clear();
  if (!outcome.ok()) {
    return WithContext(run.name(), outcome.status());
  }
  return outcome->result.run();
}

void PrintRuns(const CalibrateFlags& flags, const std::vector<v1::Run>& runs) {
  Table table({"run", "state", "step", "measure"}, {2});
  for (const v1::Run& run : runs) {
    table.AddRow({run.name(),
                  FormatEnum(run.state()),
                  absl::StrCat(run.step()),
                  run.measures().empty() ? "" : run.measures(0)});
  }
  std::cout << table.ToString() << "\n'repscore calibration " << flags.dataset
            << "' shows what there is\n";
}

absl::Status Calibrate(Session& session, const CalibrateFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MakeMeasures(flags.measures));
  v1::CalibrationPlan plan = MakePlan(flags.plan, measures);
  if (IsGiven(flags.decoding)) {
    *plan.mutable_decoding() = MakeDecoding(flags.decoding);
  }
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(
      std::vector<v1::Run> runs,
      client->CalibrateDataset(DatasetName(flags.dataset), plan));
  if (flags.wait) {
    for (v1::Run& run : runs) {
      REPSCORE_ASSIGN_OR_RETURN(run, WaitFor(session, *client, run));
    }
  }
  if (session.json()) {
    PrintList("runs", runs);
  } else {
    PrintRuns(flags, runs);
  }
  return absl::OkStatus();
}

}  // namespace

void AddCalibrateCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "calibrate", "Start the runs that tell what scores on a dataset mean");
  const auto flags = std::make_shared<CalibrateFlags>();
  command->add_option("DATASET", flags->dataset, "NAME or NAME/versions/N")
      ->required();
  AddMeasureFlags(*command, flags->measures);
  AddPlanFlags(*command, "", flags->plan);
  AddDecodingFlags(*command, "--decode", "decode-", flags->decoding);
  command->add_flag("--wait",
                    flags->wait,
                    "Follow the runs to their end; Ctrl-C leaves them alone");
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Calibrate(session, *flags); };
  });
}

}  // namespace repscore::cli
