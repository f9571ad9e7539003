#include "server/experiments/baseline_task.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "core/base/status_macros.h"
#include "server/experiments/convert_analysis.h"
#include "server/experiments/stored_results.h"

namespace repscore::server {
namespace {

/// The number names the algorithm: raised when it changes.
constexpr char kKind[] = "baseline/1";

}  // namespace

BaselineTask::BaselineTask(Options options) : options_(std::move(options)) {
  kinds_ = options_.kinds;
  if (kinds_.empty()) {
    for (const std::string_view kind : LandmarkKinds()) {
      kinds_.emplace_back(kind);
    }
  }
  entries_.resize(options_.measures.size() * kinds_.size());
}

std::string BaselineTask::KeyOf(size_t measure, size_t kind) const {
  return absl::StrCat(
      kinds_[kind],
      "\n",
      options_.draws,
      "\n",
      options_.seed,
      "\n",
      MeasureKey(options_.specs[measure], options_.measures[measure]->id()));
}

void BaselineTask::FindStored(Catalog& catalog) {
  for (size_t i = 0; i < options_.measures.size(); ++i) {
    for (size_t k = 0; k < kinds_.size(); ++k) {
      auto entry = FindResult<Entry>(
          catalog, options_.dataset->digest, kKind, KeyOf(i, k));
      if (entry.ok()) {
        EntryOf(i, k) = *std::move(entry);
      }
    }
  }
  SkipKnown();
  was_stored_ = done();
}

std::vector<size_t> BaselineTask::MissingOf(size_t kind) const {
  std::vector<size_t> missing;
  for (size_t i = 0; i < options_.measures.size(); ++i) {
    if (!IsKnown(i, kind)) {
      missing.push_back(i);
    }
  }
  return missing;
}

void BaselineTask::SkipKnown() {
  while (!done() && MissingOf(next_kind_).empty()) {
    ++next_kind_;
  }
}

absl::StatusOr<bool> BaselineTask::ComputePart(Parts& parts,
                                               LaneContext& lane,
                                               const CancelToken& cancel) {
  SkipKnown();
  if (done()) {
    return true;
  }
  REPSCORE_ASSIGN_OR_RETURN(const auto reference,
                            parts.references.Get(lane, options_.dataset));
  const std::vector<size_t> missing = MissingOf(next_kind_);
  Measures measures;
  for (const size_t i : missing) {
    measures.push_back(options_.measures[i]);
  }
  REPSCORE_ASSIGN_OR_RETURN(
      const Baselines baselines,
      repscore::ComputeBaselines(*reference,
                                 absl::MakeConstSpan(measures),
                                 {.kinds = {kinds_[next_kind_]},
                                  .draws = options_.draws,
                                  .seed = options_.seed},
                                 [&lane, &cancel] {
                                   lane.Yield();
                                   return cancel.Check();
                                 }));
  for (size_t m = 0; m < missing.size(); ++m) {
    Entry& entry = EntryOf(missing[m], next_kind_);
    v1::MeasureBaselines* item = entry.add_measures();
    item->set_measure(measures[m]->id());
    for (const Landmark& landmark : baselines.measures[m].landmarks) {
      *item->add_landmarks() = ToProto(landmark);
    }
    if (item->landmarks().empty()) {
      AddNotes(baselines.notes, entry.mutable_notes());
    }
    KeepResult(parts.catalog,
               parts.disk,
               options_.dataset->digest,
               kKind,
               KeyOf(missing[m], next_kind_),
               entry);
  }
  SkipKnown();
  return done();
}

std::vector<v1::Landmark> BaselineTask::LandmarksOf(size_t measure) const {
  std::vector<v1::Landmark> landmarks;
  for (size_t k = 0; k < kinds_.size(); ++k) {
    const Entry& entry = EntryOf(measure, k);
    if (entry.measures_size() > 0) {
      const auto& found = entry.measures(0).landmarks();
      landmarks.insert(landmarks.end(), found.begin(), found.end());
    }
  }
  return landmarks;
}

void BaselineTask::Write(v1::ComputeBaselinesResponse* response) const {
  for (size_t i = 0; i < options_.measures.size(); ++i) {
    v1::MeasureBaselines* item = response->add_measures();
    item->set_measure(options_.measures[i]->id());
    for (const v1::Landmark& landmark : LandmarksOf(i)) {
      *item->add_landmarks() = landmark;
    }
    for (size_t k = 0; k < kinds_.size(); ++k) {
      AddNotes(EntryOf(i, k).notes(), response->mutable_notes());
    }
  }
  response->set_stored(was_stored_);
}

}  // namespace repscore::server
