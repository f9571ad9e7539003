#include "server/runs/run_arrays.h"

#include <cstddef>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/error.h"
#include "server/runs/live_run.h"
#include "server/runs/run_manager.h"

namespace repscore::server {
namespace {

constexpr char kMembers[] = "members";
constexpr char kCandidate[] = "candidate";
constexpr char kSnapshots[] = "snapshots";

/// A number as the server writes it: no sign, no leading zeros.
bool IsIndex(const std::string& text) {
  int64_t value = -1;
  return absl::SimpleAtoi(text, &value) && value >= 0 &&
         absl::StrCat(value) == text;
}

}  // namespace

std::string CandidateArray(int64_t member) {
  return absl::StrCat(kMembers, "/", member, "/", kCandidate);
}

std::string SnapshotArray(int64_t member, int64_t snapshot) {
  return absl::StrCat(kMembers, "/", member, "/", kSnapshots, "/", snapshot);
}

std::string RunArrayName(const std::string& run_id, const std::string& array) {
  return absl::StrCat(RunName(run_id), "/", array);
}

absl::StatusOr<RunArrayId> ParseRunArrayName(const std::string& name) {
  REPSCORE_RETURN_IF_ERROR(CheckName(name, "name"));
  // runs/{run}/members/{member}/candidate or .../snapshots/{snapshot}
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  const bool is_candidate = parts.size() == 5 && parts[4] == kCandidate;
  const bool is_snapshot =
      parts.size() == 6 && parts[4] == kSnapshots && IsIndex(parts[5]);
  if ((!is_candidate && !is_snapshot) || parts[2] != kMembers ||
      !IsIndex(parts[3])) {
    return FieldError(
        "name",
        absl::StrCat(Quoted(name),
                     " is neither runs/{run}/members/{member}/candidate nor "
                     "runs/{run}/members/{member}/snapshots/{snapshot}"));
  }
  RunArrayId id;
  REPSCORE_ASSIGN_OR_RETURN(
      id.run_id, ParseRunName(absl::StrCat(parts[0], "/", parts[1])));
  id.array = name.substr(parts[0].size() + parts[1].size() + 2);
  return id;
}

}  // namespace repscore::server
