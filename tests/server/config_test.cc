#include "server/config.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config_options.h"

namespace repscore::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  std::string WriteFile(const std::string& text) {
    std::string path =
        ::testing::TempDir() + "/repscore-config-" +
        ::testing::UnitTest::GetInstance()->current_test_info()->name() +
        ".toml";
    std::ofstream(path) << text;
    return path;
  }

  absl::StatusOr<CommandLine> Parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "repscored");
    std::vector<const char*> argv;
    argv.reserve(arguments.size());
    for (const std::string& argument : arguments) {
      argv.push_back(argument.c_str());
    }
    return ParseCommandLine(
        static_cast<int>(argv.size()),
        argv.data(),
        [this](const std::string& name) {
          const auto found = environment_.find(name);
          return found == environment_.end() ? nullptr : found->second.c_str();
        });
  }

  std::map<std::string, std::string> environment_;
};

TEST_F(ConfigTest, DefaultsNeedNothing) {
  const auto result = Parse({});

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->action, Action::kServe);
  EXPECT_THAT(result->config.listen, ElementsAre("127.0.0.1:50051"));
}

TEST_F(ConfigTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  const std::string path = WriteFile(
      "lanes = 2\nmax_scores = 3\ndata_dir = \"/file\"\ndrain_seconds = 2.5\n");
  environment_ = {{"REPSCORE_MAX_SCORES", "4"}, {"REPSCORE_DATA_DIR", "/env"}};

  const auto result = Parse({"--config", path, "--data-dir", "/flag"});

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->config.lanes, 2);
  EXPECT_EQ(result->config.max_scores, 4);
  EXPECT_EQ(result->config.data_dir, "/flag");
  EXPECT_EQ(result->config.drain_seconds, 2.5);
  EXPECT_EQ(result->config.max_runs, Config().max_runs);
}

TEST_F(ConfigTest, ListsComeFromAllFourPlaces) {
  const std::string path =
      WriteFile("listen = [\"127.0.0.1:1\", \"unix:/a\"]\n");

  const auto file = Parse({"--config", path});
  const auto flags = Parse({"--listen", "h:1", "--listen", "h:2"});
  environment_ = {{"REPSCORE_LISTEN", "h:3,h:4"}};
  const auto environment = Parse({});

  ASSERT_TRUE(file.ok() && flags.ok() && environment.ok());
  EXPECT_THAT(file->config.listen, ElementsAre("127.0.0.1:1", "unix:/a"));
  EXPECT_THAT(flags->config.listen, ElementsAre("h:1", "h:2"));
  EXPECT_THAT(environment->config.listen, ElementsAre("h:3", "h:4"));
}

TEST_F(ConfigTest, UnknownKeyIsAnErrorWithItsLine) {
  const std::string path = WriteFile("lanes = 1\n\nlane = 2\n");

  const auto result = Parse({"--config", path});

  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr(path + ":3: unknown option lane"));
}

TEST_F(ConfigTest, MalformedFileIsAnErrorWithItsLine) {
  const std::string path = WriteFile("lanes = 1\nlisten = [\n");

  const auto result = Parse({"--config", path});

  EXPECT_THAT(std::string(result.status().message()), HasSubstr(path + ":"));
}

TEST_F(ConfigTest, BadValuesNameTheirPlace) {
  const std::string path = WriteFile("\nreflection = 3\n");
  const auto file = Parse({"--config", path});
  const auto flag = Parse({"--lanes", "0"});
  environment_ = {{"REPSCORE_MAX_MESSAGE_BYTES", "8 apples"}};
  const auto environment = Parse({});

  EXPECT_THAT(std::string(file.status().message()),
              HasSubstr(path + ":2: reflection: must be true or false"));
  EXPECT_THAT(std::string(flag.status().message()), HasSubstr("--lanes: must"));
  EXPECT_THAT(std::string(environment.status().message()),
              HasSubstr("REPSCORE_MAX_MESSAGE_BYTES: must be bytes"));
}

TEST_F(ConfigTest, BytesTakeUnits) {
  const auto result = Parse({"--max-message-bytes", "16MiB"});

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->config.max_message_bytes, 16 << 20);
}

TEST_F(ConfigTest, PrintedConfigNamesOriginsAndCanBeReadBack) {
  environment_ = {{"REPSCORE_LANES", "3"}};
  const auto printed =
      Parse({"--print-config", "--data-dir", "a\"b\\c", "--listen", "h:1"});
  ASSERT_TRUE(printed.ok()) << printed.status();
  EXPECT_EQ(printed->action, Action::kPrint);
  EXPECT_THAT(printed->text, HasSubstr("lanes = 3  # environment"));
  EXPECT_THAT(printed->text, HasSubstr("# flag"));
  EXPECT_THAT(printed->text, HasSubstr("max_runs = 64  # default"));
  environment_.clear();

  const auto again = Parse({"--config", WriteFile(printed->text)});

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->config.data_dir, "a\"b\\c");
  EXPECT_EQ(again->config.lanes, 3);
  EXPECT_THAT(again->config.listen, ElementsAre("h:1"));
}

TEST_F(ConfigTest, HelpVersionAndCheckDoNotServe) {
  const auto help = Parse({"--help"});
  const auto version = Parse({"--version"});
  const auto check = Parse({"--check-config"});

  ASSERT_TRUE(help.ok() && version.ok() && check.ok());
  EXPECT_EQ(help->action, Action::kPrint);
  EXPECT_THAT(help->text, HasSubstr("REPSCORE_DRAIN_SECONDS"));
  EXPECT_THAT(version->text, HasSubstr("repscored " REPSCORE_VERSION));
  EXPECT_EQ(check->action, Action::kPrint);
}

TEST_F(ConfigTest, DevicesArePrintedWhateverElseIsSet) {
  const auto result = Parse({"--devices", "--device", "cuda:7"});

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->action, Action::kDevices);
}

TEST_F(ConfigTest, SwitchesMeanTrueAndTakeAValue) {
  for (const auto& [arguments, expected] :
       {std::pair{std::vector<std::string>{}, false},
        {{"--self-test"}, true},
        {{"--self-test", "--lanes", "2"}, true},
        {{"--self-test=false"}, false},
        {{"--self-test", "false"}, false},
        {{"--self-test", "true"}, true}}) {
    const auto result = Parse(arguments);

    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->config.self_test, expected)
        << ::testing::PrintToString(arguments);
  }
}

TEST_F(ConfigTest, TheSelfTestCanBeSetInTheEnvironmentAndTheFile) {
  const auto by_file = Parse({"--config", WriteFile("self_test = true\n")});
  environment_ = {{"REPSCORE_SELF_TEST", "true"}};
  const auto by_environment = Parse({});

  ASSERT_TRUE(by_file.ok()) << by_file.status();
  ASSERT_TRUE(by_environment.ok()) << by_environment.status();
  EXPECT_TRUE(by_file->config.self_test);
  EXPECT_TRUE(by_environment->config.self_test);
}

TEST_F(ConfigTest, UnknownFlagIsAnError) {
  EXPECT_FALSE(Parse({"--no-such-flag"}).ok());
}

TEST_F(ConfigTest, HalfATlsPairIsAnError) {
  EXPECT_FALSE(Parse({"--tls-cert", "x.pem"}).ok());
}

TEST(ConfigOptions, NamesAreUnique) {
  std::set<std::string> flags;
  for (const Option& option : Options()) {
    EXPECT_TRUE(flags.insert(option.Flag()).second) << option.key;
    EXPECT_FALSE(option.help.empty()) << option.key;
  }
}

}  // namespace
}  // namespace repscore::server
