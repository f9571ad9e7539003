// Calibrations of a dataset from the runs that the catalog keeps.
//
// Counted are finished Optimize runs by Adam on datasets of the same content
// that started from Gaussian noise of the dataset's shape and followed
// components or labels. Where runs of a measure followed different ones, the
// largest group of equals counts; of groups of the same size the latest.
#ifndef REPSCORE_SERVER_EXPERIMENTS_CALIBRATION_STORE_H_
#define REPSCORE_SERVER_EXPERIMENTS_CALIBRATION_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "repscore/v1/analysis.pb.h"
#include "server/convert.h"
#include "server/parts.h"

namespace repscore::server {

/// A measure with what its calibration comes from.
struct CalibratedMeasure {
  v1::MeasureSpec spec;
  std::shared_ptr<const Measure> measure;
  /// Runs, by members, and what they came to. Without landmarks.
  v1::MeasureCalibration calibration;
};

/// All measures that the runs of this content tell of, in the order of their
/// first runs. A calibration of the same runs is computed once and kept. Disk.
absl::StatusOr<std::vector<CalibratedMeasure>> FindCalibrations(
    Parts& parts, const Dataset& dataset);

/// The same of the measures asked for alone, in any order. Disk.
absl::StatusOr<std::vector<CalibratedMeasure>> FindCalibrations(
    Parts& parts,
    const Dataset& dataset,
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& specs,
    const Measures& measures);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_CALIBRATION_STORE_H_
