#include "server/catalog/fail_point.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace repscore::server {
namespace {

struct Failure {
  std::string name;
  bool is_kill = false;
  std::atomic<int> reaches_left = 1;
};

std::unique_ptr<Failure> Parse(std::string_view specification) {
  const std::vector<std::string> parts =
      absl::StrSplit(std::string(specification), ':');
  if (parts.size() < 2 || (parts[1] != "kill" && parts[1] != "error")) {
    return nullptr;
  }
  auto failure = std::make_unique<Failure>();
  failure->name = parts[0];
  failure->is_kill = parts[1] == "kill";
  int reaches = 1;
  if (parts.size() > 2 && absl::SimpleAtoi(parts[2], &reaches)) {
    failure->reaches_left = reaches;
  }
  return failure;
}

std::unique_ptr<Failure>& Current() {
  static std::unique_ptr<Failure> current = [] {
    const char* const specification = std::getenv("REPSCORE_FAILPOINT");
    return specification == nullptr ? nullptr : Parse(specification);
  }();
  return current;
}

}  // namespace

absl::Status ReachFailPoint(std::string_view name) {
  Failure* const failure = Current().get();
  if (failure == nullptr || failure->name != name ||
      failure->reaches_left.fetch_sub(1) != 1) {
    return absl::OkStatus();
  }
  if (failure->is_kill) {
    std::raise(SIGKILL);
  }
  return absl::InternalError(
      absl::StrCat("fail point ", failure->name, " is set"));
}

void SetFailPointForTest(std::string_view specification) {
  Current() = Parse(specification);
}

std::vector<std::string> FailPointNames() {
  std::vector<std::string> names;
  for (const char* blob : {"register", "checkpoint", "array"}) {
    for (const char* step : {"written", "synced", "renaming", "renamed"}) {
      names.push_back(absl::StrCat(blob, ".", step));
    }
  }
  for (const char* change : {"register",
                             "delete",
                             "create_run",
                             "record_run",
                             "put_arrays",
                             "drop_plan",
                             "put_analysis"}) {
    for (const char* step : {"committing", "committed"}) {
      names.push_back(absl::StrCat(change, ".", step));
    }
  }
  return names;
}

}  // namespace repscore::server
