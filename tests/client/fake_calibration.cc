#include "tests/client/fake_calibration.h"

namespace repscore::client {

void FillLabel(const std::string& name, v1::DecodedLabel& label) {
  label.set_label(name);
  label.set_classes(2);
  label.set_chance(0.5);
  label.set_reference_accuracy(0.875);
}

void FillLandmarks(
    google::protobuf::RepeatedPtrField<v1::Landmark>* landmarks) {
  v1::Landmark& average = *landmarks->Add();
  average.set_kind("condition_average");
  average.set_value(0.75);
  v1::Landmark& noise = *landmarks->Add();
  noise.set_kind("noise");
  noise.set_value(0.125);
  noise.set_standard_deviation(0.0625);
}

v1::MeasureCalibration MakeCalibration(const std::string& measure, int points) {
  v1::MeasureCalibration calibration;
  calibration.set_measure(measure);
  calibration.set_runs(3);
  for (int i = 0; i < points; ++i) {
    v1::CalibrationPoint& point = *calibration.add_points();
    point.set_score(static_cast<double>(i) / (points - 1));
    point.set_steps(10.0 * i);
    point.set_runs(3);
    point.add_accuracy(0.5);
    point.add_accuracy(0.625);
    point.add_accuracy_deviation(0.0);
    point.add_accuracy_deviation(0.125);
  }
  FillLabel("context", *calibration.add_labels());
  FillLabel("choice", *calibration.add_labels());
  for (int i = 1; i <= 4; ++i) {
    v1::ComponentThreshold& threshold = *calibration.add_component_thresholds();
    threshold.set_component(i);
    threshold.set_variance_share(0.5 / i);
    if (i < 4) {
      threshold.set_midpoint_to_one(0.25 * i);
      threshold.set_midpoint_to_max(0.25 * i);
    }
  }
  v1::LabelThreshold& decoded = *calibration.add_label_thresholds();
  decoded.set_label("context");
  decoded.set_score(0.9375);
  calibration.add_label_thresholds()->set_label("choice");
  FillLandmarks(calibration.mutable_landmarks());
  return calibration;
}

}  // namespace repscore::client
