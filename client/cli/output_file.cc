#include "client/cli/output_file.h"

#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "client/cli/failure.h"

namespace repscore::cli {

absl::Status CheckCanWrite(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) {
    folder = ".";
  }
  if (access(folder.c_str(), W_OK) != 0) {
    return UsageError(absl::StrCat("cannot write ", path));
  }
  return absl::OkStatus();
}

}  // namespace repscore::cli
