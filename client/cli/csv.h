// Comma-separated values as of RFC 4180: cells in double quotes may have
// commas, line ends and doubled quotes.
#ifndef REPSCORE_CLIENT_CLI_CSV_H_
#define REPSCORE_CLIENT_CLI_CSV_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace repscore::cli {

/// One line with its end; cells are quoted where they must be.
std::string CsvLine(const std::vector<std::string>& cells);

/// All lines but empty ones, which are left out. A usage error for a quote
/// that is not closed.
absl::StatusOr<std::vector<std::vector<std::string>>> ParseCsv(
    const std::string& text);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_CSV_H_
