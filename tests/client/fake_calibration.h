// Canned labels, landmarks and calibrations of a scripted server.
#ifndef REPSCORE_TESTS_CLIENT_FAKE_CALIBRATION_H_
#define REPSCORE_TESTS_CLIENT_FAKE_CALIBRATION_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "repscore/v1/analysis.pb.h"

namespace repscore::client {

/// Two classes, chance 0.5, 0.875 on the recording.
void FillLabel(const std::string& name, v1::DecodedLabel& label);

/// A condition average at 0.75 and noise at 0.125 with a deviation of 0.0625,
/// in this order.
void FillLandmarks(google::protobuf::RepeatedPtrField<v1::Landmark>* landmarks);

/// `points` points with scores from 0 to 1, two labels, and four components,
/// of which 1 to 3 are captured at 0.25, 0.5 and 0.75 and 4 is never.
v1::MeasureCalibration MakeCalibration(const std::string& measure, int points);

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_FAKE_CALIBRATION_H_
