// How fast a device multiplies, measured once.
#ifndef REPSCORE_SERVER_SPEED_GAUGE_H_
#define REPSCORE_SERVER_SPEED_GAUGE_H_

#include <map>
#include <mutex>
#include <string>

#include "core/analysis/estimate.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

/// Thread-safe. Lanes of one device are as fast as each other.
class SpeedGauge {
 public:
  /// Flops per second; the first call measures. Call from the lane's thread.
  double GemmRate(LaneContext& lane) {
    const std::lock_guard lock(mutex_);
    double& rate = rates_[lane.backend.name()];
    if (rate == 0.0) {
      rate = MeasureGemmRate(lane.backend);
    }
    return rate;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, double> rates_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SPEED_GAUGE_H_
