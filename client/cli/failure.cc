#include "client/cli/failure.h"

#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cpp/errors.h"

namespace repscore::cli {
namespace {

constexpr char kUsagePayload[] = "repscore.cli.usage";

}  // namespace

absl::Status UsageError(const std::string& message) {
  return LocalFileError(absl::InvalidArgumentError(message));
}

absl::Status LocalFileError(const absl::Status& status) {
  absl::Status result = status;
  result.SetPayload(kUsagePayload, absl::Cord());
  return result;
}

absl::Status WithContext(const std::string& context,
                         const absl::Status& status) {
  absl::Status result(status.code(),
                      absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    result.SetPayload(url, payload);
  });
  return result;
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) {
    return kSuccess;
  }
  if (status.GetPayload(kUsagePayload).has_value()) {
    return kUsageError;
  }
  const bool from_server = client::ErrorDetailsOf(status).has_value();
  return absl::IsUnavailable(status) && !from_server ? kCannotConnect
                                                     : kServerError;
}

std::string Describe(const absl::Status& status) {
  std::vector<std::string> notes;
  if (const auto details = client::ErrorDetailsOf(status)) {
    if (!details->reason.empty()) {
      notes.push_back(details->reason);
    }
    for (const auto& violation : details->field_violations) {
      notes.push_back(absl::StrCat("field ", violation.field));
    }
  }
  std::string text = status.message().empty()
                         ? absl::StatusCodeToString(status.code())
                         : absl::StrCat(status.message());
  if (!notes.empty()) {
    absl::StrAppend(&text, " (", absl::StrJoin(notes, ", "), ")");
  }
  return text;
}

void PrintError(const absl::Status& status) {
  std::cerr << "repscore: error: " << Describe(status) << std::endl;
}

}  // namespace repscore::cli
