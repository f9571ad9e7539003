// What scores on a dataset mean, for people.
#ifndef REPSCORE_CLIENT_CLI_CALIBRATION_TABLE_H_
#define REPSCORE_CLIENT_CLI_CALIBRATION_TABLE_H_

#include <string>

#include "repscore/v1/analysis.pb.h"

namespace repscore::cli {

struct CalibrationDetail {
  /// Every point instead of about a dozen.
  bool all = false;
  /// Where every component was captured.
  bool thresholds = false;
};

/// Points, labels and landmarks of one measure.
std::string CalibrationText(const v1::MeasureCalibration& calibration,
                            const CalibrationDetail& detail);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_CALIBRATION_TABLE_H_
