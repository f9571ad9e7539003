// How labels are decoded.
#ifndef REPSCORE_CLIENT_CLI_DECODING_FLAGS_H_
#define REPSCORE_CLIENT_CLI_DECODING_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "repscore/v1/types.pb.h"

namespace repscore::cli {

/// What is not given is left to the server's defaults.
struct DecodingFlags {
  std::vector<std::string> labels;
  std::optional<int32_t> folds;
  std::optional<uint64_t> seed;
  std::optional<double> c;
  bool pool_time_bins = false;
  std::string folds_of;
};

/// `labels_flag` and its details, whose names begin with "--PREFIX".
void AddDecodingFlags(CLI::App& command,
                      const std::string& labels_flag,
                      const std::string& prefix,
                      DecodingFlags& flags);

/// Whether any of the flags was given.
bool IsGiven(const DecodingFlags& flags);

v1::DecodingOptions MakeDecoding(const DecodingFlags& flags);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_DECODING_FLAGS_H_
