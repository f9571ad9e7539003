// repscore compare

#include <memory>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/context_flags.h"
#include "client/cli/device_flag.h"
#include "client/cli/json.h"
#include "client/cli/measure_flags.h"
#include "client/cli/score_table.h"
#include "client/cli/session.h"
#include "client/cli/systems.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct CompareFlags {
  std::string candidate_file;
  std::string reference_file;
  MeasureFlags measures = {.ids = DefaultMeasures()};
  ContextFlags context;
  std::string device;
};

absl::Status Compare(Session& session, const CompareFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MakeMeasures(flags.measures));
  REPSCORE_ASSIGN_OR_RETURN(const v1::ContextOptions context,
                            MakeContext(flags.context));
  REPSCORE_ASSIGN_OR_RETURN(const HostArray candidate,
                            ReadArray(flags.candidate_file));
  REPSCORE_ASSIGN_OR_RETURN(const HostArray reference,
                            ReadArray(flags.reference_file));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_RETURN_IF_ERROR(
      CheckFitsMessage(*client,
                       candidate.data.size() + reference.data.size(),
                       "register REFERENCE with 'repscore datasets register' "
                       "and use 'repscore score'"));
  REPSCORE_ASSIGN_OR_RETURN(const v1::CompareResponse response,
                            client->Compare(client::ViewOf(candidate),
                                            client::ViewOf(reference),
                                            measures,
                                            context,
                                            flags.device));
  if (session.json()) {
    Json document = {{"candidate_file", flags.candidate_file},
                     {"reference_file", flags.reference_file}};
    document.update(ToJson(response));
    PrintDocument(document);
    return absl::OkStatus();
  }
  PrintScores(flags.measures.ids,
              {{flags.candidate_file,
                {response.scores().begin(), response.scores().end()}}},
              Rows::kMeasures);
  PrintProvenance("", response.provenance());
  return absl::OkStatus();
}

}  // namespace

void AddCompareCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "compare", "Score two arrays against each other, without a dataset");
  const auto flags = std::make_shared<CompareFlags>();
  command
      ->add_option(
          "CANDIDATE", flags->candidate_file, "FILE.npy or FILE.npz[:key]")
      ->required();
  command
      ->add_option("REFERENCE",
                   flags->reference_file,
                   "An array with as many rows: FILE.npy or FILE.npz[:key]")
      ->required();
  AddMeasureFlags(*command, flags->measures);
  AddContextFlags(*command, flags->context);
  AddDeviceFlag(*command, flags->device);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Compare(session, *flags); };
  });
}

}  // namespace repscore::cli
