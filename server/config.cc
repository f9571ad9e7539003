#include "server/config.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status_macros.h"
#include "server/config_options.h"
#define TOML_EXCEPTIONS 0
#include "toml++/toml.h"

namespace repscore::server {
namespace {

using Values = std::vector<std::string>;

struct Flags {
  std::map<std::string, Values> values;
  std::string config_path;
  bool check = false;
  bool print = false;
  bool devices = false;
  /// Set when help or the version was asked for.
  std::optional<std::string> text;
};

std::string HelpOf(const Option& option) {
  return absl::StrCat(
      option.help, " [", option.print(Config()), "] (", option.Variable(), ")");
}

absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv) {
  Flags flags;
  CLI::App app("Serves similarity scores of neural representations.",
               "repscored");
  app.set_version_flag("--version", "repscored " REPSCORE_VERSION);
  app.add_option("--config", flags.config_path, "TOML file (REPSCORE_CONFIG)");
  app.add_flag("--check-config", flags.check, "check the options and exit");
  app.add_flag(
      "--print-config", flags.print, "print the options with origin and exit");
  app.add_flag(
      "--devices", flags.devices, "print the devices there are and exit");
  for (const Option& option : Options()) {
    app.add_option(option.Flag(), flags.values[option.key], HelpOf(option))
        ->expected(option.is_switch ? 0 : 1, 1)
        ->multi_option_policy(option.is_list
                                  ? CLI::MultiOptionPolicy::TakeAll
                                  : CLI::MultiOptionPolicy::TakeLast);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream out;
    app.exit(success, out, out);
    flags.text = out.str();
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  for (const Option& option : Options()) {
    for (std::string& value : flags.values[option.key]) {
      if (option.is_switch && value.empty()) {
        value = "true";
      }
    }
  }
  return flags;
}

class Loader {
 public:
  absl::Status ApplyFile(const std::string& path) {
    toml::parse_result parsed = toml::parse_file(path);
    if (!parsed) {
      return absl::InvalidArgumentError(
          absl::StrCat(path,
                       ":",
                       parsed.error().source().begin.line,
                       ": ",
                       std::string(parsed.error().description())));
    }
    for (const auto& [key, node] : parsed.table()) {
      const std::string where =
          absl::StrCat(path, ":", key.source().begin.line);
      REPSCORE_RETURN_IF_ERROR(ApplyEntry(std::string(key.str()), node, where));
    }
    return absl::OkStatus();
  }

  absl::Status ApplyEnvironment(const Environment& environment) {
    for (const Option& option : Options()) {
      const char* value = environment(option.Variable());
      if (value == nullptr) {
        continue;
      }
      const Values values =
          option.is_list ? Values(absl::StrSplit(value, ',')) : Values{value};
      REPSCORE_RETURN_IF_ERROR(Apply(option,
                                     values,
                                     option.Variable(),
                                     "environment " + option.Variable()));
    }
    return absl::OkStatus();
  }

  absl::Status ApplyFlags(const std::map<std::string, Values>& flags) {
    for (const Option& option : Options()) {
      const Values& values = flags.at(option.key);
      if (!values.empty()) {
        REPSCORE_RETURN_IF_ERROR(Apply(option, values, option.Flag(), "flag"));
      }
    }
    return absl::OkStatus();
  }

  const Config& config() const { return config_; }
  const Origins& origins() const { return origins_; }

 private:
  absl::Status ApplyEntry(const std::string& key,
                          const toml::node& node,
                          const std::string& where) {
    const auto& options = Options();
    const auto option =
        std::find_if(options.begin(), options.end(), [&](const Option& o) {
          return o.key == key;
        });
    if (option == options.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": unknown option ", key));
    }
    REPSCORE_ASSIGN_OR_RETURN(const Values values, ValuesOf(node, where, key));
    if (values.empty() || (values.size() > 1 && !option->is_list)) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": ", key, " takes one value"));
    }
    return Apply(
        *option, values, absl::StrCat(where, ": ", key), "file " + where);
  }

  static absl::StatusOr<Values> ValuesOf(const toml::node& node,
                                         const std::string& where,
                                         const std::string& key) {
    if (const toml::array* array = node.as_array(); array != nullptr) {
      Values values;
      for (const toml::node& item : *array) {
        REPSCORE_ASSIGN_OR_RETURN(const Values inner,
                                  ValuesOf(item, where, key));
        values.insert(values.end(), inner.begin(), inner.end());
      }
      return values;
    }
    if (const auto* text = node.as_string(); text != nullptr) {
      return Values{text->get()};
    }
    std::ostringstream out;
    if (const auto* integer = node.as_integer(); integer != nullptr) {
      out << integer->get();
    } else if (const auto* number = node.as_floating_point();
               number != nullptr) {
      out << number->get();
    } else if (const auto* truth = node.as_boolean(); truth != nullptr) {
      out << (truth->get() ? "true" : "false");
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          where, ": ", key, " must be text, a number, a boolean or a list"));
    }
    return Values{out.str()};
  }

  absl::Status Apply(const Option& option,
                     const Values& values,
                     const std::string& where,
                     const std::string& origin) {
    const absl::Status status = option.read(values, config_);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": ", status.message()));
    }
    origins_[option.key] = origin;
    return absl::OkStatus();
  }

  Config config_;
  Origins origins_;
};

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc,
                                             const char* const* argv,
                                             const Environment& environment) {
  REPSCORE_ASSIGN_OR_RETURN(Flags flags, ParseFlags(argc, argv));
  if (flags.text.has_value()) {
    return CommandLine{
        .action = Action::kPrint, .config = {}, .text = *flags.text};
  }
  if (flags.devices) {
    return CommandLine{.action = Action::kDevices, .config = {}, .text = {}};
  }
  if (const char* path = environment("REPSCORE_CONFIG");
      flags.config_path.empty() && path != nullptr) {
    flags.config_path = path;
  }
  Loader loader;
  if (!flags.config_path.empty()) {
    REPSCORE_RETURN_IF_ERROR(loader.ApplyFile(flags.config_path));
  }
  REPSCORE_RETURN_IF_ERROR(loader.ApplyEnvironment(environment));
  REPSCORE_RETURN_IF_ERROR(loader.ApplyFlags(flags.values));
  REPSCORE_RETURN_IF_ERROR(ValidateConfig(loader.config()));
  CommandLine result;
  result.config = loader.config();
  if (flags.print) {
    result.action = Action::kPrint;
    result.text = PrintConfig(loader.config(), loader.origins());
  } else if (flags.check) {
    result.action = Action::kPrint;
    result.text = "configuration ok\n";
  }
  return result;
}

absl::Status ValidateConfig(const Config& config) {
  if (config.listen.empty()) {
    return absl::InvalidArgumentError("listen: at least one address is needed");
  }
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return absl::InvalidArgumentError(
        "tls_cert and tls_key: set both or neither");
  }
  if (config.data_dir.empty()) {
    return absl::InvalidArgumentError("data_dir: must not be empty");
  }
  return absl::OkStatus();
}

std::string PrintConfig(const Config& config, const Origins& origins) {
  std::string text;
  for (const Option& option : Options()) {
    const auto origin = origins.find(option.key);
    absl::StrAppend(&text,
                    option.key,
                    " = ",
                    option.print(config),
                    "  # ",
                    origin == origins.end() ? "default" : origin->second,
                    "\n");
  }
  return text;
}

int ThreadsPerLane(const Config& config) {
  if (config.threads_per_lane > 0) {
    return static_cast<int>(config.threads_per_lane);
  }
  const auto cores =
      static_cast<int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  return static_cast<int>(std::max<int64_t>(1, cores / config.lanes));
}

}  // namespace repscore::server
