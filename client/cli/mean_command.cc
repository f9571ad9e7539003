// repscore mean

#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/output_file.h"
#include "client/cli/session.h"
#include "client/cli/systems.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"
#include "core/data/npy.h"

namespace repscore::cli {
namespace {

struct MeanFlags {
  std::vector<std::string> systems;
  std::string output_file;
  bool unit_norm = false;
  std::optional<double> tolerance;
  std::optional<int64_t> max_iterations;
};

// Writes an array as the server sent it; Internal when its bytes do not match
// its shape.
absl::Status WriteTensor(const v1::Tensor& tensor, const std::string& path) {
  HostArray array;
  array.spec = client::ToArraySpec(tensor.spec());
  const auto expected = CheckedByteSize(array.spec, "mean.spec");
  if (!expected.ok() ||
      static_cast<size_t>(*expected) != tensor.data().size()) {
    return absl::InternalError("the server sent a mean without its elements");
  }
  array.data.resize(tensor.data().size());
  std::memcpy(array.data.data(), tensor.data().data(), array.data.size());
  const absl::Status written = WriteNpy(path, array);
  return written.ok() ? written : LocalFileError(written);
}

v1::ComputeFrechetMeanRequest MakeRequest(const MeanFlags& flags,
                                          std::vector<v1::System> systems) {
  v1::ComputeFrechetMeanRequest request;
  for (v1::System& system : systems) {
    *request.add_systems() = std::move(system);
  }
  request.set_unit_norm(flags.unit_norm);
  if (flags.tolerance.has_value()) {
    request.set_tolerance(*flags.tolerance);
  }
  if (flags.max_iterations.has_value()) {
    request.set_max_iterations(*flags.max_iterations);
  }
  return request;
}

void PrintMean(const std::vector<std::string>& names,
               const v1::ComputeFrechetMeanResponse& response,
               const std::string& path) {
  Table table({"system", "distance"}, {1});
  for (int i = 0; i < response.distances_size(); ++i) {
    table.AddRow({static_cast<size_t>(i) < names.size()
                      ? names[static_cast<size_t>(i)]
                      : absl::StrCat(i),
                  FormatNumber(response.distances(i))});
  }
  Listing listing;
  listing.Add("mean",
              absl::StrCat(path,
                           "  ",
                           FormatType(response.mean().spec()),
                           " [",
                           FormatShape(response.mean().spec()),
                           "]"));
  listing.Add("variance", FormatNumber(response.variance()));
  listing.Add("iterations",
              absl::StrCat(response.iterations(),
                           response.converged() ? "" : ", not converged"));
  std::cout << table.ToString() << '\n' << listing.ToString();
}

absl::Status Mean(Session& session, const MeanFlags& flags) {
  REPSCORE_RETURN_IF_ERROR(CheckCanWrite(flags.output_file));
  REPSCORE_ASSIGN_OR_RETURN(std::vector<v1::System> systems,
                            ReadSystems(flags.systems));
  std::vector<std::string> names;
  names.reserve(systems.size());
  for (const v1::System& system : systems) {
    names.push_back(system.name());
  }
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_RETURN_IF_ERROR(CheckFitsMessage(*client, systems));
  REPSCORE_ASSIGN_OR_RETURN(
      const v1::ComputeFrechetMeanResponse response,
      client->ComputeFrechetMean(MakeRequest(flags, std::move(systems))));
  REPSCORE_RETURN_IF_ERROR(WriteTensor(response.mean(), flags.output_file));
  if (session.json()) {
    Json document = {{"file", flags.output_file}, {"names", names}};
    document.update(ToJson(response));
    PrintDocument(document);
  } else {
    PrintMean(names, response, flags.output_file);
  }
  return absl::OkStatus();
}

}  // namespace

void AddMeanCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "mean", "The mean of several systems (generalised Procrustes analysis)");
  const auto flags = std::make_shared<MeanFlags>();
  command->add_option("SYSTEM", flags->systems, kSystemHelp)->required();
  command
      ->add_option(
          "--out", flags->output_file, "Write the mean to FILE.npy (float64)")
      ->required();
  command->add_flag(
      "--unit-norm", flags->unit_norm, "Scale every system to unit norm first");
  command->add_option("--tolerance",
                      flags->tolerance,
                      "Relative fall of the variance that ends the iteration "
                      "[1e-9]");
  command->add_option(
      "--max-iterations", flags->max_iterations, "Most iterations [200]");
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Mean(session, *flags); };
  });
}

}  // namespace repscore::cli
