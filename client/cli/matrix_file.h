// Pairwise comparisons as files: what `repscore pairwise --json` writes.
#ifndef REPSCORE_CLIENT_CLI_MATRIX_FILE_H_
#define REPSCORE_CLIENT_CLI_MATRIX_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "repscore/v1/comparison.pb.h"

namespace repscore::cli {

/// A usage error for a file that is no such document, or whose matrices are
/// not [names x names].
absl::StatusOr<v1::PairwiseResult> ReadPairwise(const std::string& path);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_MATRIX_FILE_H_
