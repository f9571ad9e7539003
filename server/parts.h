// What the services work with. Owned by Server; everything here is thread-safe
// (references: from their lane's thread).
#ifndef REPSCORE_SERVER_PARTS_H_
#define REPSCORE_SERVER_PARTS_H_

#include "server/calls.h"
#include "server/catalog/catalog.h"
#include "server/config.h"
#include "server/executor.h"
#include "server/reference_cache.h"
#include "server/scheduling/scheduler.h"
#include "server/speed_gauge.h"

namespace repscore::server {

struct Parts {
  const Config& config;
  CallRegistry& calls;
  Catalog& catalog;
  Executor& disk;
  Scheduler& scheduler;
  ReferenceCache& references;
  SpeedGauge& speed;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_PARTS_H_
