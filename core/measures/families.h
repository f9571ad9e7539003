// What each family of measures puts into the registry.
#ifndef REPSCORE_CORE_MEASURES_FAMILIES_H_
#define REPSCORE_CORE_MEASURES_FAMILIES_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "core/measures/measure.h"
#include "core/measures/specification.h"

namespace repscore {

/// `info` is the registered description and outlives the measure.
using MeasureFactory = absl::StatusOr<std::shared_ptr<const Measure>> (*)(
    const MeasureInfo& info, Parameters& parameters);

struct MeasureEntry {
  MeasureInfo info;
  MeasureFactory make;
};

// Kernel alignment.
std::vector<MeasureEntry> CkaFamily();
std::vector<MeasureEntry> CkaDebiasedFamily();

// Shape.
std::vector<MeasureEntry> ProcrustesFamily();

// Predictivity.
std::vector<MeasureEntry> LinearRegressionFamily();
std::vector<MeasureEntry> RidgeRegressionFamily();
std::vector<MeasureEntry> PredictivityFamily();
std::vector<MeasureEntry> BrainScoreFamily();

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_FAMILIES_H_
