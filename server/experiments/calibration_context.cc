#include "server/experiments/calibration_context.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/experiments/baseline_task.h"
#include "server/experiments/calibration_store.h"
#include "server/experiments/convert_analysis.h"

namespace repscore::server {

absl::StatusOr<std::shared_ptr<const CalibrationContext>>
CalibrationContext::Load(Parts& parts,
                         const Dataset& dataset,
                         const Specs& specs,
                         const Measures& measures) {
  auto context = std::make_shared<CalibrationContext>();
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<CalibratedMeasure> found,
                            FindCalibrations(parts, dataset, specs, measures));
  BaselineTask::Options options;
  // Landmarks go with the content, which is all that is looked up.
  auto content = std::make_shared<Dataset>();
  content->digest = dataset.digest;
  options.dataset = std::move(content);
  options.specs = {specs.begin(), specs.end()};
  options.measures = measures;
  BaselineTask baselines(std::move(options));
  baselines.FindStored(parts.catalog);
  for (size_t i = 0; i < measures.size(); ++i) {
    Entry entry;
    entry.name = std::string(measures[i]->info().id);
    const std::string key =
        MeasureKey(specs[static_cast<int>(i)], measures[i]->id());
    for (const CalibratedMeasure& item : found) {
      if (MeasureKey(item.spec, item.measure->id()) == key) {
        entry.calibration =
            FromProto(item.calibration, measures[i]->info().orientation);
      }
    }
    if (entry.calibration.has_value()) {
      for (const v1::Landmark& landmark : baselines.LandmarksOf(i)) {
        entry.calibration->landmarks.push_back(FromProto(landmark));
      }
    }
    context->entries_.push_back(std::move(entry));
  }
  context->missing_ =
      absl::StrCat("no run on ",
                   dataset.name,
                   " has optimised noise under this measure and followed "
                   "components or labels to its end: "
                   "AnalysisService.CalibrateDataset starts such runs");
  return std::shared_ptr<const CalibrationContext>(std::move(context));
}

std::shared_ptr<const CalibrationContext>
CalibrationContext::OfInlineReference() {
  auto context = std::make_shared<CalibrationContext>();
  context->missing_ =
      "the reference came with the request: register it as a dataset and "
      "calibrate that with AnalysisService.CalibrateDataset";
  return context;
}

void CalibrationContext::AddTo(
    google::protobuf::RepeatedPtrField<v1::Score>* scores) const {
  for (int i = 0; i < scores->size(); ++i) {
    v1::Score* score = scores->Mutable(i);
    v1::ScoreContext* context = score->mutable_context();
    const auto index = static_cast<size_t>(i);
    if (index < entries_.size() && entries_[index].calibration.has_value()) {
      *context->mutable_calibration() = ToProto(ReadCalibration(
          *entries_[index].calibration, score->value(), entries_[index].name));
    } else {
      v1::Warning* note = context->add_notes();
      note->set_reason("CALIBRATION_MISSING");
      note->set_message(missing_);
    }
  }
}

}  // namespace repscore::server
