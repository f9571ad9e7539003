// Landmarks on a measure's scale, for people.
#ifndef REPSCORE_CLIENT_CLI_LANDMARK_TABLE_H_
#define REPSCORE_CLIENT_CLI_LANDMARK_TABLE_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "repscore/v1/types.pb.h"

namespace repscore::cli {

/// A line per landmark, by rising value. The deviation of a single draw is
/// left out.
std::string LandmarkTable(
    const google::protobuf::RepeatedPtrField<v1::Landmark>& landmarks);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_LANDMARK_TABLE_H_
