// repscore calibration

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/calibration_table.h"
#include "client/cli/json.h"
#include "client/cli/measure_flags.h"
#include "client/cli/session.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct CalibrationFlags {
  std::string dataset;
  MeasureFlags measures;
  CalibrationDetail detail;
};

absl::Status Calibration(Session& session, const CalibrationFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MakeMeasures(flags.measures));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(
      const v1::GetCalibrationResponse response,
      client->GetCalibration(DatasetName(flags.dataset), measures));
  if (session.json()) {
    PrintDocument(ToJson(response));
    return absl::OkStatus();
  }
  if (response.measures().empty()) {
    std::cout << "there are no finished runs yet: 'repscore calibrate "
              << flags.dataset
              << "' starts some, 'repscore runs list' shows those under way\n";
  }
  for (int i = 0; i < response.measures_size(); ++i) {
    std::cout << (i == 0 ? "" : "\n")
              << CalibrationText(response.measures(i), flags.detail);
  }
  return absl::OkStatus();
}

}  // namespace

void AddCalibrationCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "calibration", "What scores on a dataset mean, from its finished runs");
  const auto flags = std::make_shared<CalibrationFlags>();
  command->add_option("DATASET", flags->dataset, "NAME or NAME/versions/N")
      ->required();
  AddMeasureFlags(*command, flags->measures)
      ->description(
          "A measure, as often as wanted [all that there are runs of]");
  command->add_flag("--all", flags->detail.all, "Print every point");
  command->add_flag("--thresholds",
                    flags->detail.thresholds,
                    "Print the score at which every component was captured");
  command->callback([&session, flags] {
    session.command = [&session, flags] {
      return Calibration(session, *flags);
    };
  });
}

}  // namespace repscore::cli
