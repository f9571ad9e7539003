// What each family of measures puts into the registry.
#ifndef REPSCORE_CORE_MEASURES_FAMILIES_H_
#define REPSCORE_CORE_MEASURES_FAMILIES_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/measures/measure.h"
#include "core/measures/specification.h"

namespace repscore {

using MeasureFactory = absl::StatusOr<std::shared_ptr<const Measure>> (*)(
    const MeasureInfo& info, Parameters& parameters);

// Kernel alignment: cka.cc, cka_debiased.cc.
const MeasureInfo& CkaInfo();
const MeasureInfo& CkaAngularInfo();
const MeasureInfo& CkaAngularScoreInfo();
const MeasureInfo& CkaDebiasedInfo();
absl::StatusOr<std::shared_ptr<const Measure>> MakeCka(const MeasureInfo& info,
                                                       Parameters& parameters);
absl::StatusOr<std::shared_ptr<const Measure>> MakeCkaDebiased(
    const MeasureInfo& info, Parameters& parameters);

// Shape: procrustes.cc.
const MeasureInfo& NbsInfo();
const MeasureInfo& ProcrustesAngleInfo();
const MeasureInfo& ProcrustesAngularScoreInfo();
absl::StatusOr<std::shared_ptr<const Measure>> MakeProcrustes(
    const MeasureInfo& info, Parameters& parameters);

// Predictivity: linear_regression.cc, ridge_regression.cc.
const MeasureInfo& LinearR2Info();
const MeasureInfo& RidgeR2Info();
absl::StatusOr<std::shared_ptr<const Measure>> MakeLinearR2(
    const MeasureInfo& info, Parameters& parameters);
absl::StatusOr<std::shared_ptr<const Measure>> MakeRidgeR2(
    const MeasureInfo& info, Parameters& parameters);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_FAMILIES_H_
