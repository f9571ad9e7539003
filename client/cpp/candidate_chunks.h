// Arrays that a server sends in chunks. Private to the client library.
//
// Functions on values; safe to use from any thread.
#ifndef REPSCORE_CLIENT_CPP_CANDIDATE_CHUNKS_H_
#define REPSCORE_CLIENT_CPP_CANDIDATE_CHUNKS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/data/dataset.h"
#include "repscore/v1/runs.pb.h"

namespace repscore::client {

/// Appends the next bytes to `array`, which starts empty. Internal, naming
/// `subject`, for a chunk out of order.
absl::Status AppendChunk(const std::string& subject,
                         const v1::CandidateChunk& chunk,
                         HostArray& array);

/// DataLoss, naming `subject`, unless all elements of `array` are there and
/// have the SHA-256 `digest` (lower-case hex; empty: not checked).
absl::Status CheckArrived(const std::string& subject,
                          std::string_view digest,
                          const HostArray& array);

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_CANDIDATE_CHUNKS_H_
