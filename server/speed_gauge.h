// How fast a lane's backend multiplies, measured once.
#ifndef REPSCORE_SERVER_SPEED_GAUGE_H_
#define REPSCORE_SERVER_SPEED_GAUGE_H_

#include <mutex>

#include "core/analysis/estimate.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

/// Thread-safe. All lanes have the same kind of backend.
class SpeedGauge {
 public:
  /// Flops per second; the first call measures. Call from the lane's thread.
  double GemmRate(LaneContext& lane) {
    const std::lock_guard lock(mutex_);
    if (rate_ == 0.0) {
      rate_ = MeasureGemmRate(lane.backend);
    }
    return rate_;
  }

 private:
  std::mutex mutex_;
  double rate_ = 0.0;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SPEED_GAUGE_H_
