#include "client/cli/systems.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"
#include "core/base/status_macros.h"

namespace repscore::cli {

absl::StatusOr<std::vector<v1::System>> ReadSystems(
    const std::vector<std::string>& words) {
  std::vector<v1::System> systems;
  for (const std::string& word : words) {
    REPSCORE_ASSIGN_OR_RETURN(const auto parts, SplitAtFirstEquals(word));
    v1::System& system = systems.emplace_back();
    system.set_name(parts.first);
    if (absl::StartsWith(parts.second, "datasets/")) {
      system.set_dataset(parts.second);
      continue;
    }
    REPSCORE_ASSIGN_OR_RETURN(const HostArray array, ReadArray(parts.second));
    *system.mutable_tensor() = client::ToTensor(client::ViewOf(array));
  }
  return systems;
}

size_t BytesOf(const std::vector<v1::System>& systems) {
  size_t bytes = 0;
  for (const v1::System& system : systems) {
    bytes += system.tensor().data().size();
  }
  return bytes;
}

absl::Status CheckFitsMessage(client::Client& client,
                              size_t bytes,
                              const std::string& advice) {
  if (bytes <= client::kMaxInlineBytes) {
    return absl::OkStatus();
  }
  REPSCORE_ASSIGN_OR_RETURN(const v1::GetServerInfoResponse info,
                            client.GetServerInfo());
  const int64_t limit = info.max_message_bytes();
  if (limit <= 0 || bytes <= static_cast<size_t>(limit)) {
    return absl::OkStatus();
  }
  return UsageError(absl::StrCat("the arrays have ",
                                 bytes,
                                 " bytes, a message to the server ",
                                 limit,
                                 " at most; ",
                                 advice));
}

absl::Status CheckFitsMessage(client::Client& client,
                              const std::vector<v1::System>& systems) {
  return CheckFitsMessage(client,
                          BytesOf(systems),
                          "register arrays with 'repscore datasets register' "
                          "and give NAME=datasets/DATASET");
}

}  // namespace repscore::cli
