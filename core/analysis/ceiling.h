// What the reference says of itself: agreement of halves of its repetitions,
// and the score of its average over conditions. Machinery of context.h.
#ifndef REPSCORE_CORE_ANALYSIS_CEILING_H_
#define REPSCORE_CORE_ANALYSIS_CEILING_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/analysis/resampling.h"
#include "core/data/dataset.h"
#include "core/measures/reference.h"

namespace repscore {

/// Empty when `dataset` is the average of two or more presentations of every
/// condition, else why not.
std::string WhyNoHalves(const Dataset& dataset);

/// measure(first half, second half) for random halves of the presentations of
/// every condition; the odd one goes to either. Requires an empty WhyNoHalves.
absl::StatusOr<DrawnScores> ScoreHalves(const Reference& reference,
                                        const Resampler& resampler,
                                        int64_t splits,
                                        uint64_t seed,
                                        const Continue& keep_going);

/// Scores of the reference's average over conditions in every time bin,
/// repeated for every condition, as the candidate.
Values ScoreConditionAverage(const Reference& reference,
                             const Resampler& resampler,
                             std::string& failure);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_CEILING_H_
