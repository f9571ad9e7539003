// The scores that two measures can have together, for people.
#ifndef REPSCORE_CLIENT_CLI_RANGE_TABLE_H_
#define REPSCORE_CLIENT_CLI_RANGE_TABLE_H_

#include <string>

#include "repscore/v1/runs.pb.h"

namespace repscore::cli {

std::string RangeListing(const v1::AllowedRange& range);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_RANGE_TABLE_H_
