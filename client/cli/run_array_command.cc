#include "client/cli/run_array_command.h"

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/output_file.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"
#include "core/data/npy.h"

namespace repscore::cli {
namespace {

struct ArrayFlags {
  std::string name;
  std::string output_file;
};

// The array of a run that has only one member, or `word` in full.
absl::StatusOr<std::string> ArrayName(client::Client& client,
                                      const std::string& word) {
  std::string name = RunName(word);
  if (absl::StrContains(name, "/members/")) {
    return name;
  }
  REPSCORE_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(name));
  if (run.members() > 1) {
    return UsageError(absl::StrCat(name,
                                   " has ",
                                   run.members(),
                                   " members: name one, as in ",
                                   name,
                                   "/members/0/candidate"));
  }
  return absl::StrCat(name, "/members/0/candidate");
}

absl::Status ReadArrayOfRun(Session& session, const ArrayFlags& flags) {
  REPSCORE_RETURN_IF_ERROR(CheckCanWrite(flags.output_file));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const std::string name,
                            ArrayName(*client, flags.name));
  REPSCORE_ASSIGN_OR_RETURN(const HostArray array, client->ReadRunArray(name));
  const absl::Status written = WriteNpy(flags.output_file, array);
  if (!written.ok()) {
    return LocalFileError(written);
  }
  if (session.json()) {
    PrintDocument(Json{{"name", name},
                       {"file", flags.output_file},
                       {"shape", array.spec.shape}});
  } else {
    std::cout << name << "  " << ToString(array.spec) << "  "
              << flags.output_file << '\n';
  }
  return absl::OkStatus();
}

}  // namespace

void AddRunArrayCommand(CLI::App& runs, Session& session) {
  CLI::App* command = runs.add_subcommand(
      "array", "Write an optimised array or snapshot to a file");
  const auto flags = std::make_shared<ArrayFlags>();
  command
      ->add_option("NAME",
                   flags->name,
                   "RUN/members/N/candidate or RUN/members/N/snapshots/M; RUN "
                   "alone when it has one member")
      ->required();
  command->add_option("--out", flags->output_file, "FILE.npy (float64)")
      ->required();
  command->callback([&session, flags] {
    session.command = [&session, flags] {
      return ReadArrayOfRun(session, *flags);
    };
  });
}

}  // namespace repscore::cli
