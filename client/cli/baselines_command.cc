// repscore baselines

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/device_flag.h"
#include "client/cli/json.h"
#include "client/cli/landmark_table.h"
#include "client/cli/measure_flags.h"
#include "client/cli/score_table.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct BaselineFlags {
  std::string dataset;
  MeasureFlags measures = {.ids = DefaultMeasures()};
  std::vector<std::string> kinds;
  std::optional<int32_t> draws;
  uint64_t seed = 0;
  std::string device;
};

void PrintBaselines(const BaselineFlags& flags,
                    const v1::ComputeBaselinesResponse& response) {
  for (int i = 0; i < response.measures_size(); ++i) {
    const v1::MeasureBaselines& measure = response.measures(i);
    std::cout << (i == 0 ? "" : "\n") << measure.measure() << '\n'
              << LandmarkTable(measure.landmarks());
  }
  std::cout << (response.notes().empty() ? "" : "\n");
  for (const v1::Warning& note : response.notes()) {
    std::cout << FormatNote(flags.dataset, note);
  }
  PrintProvenance(response.provenance().dataset_version(),
                  response.provenance());
}

absl::Status Baselines(Session& session, const BaselineFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MakeMeasures(flags.measures));
  v1::ComputeBaselinesRequest request;
  request.set_dataset(DatasetName(flags.dataset));
  request.mutable_measures()->Assign(measures.begin(), measures.end());
  request.mutable_kinds()->Assign(flags.kinds.begin(), flags.kinds.end());
  if (flags.draws.has_value()) {
    request.set_draws(*flags.draws);
  }
  request.set_seed(flags.seed);
  request.set_device(flags.device);
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::ComputeBaselinesResponse response,
                            client->ComputeBaselines(request));
  if (session.json()) {
    PrintDocument(ToJson(response));
  } else {
    PrintBaselines(flags, response);
  }
  return absl::OkStatus();
}

}  // namespace

void AddBaselinesCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "baselines",
      "Where averages, halves, shuffles and noise land on measures");
  const auto flags = std::make_shared<BaselineFlags>();
  command->add_option("DATASET", flags->dataset, "NAME or NAME/versions/N")
      ->required();
  AddMeasureFlags(*command, flags->measures);
  command->add_option("--kind",
                      flags->kinds,
                      "KINDs out of condition_average, split_half, "
                      "condition_shuffle, time_shuffle, neuron_subsample, "
                      "noise, surrogate [all that the dataset has]");
  command->add_option(
      "--draws", flags->draws, "Draws of the random kinds [10]");
  command->add_option("--seed", flags->seed, "Seed of the draws [0]")
      ->check(CLI::NonNegativeNumber);
  AddDeviceFlag(*command, flags->device);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Baselines(session, *flags); };
  });
}

}  // namespace repscore::cli
