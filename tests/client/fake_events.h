// Canned events of a run and errors as a server makes them.
#ifndef REPSCORE_TESTS_CLIENT_FAKE_EVENTS_H_
#define REPSCORE_TESTS_CLIENT_FAKE_EVENTS_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "repscore/v1/runs.pb.h"

namespace repscore::client {

inline constexpr char kRun[] = "runs/abc";
inline constexpr char kDataset[] = "datasets/mante/versions/1";
/// Canonical name of the objective's measure; has what CSV must quote.
inline constexpr char kMeasure[] =
    "ridge_r2(folds=rows_contiguous(5),lambda=1)";
inline constexpr char kTracked[] = "cka";

/// Row-major float64 bytes of the candidate [2 x 3] of every canned run.
std::string CandidateBytes();

/// `started` (1), `points` trace points of steps 0, 1, ..., and the result.
std::vector<v1::RunEvent> MakeEvents(int points);

/// MakeEvents as a run of `members` members that decodes the label "context":
/// every member has a point per step, decodings at even steps, a snapshot
/// before the result, thresholds and a result. Seeds rise from 7; targets are
/// (member / 4, 0.5) for two measures, cka and nbs, when `with_targets`.
std::vector<v1::RunEvent> MakeMemberEvents(int members, bool with_targets);

/// What the result becomes when the run is cancelled.
void MarkCancelled(v1::RunResult& result);

struct ErrorParts {
  std::string reason;
  std::string field;
  std::optional<int64_t> retry_milliseconds;
};

/// A status with google.rpc details.
grpc::Status MakeError(grpc::StatusCode code,
                       const std::string& message,
                       const ErrorParts& parts);

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_FAKE_EVENTS_H_
