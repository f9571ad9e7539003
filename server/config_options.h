// The table of options: how each one is called, explained, read and printed.
// A constant table: safe from any thread.
#ifndef REPSCORE_SERVER_CONFIG_OPTIONS_H_
#define REPSCORE_SERVER_CONFIG_OPTIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/config.h"

namespace repscore::server {

struct Option {
  /// Key in the file: "data_dir". The flag is --data-dir, the variable
  /// REPSCORE_DATA_DIR.
  std::string key;
  std::string help;
  bool is_list = false;
  /// The flag alone means true.
  bool is_switch = false;
  /// InvalidArgument says what a value must be, without naming the option.
  std::function<absl::Status(const std::vector<std::string>&, Config&)> read;
  /// The value as TOML.
  std::function<std::string(const Config&)> print;

  std::string Flag() const;
  std::string Variable() const;
};

const std::vector<Option>& Options();

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CONFIG_OPTIONS_H_
