// Pairwise comparisons as files: what `repscore pairwise --json` writes.
#ifndef REPSCORE_CLIENT_CLI_MATRIX_FILE_H_
#define REPSCORE_CLIENT_CLI_MATRIX_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "repscore/v1/comparison.pb.h"

namespace repscore::cli {

/// A usage error for a file that is no such document, or whose matrices are
/// not [names x names].
absl::StatusOr<v1::PairwiseResult> ReadPairwise(const std::string& path);

/// The matrix of a measure, which may be asked for by a shorthand: the server
/// is asked for its full name then. A usage error, with the measures there are,
/// when there is none.
absl::StatusOr<v1::PairwiseMatrix> FindMatrix(
    client::Client& client,
    const v1::PairwiseResult& pairwise,
    const v1::MeasureSpec& measure);

/// A usage error that lists the matrices there are.
absl::Status NoSuchMatrix(const v1::PairwiseResult& pairwise,
                          const std::string& what);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_MATRIX_FILE_H_
