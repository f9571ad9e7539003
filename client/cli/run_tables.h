// What a run came to, for people.
#ifndef REPSCORE_CLIENT_CLI_RUN_TABLES_H_
#define REPSCORE_CLIENT_CLI_RUN_TABLES_H_

#include <map>
#include <vector>

#include "repscore/v1/runs.pb.h"

namespace repscore::cli {

/// What was seen of a run.
struct RunStory {
  v1::RunStarted started;
  std::vector<v1::Snapshot> snapshots;
  /// Latest decoding of every member.
  std::map<int, std::vector<double>> accuracy;
  double elapsed_seconds = 0.0;
  v1::RunResult result;
};

/// Writes result, members, verdicts, allowed range, labels and snapshots to
/// stdout, whichever the run has; with `thresholds` also where components were
/// captured.
void PrintRun(const RunStory& story, bool thresholds);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_RUN_TABLES_H_
