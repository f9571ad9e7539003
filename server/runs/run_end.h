// How a run ended, and its way into the catalog.
#ifndef REPSCORE_SERVER_RUNS_RUN_END_H_
#define REPSCORE_SERVER_RUNS_RUN_END_H_

#include <optional>

#include "absl/status/status.h"
#include "core/optimize/optimization.h"
#include "repscore/v1/runs.pb.h"
#include "server/catalog/catalog.h"
#include "server/runs/live_run.h"
#include "server/runs/run_recorder.h"

namespace repscore::server {

struct RunEnd {
  v1::RunState state = v1::RUN_STATE_FAILED;
  v1::StopReason stop_reason = v1::STOP_REASON_UNSPECIFIED;
  /// Of a failed run.
  absl::Status error = {};
  /// What the run reached; nothing when it never began or failed.
  std::optional<OptimizationResult> result = {};
};

/// Stores the candidates and the result event, then publishes it. Touches
/// the disk; requires an idle recorder. Candidates that cannot be stored make
/// the run FAILED.
void StoreRunEnd(Catalog& catalog,
                 RunRecorder& recorder,
                 LiveRun& run,
                 RunEnd end);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_RUNS_RUN_END_H_
