// Landmarks on a measure's scale for one dataset: where its condition average,
// halves, shuffles and noise land.
//
// Pure functions of the reference; use from its backend's thread.
#ifndef REPSCORE_CORE_ANALYSIS_BASELINES_H_
#define REPSCORE_CORE_ANALYSIS_BASELINES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/context.h"
#include "core/measures/measure.h"
#include "core/measures/reference.h"

namespace repscore {

/// A value and its spread over draws.
struct Landmark {
  /// One of LandmarkKinds().
  std::string kind;
  double value = 0.0;
  /// Population standard deviation over draws; 0 for a single one.
  double standard_deviation = 0.0;
};

/// "condition_average": mean over conditions per time bin, repeated.
/// "split_half": one random half of the repetitions against the other, as it
///   is, without correction for length.
/// "condition_shuffle": conditions permuted, all time bins of one together.
/// "time_shuffle": time bins permuted, all conditions of one together.
/// "neuron_subsample": a random half of the neurons.
/// "noise": standard normals of the dataset's shape, seeds seed, seed + 1, ...
/// "surrogate": the matched Gaussian of surrogate.h.
absl::Span<const std::string_view> LandmarkKinds();

struct BaselineRequest {
  /// Empty: all that are defined for the dataset.
  std::vector<std::string> kinds = {};
  /// Of the random ones, 1 to 1000.
  int64_t draws = 10;
  uint64_t seed = 0;
};

struct MeasureBaselines {
  /// Canonical specification.
  std::string measure;
  std::vector<Landmark> landmarks;
};

struct Baselines {
  std::vector<MeasureBaselines> measures;
  /// Why a kind is not there: "NO_TIME_AXIS", "NO_REPETITIONS",
  /// "SINGLE_CONDITION", "SINGLE_NEURON",
  /// "UNDEFINED_BASELINE".
  std::vector<MeasureWarning> notes;
};

/// InvalidArgument naming "kinds[i]" or "draws"; `keep_going` is asked between
/// draws.
absl::StatusOr<Baselines> ComputeBaselines(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const BaselineRequest& request,
    const KeepGoing& keep_going);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_BASELINES_H_
