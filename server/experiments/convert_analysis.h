// Between the wire and the core: baselines, perturbations, decodings and
// calibrations. Pure functions, safe from any thread.
#ifndef REPSCORE_SERVER_EXPERIMENTS_CONVERT_ANALYSIS_H_
#define REPSCORE_SERVER_EXPERIMENTS_CONVERT_ANALYSIS_H_

#include <string>
#include <vector>

#include "core/analysis/baselines.h"
#include "core/analysis/calibration.h"
#include "core/analysis/label_decoding.h"
#include "core/analysis/perturbation.h"
#include "repscore/v1/analysis.pb.h"
#include "repscore/v1/types.pb.h"

namespace repscore::server {

/// What identifies a measure in the store: its canonical specification and its
/// explicit folds.
std::string MeasureKey(const v1::MeasureSpec& spec,
                       const std::string& canonical);

v1::Landmark ToProto(const Landmark& landmark);
Landmark FromProto(const v1::Landmark& landmark);

v1::LabelDecoding ToProto(const LabelDecoding& decoding);
v1::MeasurePerturbations ToProto(const MeasurePerturbations& perturbations);

v1::MeasureCalibration ToProto(const MeasureCalibration& calibration);
/// What ToProto made of a measure with this orientation.
MeasureCalibration FromProto(const v1::MeasureCalibration& calibration,
                             Orientation orientation);

v1::CalibrationReading ToProto(const CalibrationReading& reading);

/// Adds the warnings that are not there yet.
void AddNotes(const std::vector<MeasureWarning>& notes,
              google::protobuf::RepeatedPtrField<v1::Warning>* out);
void AddNotes(const google::protobuf::RepeatedPtrField<v1::Warning>& notes,
              google::protobuf::RepeatedPtrField<v1::Warning>* out);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_CONVERT_ANALYSIS_H_
