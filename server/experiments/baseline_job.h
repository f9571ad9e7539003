// Baselines in the background: computed in parts between other work, and kept.
#ifndef REPSCORE_SERVER_EXPERIMENTS_BASELINE_JOB_H_
#define REPSCORE_SERVER_EXPERIMENTS_BASELINE_JOB_H_

#include "server/experiments/baseline_task.h"
#include "server/parts.h"

namespace repscore::server {

/// Queues what the (looked up) task lacks. It may come to nothing: the queue is
/// full, the server ends, a measure is undefined; whoever needs the baselines
/// computes them then.
void StartBaselines(Parts& parts, BaselineTask task);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_BASELINE_JOB_H_
