// The trace of a run as a file: CSV, or JSON for names that end in .json.
//
// CSV: member, step, objective, one column per measure of the objective and per
// tracked measure under their canonical names, gradient_norm, candidate_norm,
// pc1_r2 and so on, LABEL_accuracy per decoded label (empty at points without
// decoding), elapsed_seconds. Lines are written as points come, numbers with
// the fewest digits that read back the same. JSON is written at the end; it
// also has the labels, shares of variance and starts of the members.
// Not thread-safe.
#ifndef REPSCORE_CLIENT_CLI_TRACE_FILE_H_
#define REPSCORE_CLIENT_CLI_TRACE_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "repscore/v1/runs.pb.h"

namespace repscore::cli {

class TraceFile {
 public:
  /// A usage error when the file cannot be written.
  static absl::StatusOr<std::unique_ptr<TraceFile>> Create(
      const std::string& path);

  virtual ~TraceFile() = default;

  /// What the points to come are of.
  virtual void Begin(const v1::RunStarted& started) = 0;

  virtual void Add(const v1::TracePoint& point) = 0;

  /// A local file error when anything could not be written.
  virtual absl::Status Close() = 0;
};

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_TRACE_FILE_H_
