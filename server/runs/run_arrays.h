// Names of the arrays that a run keeps: candidates and snapshots of members.
// Pure functions, safe from any thread.
#ifndef REPSCORE_SERVER_RUNS_RUN_ARRAYS_H_
#define REPSCORE_SERVER_RUNS_RUN_ARRAYS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace repscore::server {

/// members/{member}/candidate
std::string CandidateArray(int64_t member);

/// members/{member}/snapshots/{snapshot}
std::string SnapshotArray(int64_t member, int64_t snapshot);

/// runs/{run}/{array}
std::string RunArrayName(const std::string& run_id, const std::string& array);

struct RunArrayId {
  std::string run_id;
  std::string array;
};

/// InvalidArgument, naming `name`, unless it is the name of a candidate or
/// snapshot of a run.
absl::StatusOr<RunArrayId> ParseRunArrayName(const std::string& name);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_ARRAYS_H_
