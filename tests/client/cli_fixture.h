// A scripted server and the command beside it.
#ifndef REPSCORE_TESTS_CLIENT_CLI_FIXTURE_H_
#define REPSCORE_TESTS_CLIENT_CLI_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "core/data/npy.h"
#include "tests/client/cli_process.h"
#include "tests/client/fake_server.h"

namespace repscore::client {

class CliFixture : public testing::Test {
 protected:
  CliProcess Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--server", server_.address()});
    return {server_.folder(), std::move(arguments)};
  }

  CliResult Run(std::vector<std::string> arguments) {
    return Start(std::move(arguments)).Wait();
  }

  std::string Path(const std::string& name) const {
    return (server_.folder() / name).string();
  }

  /// Writes `values` as float64 and gives the path.
  std::string WriteArray(const std::string& name,
                         const std::vector<double>& values,
                         std::vector<int64_t> shape) {
    HostArray array;
    array.spec = {.type = DataType::kFloat64, .shape = std::move(shape)};
    array.data.resize(values.size() * sizeof(double));
    std::memcpy(array.data.data(), values.data(), array.data.size());
    EXPECT_TRUE(WriteNpy(Path(name), array).ok());
    return Path(name);
  }

  std::string WriteText(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }

  std::string ReadText(const std::string& name) const {
    std::ifstream file(Path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static std::vector<std::string> Lines(const std::string& text) {
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }

  FakeServer server_;
};

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_CLI_FIXTURE_H_
