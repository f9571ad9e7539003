// repscore perturb

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/device_flag.h"
#include "client/cli/json.h"
#include "client/cli/measure_flags.h"
#include "client/cli/score_table.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct PerturbFlags {
  std::string dataset;
  MeasureFlags measures = {.ids = {"cka", "nbs", "procrustes.angular_score"}};
  std::optional<int32_t> components;
  std::optional<int32_t> draws;
  uint64_t seed = 0;
  std::string device;
};

void PrintPerturbations(const v1::PerturbComponentsResponse& response) {
  for (int i = 0; i < response.measures_size(); ++i) {
    const v1::MeasurePerturbations& measure = response.measures(i);
    Table table({"component", "variance share", "score", "sd", "theory"},
                {0, 1, 2, 3, 4});
    for (const v1::ComponentPerturbation& component : measure.components()) {
      table.AddRow(
          {absl::StrCat(component.component()),
           FormatShare(component.variance_share()),
           FormatFixed(component.mean()),
           FormatFixed(component.standard_deviation()),
           component.has_theory() ? FormatFixed(component.theory()) : ""});
    }
    std::cout << (i == 0 ? "" : "\n") << measure.measure() << '\n'
              << table.ToString();
  }
  PrintProvenance(response.provenance().dataset_version(),
                  response.provenance());
}

absl::Status Perturb(Session& session, const PerturbFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MakeMeasures(flags.measures));
  v1::PerturbComponentsRequest request;
  request.set_dataset(DatasetName(flags.dataset));
  request.mutable_measures()->Assign(measures.begin(), measures.end());
  if (flags.components.has_value()) {
    request.set_components(*flags.components);
  }
  if (flags.draws.has_value()) {
    request.set_draws(*flags.draws);
  }
  request.set_seed(flags.seed);
  request.set_device(flags.device);
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::PerturbComponentsResponse response,
                            client->PerturbComponents(request));
  if (session.json()) {
    PrintDocument(ToJson(response));
  } else {
    PrintPerturbations(response);
  }
  return absl::OkStatus();
}

}  // namespace

void AddPerturbCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "perturb", "What the loss of one principal component of a dataset costs");
  const auto flags = std::make_shared<PerturbFlags>();
  command->add_option("DATASET", flags->dataset, "NAME or NAME/versions/N")
      ->required();
  AddMeasureFlags(*command, flags->measures);
  command->add_option("--components",
                      flags->components,
                      "Leading components, one at a time [10]");
  command->add_option(
      "--draws", flags->draws, "Random directions per component [10]");
  command->add_option("--seed", flags->seed, "Seed of the draws [0]")
      ->check(CLI::NonNegativeNumber);
  AddDeviceFlag(*command, flags->device);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Perturb(session, *flags); };
  });
}

}  // namespace repscore::cli
