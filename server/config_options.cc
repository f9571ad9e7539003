#include "server/config_options.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "core/base/status_macros.h"

namespace repscore::server {
namespace {

using Values = std::vector<std::string>;

std::string PrintText(const std::string& text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

absl::Status ReadBool(const std::string& text, bool& value) {
  return absl::SimpleAtob(text, &value)
             ? absl::OkStatus()
             : absl::InvalidArgumentError("must be true or false");
}

struct Range {
  int64_t lowest = 0;
  int64_t highest = std::numeric_limits<int32_t>::max();
};

absl::Status ReadInteger(const std::string& text, Range range, int64_t& value) {
  int64_t parsed = 0;
  if (!absl::SimpleAtoi(text, &parsed) || parsed < range.lowest ||
      parsed > range.highest) {
    return absl::InvalidArgumentError(absl::StrCat(
        "must be an integer from ", range.lowest, " to ", range.highest));
  }
  value = parsed;
  return absl::OkStatus();
}

/// "1048576", "1024KiB", "8MiB", "4GiB".
absl::Status ReadBytes(const std::string& text, Range range, int64_t& value) {
  absl::string_view digits = text;
  int64_t unit = 1;
  for (const auto& [suffix, factor] :
       {std::pair<const char*, int64_t>{"KiB", int64_t{1} << 10},
        {"MiB", int64_t{1} << 20},
        {"GiB", int64_t{1} << 30}}) {
    if (absl::ConsumeSuffix(&digits, suffix)) {
      unit = factor;
    }
  }
  int64_t parsed = 0;
  if (!absl::SimpleAtoi(digits, &parsed) || parsed < 0 ||
      parsed > range.highest / unit || parsed * unit < range.lowest) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be bytes from ",
                     range.lowest,
                     " to ",
                     range.highest,
                     ", with or without KiB, MiB or GiB"));
  }
  value = parsed * unit;
  return absl::OkStatus();
}

absl::Status ReadSeconds(const std::string& text, double& value) {
  double parsed = 0.0;
  if (!absl::SimpleAtod(text, &parsed) || !std::isfinite(parsed) ||
      parsed < 0.0 || parsed > 86400.0) {
    return absl::InvalidArgumentError("must be seconds from 0 to 86400");
  }
  value = parsed;
  return absl::OkStatus();
}

absl::Status ReadChoice(const std::string& text,
                        const std::vector<std::string>& choices,
                        std::string& value) {
  for (const std::string& choice : choices) {
    if (text == choice) {
      value = text;
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("must be one of ", absl::StrJoin(choices, ", ")));
}

Option Text(std::string key, std::string Config::*field, std::string help) {
  return {
      .key = std::move(key),
      .help = std::move(help),
      .read =
          [field](const Values& values, Config& config) {
            config.*field = values.front();
            return absl::OkStatus();
          },
      .print =
          [field](const Config& config) { return PrintText(config.*field); }};
}

Option Choice(std::string key,
              std::string Config::*field,
              const std::vector<std::string>& choices,
              const std::string& help) {
  return {
      .key = std::move(key),
      .help = absl::StrCat(help, ": ", absl::StrJoin(choices, ", ")),
      .read =
          [field, choices](const Values& values, Config& config) {
            return ReadChoice(values.front(), choices, config.*field);
          },
      .print =
          [field](const Config& config) { return PrintText(config.*field); }};
}

Option Integer(std::string key,
               int64_t Config::*field,
               Range range,
               std::string help) {
  return {.key = std::move(key),
          .help = std::move(help),
          .read =
              [field, range](const Values& values, Config& config) {
                return ReadInteger(values.front(), range, config.*field);
              },
          .print =
              [field](const Config& config) {
                return absl::StrCat(config.*field);
              }};
}

Option Bytes(std::string key,
             int64_t Config::*field,
             Range range,
             std::string help) {
  return {.key = std::move(key),
          .help = std::move(help),
          .read =
              [field, range](const Values& values, Config& config) {
                return ReadBytes(values.front(), range, config.*field);
              },
          .print =
              [field](const Config& config) {
                return absl::StrCat(config.*field);
              }};
}

Option Seconds(std::string key, double Config::*field, std::string help) {
  return {.key = std::move(key),
          .help = std::move(help),
          .read =
              [field](const Values& values, Config& config) {
                return ReadSeconds(values.front(), config.*field);
              },
          .print =
              [field](const Config& config) {
                return absl::StrCat(config.*field);
              }};
}

Option Bool(std::string key, bool Config::*field, std::string help) {
  return {.key = std::move(key),
          .help = std::move(help),
          .is_switch = true,
          .read =
              [field](const Values& values, Config& config) {
                return ReadBool(values.front(), config.*field);
              },
          .print =
              [field](const Config& config) {
                return std::string(config.*field ? "true" : "false");
              }};
}

Option List(std::string key,
            std::vector<std::string> Config::*field,
            std::string help) {
  return {.key = std::move(key),
          .help = std::move(help),
          .is_list = true,
          .read =
              [field](const Values& values, Config& config) {
                config.*field = values;
                return absl::OkStatus();
              },
          .print =
              [field](const Config& config) {
                std::vector<std::string> items;
                for (const std::string& item : config.*field) {
                  items.push_back(PrintText(item));
                }
                return absl::StrCat("[", absl::StrJoin(items, ", "), "]");
              }};
}

std::vector<Option> ServiceOptions() {
  return {List("listen",
               &Config::listen,
               "address to serve on: HOST:PORT (port 0: any) or unix:PATH"),
          Text("port_file",
               &Config::port_file,
               "file that gets the port of the first TCP address"),
          Text("data_dir", &Config::data_dir, "directory of datasets and runs"),
          Text("device",
               &Config::device,
               "devices to compute on: auto (every GPU and the host) or a list "
               "such as cuda:0,cpu"),
          Integer("lanes",
                  &Config::lanes,
                  {.lowest = 1, .highest = 256},
                  "computations at a time on the host; a GPU has one"),
          Integer("threads_per_lane",
                  &Config::threads_per_lane,
                  {.lowest = 0, .highest = 1024},
                  "CPU threads of one computation, 0: cores / lanes"),
          Integer("disk_threads",
                  &Config::disk_threads,
                  {.lowest = 1, .highest = 64},
                  "threads for the catalog and uploads"),
          Integer("max_scores",
                  &Config::max_scores,
                  {.lowest = 1, .highest = 100000},
                  "scores waiting or running"),
          Integer("max_runs",
                  &Config::max_runs,
                  {.lowest = 1, .highest = 100000},
                  "optimisation runs waiting or running")};
}

std::vector<Option> SizeOptions() {
  const Range bytes = {.lowest = int64_t{1} << 10, .highest = int64_t{1} << 50};
  const Range message = {.lowest = int64_t{64} << 10,
                         .highest = int64_t{1} << 30};
  return {
      Bytes("max_message_bytes",
            &Config::max_message_bytes,
            message,
            "largest request message"),
      Bytes("max_dataset_bytes",
            &Config::max_dataset_bytes,
            bytes,
            "largest dataset"),
      Bytes("max_request_memory",
            &Config::max_request_memory,
            bytes,
            "most memory of one score or run on the host"),
      Bytes("host_memory_bytes",
            &Config::host_memory_bytes,
            {.lowest = 0, .highest = int64_t{1} << 50},
            "memory of all scores and runs on the host, 0: three quarters of "
            "what it has"),
      Bytes("device_memory_bytes",
            &Config::device_memory_bytes,
            {.lowest = 0, .highest = int64_t{1} << 50},
            "memory of all scores and runs on a GPU, 0: nine tenths of what is "
            "free"),
      Bytes("dataset_cache_bytes",
            &Config::dataset_cache_bytes,
            {.lowest = 0, .highest = int64_t{1} << 50},
            "loaded datasets kept in memory"),
      Bytes("reference_cache_bytes",
            &Config::reference_cache_bytes,
            {.lowest = 0, .highest = int64_t{1} << 50},
            "prepared datasets kept per lane")};
}

std::vector<Option> OperationOptions() {
  return {
      Seconds("checkpoint_seconds",
              &Config::checkpoint_seconds,
              "time between checkpoints of a run"),
      Seconds("drain_seconds",
              &Config::drain_seconds,
              "time for running calls to end at shutdown"),
      Bool("reflection", &Config::reflection, "serve gRPC reflection"),
      Bool("self_test",
           &Config::self_test,
           "serve only when every device gives the golden values"),
      Text(
          "tls_cert", &Config::tls_cert, "PEM file with the certificate chain"),
      Text("tls_key", &Config::tls_key, "PEM file with the private key"),
      Choice("log_level",
             &Config::log_level,
             {"debug", "info", "warning", "error"},
             "least severe messages logged"),
      Choice("log_format", &Config::log_format, {"text", "json"}, "log lines")};
}

std::vector<Option> MakeOptions() {
  std::vector<Option> options = ServiceOptions();
  for (const auto& more : {SizeOptions(), OperationOptions()}) {
    options.insert(options.end(), more.begin(), more.end());
  }
  return options;
}

}  // namespace

std::string Option::Flag() const {
  return absl::StrCat("--", absl::StrReplaceAll(key, {{"_", "-"}}));
}

std::string Option::Variable() const {
  return absl::StrCat("REPSCORE_", absl::AsciiStrToUpper(key));
}

const std::vector<Option>& Options() {
  static const std::vector<Option>* const options =
      new std::vector<Option>(MakeOptions());
  return *options;
}

}  // namespace repscore::server
