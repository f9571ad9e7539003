// Where principal components were captured and labels decoded, for people.
//
// Values that were never reached are "not reached". Of several members the mean
// over those that got there stands with their number: "0.6120 (14 of 16)".
#ifndef REPSCORE_CLIENT_CLI_THRESHOLD_TABLES_H_
#define REPSCORE_CLIENT_CLI_THRESHOLD_TABLES_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "repscore/v1/runs.pb.h"

namespace repscore::cli {

using ComponentThresholds =
    google::protobuf::RepeatedPtrField<v1::ComponentThreshold>;
using LabelThresholds = google::protobuf::RepeatedPtrField<v1::LabelThreshold>;
using DecodedLabels = google::protobuf::RepeatedPtrField<v1::DecodedLabel>;

/// A line per component, from the lists of all members; empty without any.
std::string ComponentTable(
    const std::vector<const ComponentThresholds*>& members);

/// A line per label, from the lists of all members; empty without any.
/// `accuracy`: one per label, or none.
std::string LabelTable(const DecodedLabels& labels,
                       const std::vector<double>& accuracy,
                       const std::vector<const LabelThresholds*>& members);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_THRESHOLD_TABLES_H_
