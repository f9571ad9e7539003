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
std::vector<MeasureEntry> KernelAlignmentFamily();
std::vector<MeasureEntry> MinibatchCkaFamily();
std::vector<MeasureEntry> MeanDiscrepancyFamily();

// Shape.
std::vector<MeasureEntry> ProcrustesFamily();
std::vector<MeasureEntry> ProcrustesDistanceFamily();
std::vector<MeasureEntry> ShapeAngularFamily();
std::vector<MeasureEntry> PermutationFamily();
std::vector<MeasureEntry> MatchFamily();
std::vector<MeasureEntry> ConvolutionalFamily();
std::vector<MeasureEntry> StochasticFamily();

// Canonical correlations.
std::vector<MeasureEntry> CcaFamily();
std::vector<MeasureEntry> RegularisedCcaFamily();
std::vector<MeasureEntry> SvccaFamily();

// Spectra and geometry of the rows.
std::vector<MeasureEntry> GulpFamily();
std::vector<MeasureEntry> EffectiveDimensionFamily();
std::vector<MeasureEntry> RowGeometryFamily();

// Predictivity.
std::vector<MeasureEntry> LinearRegressionFamily();
std::vector<MeasureEntry> RidgeRegressionFamily();
std::vector<MeasureEntry> BandedRidgeFamily();
std::vector<MeasureEntry> PredictivityFamily();
std::vector<MeasureEntry> BrainScoreFamily();

// Dynamics.
std::vector<MeasureEntry> DynamicsFamily();

// Measures of another measure.
std::vector<MeasureEntry> WrapperFamily();

// Representational similarity.
std::vector<MeasureEntry> RsaFamily();
std::vector<MeasureEntry> KnnFamily();
std::vector<MeasureEntry> IntrinsicDistanceFamily();
std::vector<MeasureEntry> TopologyFamily();

// As Brain-Score computes it.
std::vector<MeasureEntry> BrainScoreAlignmentFamily();

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_FAMILIES_H_
