// Optimisation runs as a client sees them.
#ifndef REPSCORE_CLIENT_CPP_RUNS_H_
#define REPSCORE_CLIENT_CPP_RUNS_H_

#include <functional>
#include <stop_token>

#include "core/data/dataset.h"
#include "repscore/v1/runs.pb.h"

namespace repscore::client {

/// Who looks on while a run goes.
struct RunObserver {
  /// Sees `started`, every trace point and snapshot, and `result`, in the order
  /// of their sequence numbers and none twice, on the thread that called the
  /// Client. Returning false stops. May be empty.
  std::function<bool(const v1::RunEvent&)> on_event = {};
  /// Stops from another thread.
  std::stop_token stop = {};
};

/// How a run ended.
struct RunOutcome {
  /// Without content when the run was watched from a later event on.
  v1::RunStarted started;
  /// The run's state is SUCCEEDED or CANCELLED.
  v1::RunResult result;
  /// Of the best member: row-major float64 [n x p], checked against its digest.
  /// Empty unless return_candidate was asked for.
  HostArray candidate;
};

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_RUNS_H_
