// Named places where a test makes the process fail, as a crash or a broken
// disk would.
//
// REPSCORE_FAILPOINT=name:kill ends the process there with SIGKILL,
// REPSCORE_FAILPOINT=name:error makes the step fail; name:kill:3 does so the
// third time the place is reached. The variable is read once. Unset, a fail
// point costs one load. Thread-safe.
#ifndef REPSCORE_SERVER_CATALOG_FAIL_POINT_H_
#define REPSCORE_SERVER_CATALOG_FAIL_POINT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace repscore::server {

/// Ok, or Internal when `name` is set to fail. May not return.
absl::Status ReachFailPoint(std::string_view name);

/// Replaces what the environment says; empty for none. Not while another
/// thread is at a fail point.
void SetFailPointForTest(std::string_view specification);

/// Every name there is.
std::vector<std::string> FailPointNames();

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_FAIL_POINT_H_
