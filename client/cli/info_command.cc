// repscore info

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/json.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

absl::Status Info(Session& session) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::GetServerInfoResponse info,
                            client->GetServerInfo());
  if (session.json()) {
    PrintDocument(ToJson(info));
    return absl::OkStatus();
  }
  Listing listing;
  listing.Add("version", info.version());
  listing.Add("devices", absl::StrJoin(info.devices(), ", "));
  listing.Add("blas core", info.blas_core());
  listing.Add("lanes", absl::StrCat(info.lanes()));
  listing.Add("threads per lane", absl::StrCat(info.threads_per_lane()));
  listing.Add("message limit",
              absl::StrCat(info.max_message_bytes(), " bytes"));
  std::cout << listing.ToString();
  return absl::OkStatus();
}

}  // namespace

void AddInfoCommand(CLI::App& app, Session& session) {
  app.add_subcommand("info", "Version, devices and limits of the server")
      ->callback([&session] {
        session.command = [&session] { return Info(session); };
      });
}

}  // namespace repscore::cli
