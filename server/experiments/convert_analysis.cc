#include "server/experiments/convert_analysis.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/convert_decoding.h"
#include "server/convert_runs.h"

namespace repscore::server {
namespace {

using Values = google::protobuf::RepeatedField<double>;

void Assign(const std::vector<double>& values, Values* out) {
  out->Assign(values.begin(), values.end());
}

std::vector<double> VectorOf(const Values& values) {
  return {values.begin(), values.end()};
}

v1::CalibrationPoint ToProto(const CalibrationPoint& point) {
  v1::CalibrationPoint result;
  result.set_score(point.score);
  Assign(point.component_r2, result.mutable_component_r2());
  Assign(point.accuracy, result.mutable_accuracy());
  Assign(point.accuracy_deviation, result.mutable_accuracy_deviation());
  result.set_steps(point.steps);
  result.set_runs(static_cast<int32_t>(point.runs));
  return result;
}

CalibrationPoint FromProto(const v1::CalibrationPoint& point) {
  return {.score = point.score(),
          .component_r2 = VectorOf(point.component_r2()),
          .accuracy = VectorOf(point.accuracy()),
          .accuracy_deviation = VectorOf(point.accuracy_deviation()),
          .steps = point.steps(),
          .runs = point.runs()};
}

ComponentThreshold FromProto(const v1::ComponentThreshold& threshold) {
  ComponentThreshold result;
  result.component = threshold.component();
  result.variance_share = threshold.variance_share();
  if (threshold.has_midpoint_to_one()) {
    result.midpoint_to_one = threshold.midpoint_to_one();
  }
  if (threshold.has_midpoint_to_max()) {
    result.midpoint_to_max = threshold.midpoint_to_max();
  }
  return result;
}

LabelThreshold FromProto(const v1::LabelThreshold& threshold) {
  LabelThreshold result;
  result.label = threshold.label();
  if (threshold.has_score()) {
    result.score = threshold.score();
  }
  return result;
}

void AddNote(const std::string& reason,
             const std::string& message,
             google::protobuf::RepeatedPtrField<v1::Warning>* out) {
  for (const v1::Warning& other : *out) {
    if (other.reason() == reason && other.message() == message) {
      return;
    }
  }
  v1::Warning* note = out->Add();
  note->set_reason(reason);
  note->set_message(message);
}

}  // namespace

std::string MeasureKey(const v1::MeasureSpec& spec,
                       const std::string& canonical) {
  v1::MeasureSpec folds = spec;
  folds.clear_id();
  return absl::StrCat(canonical, "\n", folds.SerializeAsString());
}

v1::Landmark ToProto(const Landmark& landmark) {
  v1::Landmark result;
  result.set_kind(landmark.kind);
  result.set_value(landmark.value);
  result.set_standard_deviation(landmark.standard_deviation);
  return result;
}

Landmark FromProto(const v1::Landmark& landmark) {
  return {.kind = landmark.kind(),
          .value = landmark.value(),
          .standard_deviation = landmark.standard_deviation()};
}

v1::LabelDecoding ToProto(const LabelDecoding& decoding) {
  v1::LabelDecoding result;
  *result.mutable_label() = ToProto(decoding.label);
  result.set_accuracy(decoding.accuracy);
  result.set_standard_deviation(decoding.standard_deviation);
  Assign(decoding.bins, result.mutable_bins());
  Assign(decoding.component_accuracy, result.mutable_component_accuracy());
  return result;
}

v1::MeasurePerturbations ToProto(const MeasurePerturbations& perturbations) {
  v1::MeasurePerturbations result;
  result.set_measure(perturbations.measure);
  for (const ComponentPerturbation& component : perturbations.components) {
    v1::ComponentPerturbation* item = result.add_components();
    item->set_component(static_cast<int32_t>(component.component));
    item->set_variance_share(component.variance_share);
    item->set_mean(component.mean);
    item->set_standard_deviation(component.standard_deviation);
    if (component.theory.has_value()) {
      item->set_theory(*component.theory);
    }
  }
  return result;
}

v1::MeasureCalibration ToProto(const MeasureCalibration& calibration) {
  v1::MeasureCalibration result;
  result.set_measure(calibration.measure);
  for (const CalibrationPoint& point : calibration.points) {
    *result.add_points() = ToProto(point);
  }
  for (const DecodedLabel& label : calibration.labels) {
    *result.add_labels() = ToProto(label);
  }
  Assign(calibration.variance_shares, result.mutable_variance_shares());
  for (const auto& threshold : calibration.component_thresholds) {
    *result.add_component_thresholds() = ToProto(threshold);
  }
  for (const auto& threshold : calibration.label_thresholds) {
    *result.add_label_thresholds() = ToProto(threshold);
  }
  for (const Landmark& landmark : calibration.landmarks) {
    *result.add_landmarks() = ToProto(landmark);
  }
  result.set_runs(static_cast<int32_t>(calibration.runs));
  return result;
}

MeasureCalibration FromProto(const v1::MeasureCalibration& calibration,
                             Orientation orientation) {
  MeasureCalibration result;
  result.measure = calibration.measure();
  result.orientation = orientation;
  for (const v1::CalibrationPoint& point : calibration.points()) {
    result.points.push_back(FromProto(point));
  }
  for (const v1::DecodedLabel& label : calibration.labels()) {
    result.labels.push_back(FromProto(label));
  }
  result.variance_shares = VectorOf(calibration.variance_shares());
  for (const auto& threshold : calibration.component_thresholds()) {
    result.component_thresholds.push_back(FromProto(threshold));
  }
  for (const auto& threshold : calibration.label_thresholds()) {
    result.label_thresholds.push_back(FromProto(threshold));
  }
  for (const v1::Landmark& landmark : calibration.landmarks()) {
    result.landmarks.push_back(FromProto(landmark));
  }
  result.runs = calibration.runs();
  return result;
}

v1::CalibrationReading ToProto(const CalibrationReading& reading) {
  v1::CalibrationReading result;
  result.set_statement(reading.statement);
  for (const int64_t component : reading.components_captured) {
    result.add_components_captured(static_cast<int32_t>(component));
  }
  result.set_components(static_cast<int32_t>(reading.components));
  result.set_variance_captured(reading.variance_captured);
  for (const CalibratedAccuracy& label : reading.labels) {
    v1::CalibratedAccuracy* item = result.add_labels();
    *item->mutable_label() = ToProto(label.label);
    item->set_accuracy(label.accuracy);
    item->set_standard_deviation(label.standard_deviation);
  }
  for (const Landmark& landmark : reading.landmarks) {
    *result.add_landmarks() = ToProto(landmark);
  }
  if (reading.steps.has_value()) {
    result.set_steps(*reading.steps);
  }
  result.set_runs(static_cast<int32_t>(reading.runs));
  result.set_beyond_range(reading.beyond_range);
  return result;
}

void AddNotes(const std::vector<MeasureWarning>& notes,
              google::protobuf::RepeatedPtrField<v1::Warning>* out) {
  for (const MeasureWarning& note : notes) {
    AddNote(note.reason, note.message, out);
  }
}

void AddNotes(const google::protobuf::RepeatedPtrField<v1::Warning>& notes,
              google::protobuf::RepeatedPtrField<v1::Warning>* out) {
  for (const v1::Warning& note : notes) {
    AddNote(note.reason(), note.message(), out);
  }
}

}  // namespace repscore::server
