// Runs the built `repscore` command and keeps what it writes.
#ifndef REPSCORE_TESTS_CLIENT_CLI_PROCESS_H_
#define REPSCORE_TESTS_CLIENT_CLI_PROCESS_H_

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace repscore::client {

struct CliResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// One process; Wait once. Standard output and error go to files in `folder`,
/// errors through a terminal if so asked for.
class CliProcess {
 public:
  CliProcess(const std::filesystem::path& folder,
             std::vector<std::string> arguments,
             std::vector<std::string> environment = {},
             bool with_terminal = false);

  /// Waits until standard output has `text`.
  void WaitForOutput(const std::string& text) const;
  void Signal(int number) const;
  CliResult Wait();

 private:
  std::filesystem::path out_;
  std::filesystem::path err_;
  int terminal_ = -1;
  pid_t pid_ = 0;
};

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_CLI_PROCESS_H_
