// repscore estimate

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/arguments.h"
#include "client/cli/context_flags.h"
#include "client/cli/device_flag.h"
#include "client/cli/json.h"
#include "client/cli/measure_flags.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct EstimateFlags {
  std::string dataset;
  std::string shape;
  std::string type = "float32";
  MeasureFlags measures = {.ids = DefaultMeasures()};
  ContextFlags context;
  std::string device;
};

void PrintEstimate(const v1::EstimateScoreResponse& response) {
  constexpr double kSecondsPerNano = 1e-9;
  const double seconds = static_cast<double>(response.duration().seconds()) +
                         response.duration().nanos() * kSecondsPerNano;
  Listing listing;
  listing.Add("time", absl::StrFormat("%.3g s", seconds));
  listing.Add("flops", absl::StrFormat("%.3g", response.flops()));
  listing.Add("space", response.space());
  listing.Add("device", response.device());
  listing.Add(
      "candidate",
      response.streams() ? "reduced while it arrives" : "kept as a whole");
  listing.Add("peak memory", absl::StrCat(response.peak_bytes(), " bytes"));
  listing.Add("limit", absl::StrCat(response.limit_bytes(), " bytes"));
  listing.Add("fits", response.fits() ? "yes" : "no");
  std::cout << listing.ToString();
  Table table({"memory", "bytes"}, {1});
  for (const v1::MemoryItem& item : response.memory()) {
    table.AddRow({item.what(), absl::StrCat(item.bytes())});
  }
  if (!table.empty()) {
    std::cout << '\n' << table.ToString();
  }
}

absl::Status Estimate(Session& session, const EstimateFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const v1::TensorSpec candidate,
                            ParseTensorSpec(flags.shape, flags.type));
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MakeMeasures(flags.measures));
  REPSCORE_ASSIGN_OR_RETURN(const v1::ContextOptions context,
                            MakeContext(flags.context));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::EstimateScoreResponse response,
                            client->EstimateScore(DatasetName(flags.dataset),
                                                  candidate,
                                                  measures,
                                                  context,
                                                  flags.device));
  if (session.json()) {
    PrintDocument(ToJson(response));
  } else {
    PrintEstimate(response);
  }
  return absl::OkStatus();
}

}  // namespace

void AddEstimateCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "estimate", "Time and memory of a score before its data are sent");
  const auto flags = std::make_shared<EstimateFlags>();
  command->add_option("DATASET", flags->dataset, "NAME or NAME/versions/N")
      ->required();
  command
      ->add_option("--shape",
                   flags->shape,
                   "Shape of the array to be scored, for instance 3200x4096")
      ->required();
  command->add_option("--dtype", flags->type, "Its element type")
      ->capture_default_str();
  AddMeasureFlags(*command, flags->measures);
  AddDatasetContextFlags(*command, flags->context);
  AddDeviceFlag(*command, flags->device);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Estimate(session, *flags); };
  });
}

}  // namespace repscore::cli
