// What a score means on its dataset: what noise that was optimised to this
// score has captured of the recording.
//
// Pure functions of traces; thread-safe.
#ifndef REPSCORE_CORE_ANALYSIS_CALIBRATION_H_
#define REPSCORE_CORE_ANALYSIS_CALIBRATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/baselines.h"
#include "core/analysis/decoding.h"
#include "core/analysis/thresholds.h"
#include "core/measures/measure.h"

namespace repscore {

/// The trace of one run (or member) from noise under one measure.
struct CalibrationTrace {
  struct Point {
    int64_t step = 0;
    double score = 0.0;
    std::vector<double> component_r2;
    /// Empty where nothing was decoded.
    std::vector<double> decoding;
  };
  std::vector<Point> points;
};

struct CalibrationPoint {
  double score = 0.0;
  /// Mean over runs, one per component.
  std::vector<double> component_r2;
  /// Mean and population standard deviation over runs, one per label.
  std::vector<double> accuracy;
  std::vector<double> accuracy_deviation;
  /// Mean over runs.
  double steps = 0.0;
  /// Runs that passed this score.
  int64_t runs = 0;
};

struct MeasureCalibration {
  /// Canonical specification.
  std::string measure;
  Orientation orientation = Orientation::kScore;
  /// By rising similarity.
  std::vector<CalibrationPoint> points;
  std::vector<DecodedLabel> labels;
  std::vector<double> variance_shares;
  /// Of the mean curve.
  std::vector<ComponentThreshold> component_thresholds;
  std::vector<LabelThreshold> label_thresholds;
  std::vector<Landmark> landmarks;
  int64_t runs = 0;
};

struct CalibrationInput {
  std::string measure;
  Orientation orientation = Orientation::kScore;
  std::vector<CalibrationTrace> traces;
  std::vector<DecodedLabel> labels;
  std::vector<double> variance_shares;
  std::vector<Landmark> landmarks;
};

/// Every trace is read at its first crossing of each of `grid` points between
/// the least and the most similar score of all, interpolated between its trace
/// points. InvalidArgument when there is no trace, or traces do not follow the
/// components and labels of the input.
absl::StatusOr<MeasureCalibration> Calibrate(const CalibrationInput& input,
                                             int64_t grid = 101);

/// A number that optimised noise reached, with its spread over runs.
struct CalibratedAccuracy {
  DecodedLabel label;
  double accuracy = 0.0;
  double standard_deviation = 0.0;
};

struct CalibrationReading {
  /// In one sentence, for instance "0.82 CKA on this dataset: optimised noise
  /// at this score captures PCs 1-3 of 50 (31 % of variance), decodes context
  /// at 0.61 where the recording gives 0.89; above the condition average
  /// (0.79)".
  std::string statement;
  /// From 1: mean R2 at least half way from its start to 1.
  std::vector<int64_t> components_captured;
  int64_t components = 0;
  /// Share of the recording's variance in the captured ones.
  double variance_captured = 0.0;
  std::vector<CalibratedAccuracy> labels;
  /// Nearest first below, then above the score (in similarity).
  std::vector<Landmark> landmarks;
  /// Mean over runs; empty where a run never got there.
  std::optional<double> steps = std::nullopt;
  int64_t runs = 0;
  /// The score lies beyond what the runs reached: the reading is of their end.
  bool beyond_range = false;
};

/// `name` is how the statement calls the measure, for instance "CKA".
CalibrationReading ReadCalibration(const MeasureCalibration& calibration,
                                   double score,
                                   const std::string& name);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_CALIBRATION_H_
