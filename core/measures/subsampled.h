// A measure averaged over subsets of the rows.
#ifndef REPSCORE_CORE_MEASURES_SUBSAMPLED_H_
#define REPSCORE_CORE_MEASURES_SUBSAMPLED_H_

#include <memory>
#include <string>

#include "core/measures/measure.h"
#include "core/statistics/folds.h"

namespace repscore {

/// Mean of `base` over the training rows of the splits of `folds`, under the
/// specification `id`; centred anew in every subset. `info` are the claims of
/// the result.
std::shared_ptr<const Measure> MakeSubsampled(
    MeasureInfo info,
    std::shared_ptr<const Measure> base,
    FoldRule folds,
    std::string id);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_SUBSAMPLED_H_
