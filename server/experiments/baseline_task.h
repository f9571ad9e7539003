// Baselines of a dataset on measures: what is stored, and the rest in parts, a
// kind at a time.
//
// Used by one thread at a time.
#ifndef REPSCORE_SERVER_EXPERIMENTS_BASELINE_TASK_H_
#define REPSCORE_SERVER_EXPERIMENTS_BASELINE_TASK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/analysis/baselines.h"
#include "core/data/dataset.h"
#include "repscore/v1/analysis.pb.h"
#include "server/convert.h"
#include "server/parts.h"

namespace repscore::server {

/// Draws of the landmarks beside a calibration.
inline constexpr int64_t kDefaultDraws = 10;

class BaselineTask {
 public:
  struct Options {
    std::shared_ptr<const Dataset> dataset;
    /// In the same order.
    std::vector<v1::MeasureSpec> specs;
    Measures measures;
    /// Of LandmarkKinds(); empty: all.
    std::vector<std::string> kinds = {};
    int64_t draws = kDefaultDraws;
    uint64_t seed = 0;
  };

  explicit BaselineTask(Options options);

  /// Looks up what the catalog keeps. Disk; before the first part.
  void FindStored(Catalog& catalog);

  /// Nothing is left to compute.
  bool done() const { return next_kind_ == kinds_.size(); }
  /// Everything was stored.
  bool stored() const { return was_stored_; }

  /// Computes what is missing of the next kinds until one took work, and keeps
  /// it; true when nothing is left. On a lane.
  absl::StatusOr<bool> ComputePart(Parts& parts,
                                   LaneContext& lane,
                                   const CancelToken& cancel);

  /// Landmarks of a measure, by kind.
  std::vector<v1::Landmark> LandmarksOf(size_t measure) const;

  /// All measures with their landmarks, and the notes.
  void Write(v1::ComputeBaselinesResponse* response) const;

 private:
  /// One measure and kind: a landmark, or notes why there is none.
  using Entry = v1::ComputeBaselinesResponse;

  std::string KeyOf(size_t measure, size_t kind) const;
  Entry& EntryOf(size_t measure, size_t kind) {
    return entries_[measure * kinds_.size() + kind];
  }
  const Entry& EntryOf(size_t measure, size_t kind) const {
    return entries_[measure * kinds_.size() + kind];
  }
  bool IsKnown(size_t measure, size_t kind) const {
    return EntryOf(measure, kind).measures_size() > 0;
  }
  std::vector<size_t> MissingOf(size_t kind) const;
  void SkipKnown();

  Options options_;
  std::vector<std::string> kinds_;
  /// By measure, then kind; known ones name their measure.
  std::vector<Entry> entries_;
  size_t next_kind_ = 0;
  bool was_stored_ = false;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_BASELINE_TASK_H_
