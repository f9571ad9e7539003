// Direction of prediction for measures that are not symmetric.
#ifndef REPSCORE_CORE_MEASURES_DIRECTED_H_
#define REPSCORE_CORE_MEASURES_DIRECTED_H_

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "core/measures/measure.h"

namespace repscore {

enum class Direction {
  kCandidateToReference,
  kReferenceToCandidate,
  kSymmetricMean,
};

/// Values of the parameter `direction`, in the order of Direction.
inline constexpr std::array<std::string_view, 3> kDirections = {
    "candidate_to_reference", "reference_to_candidate", "symmetric_mean"};

/// What a measure with these claims claims in another direction.
MeasureInfo DirectedClaims(const MeasureInfo& base, Direction direction);

/// `base` predicts the reference from the candidate; the result does so in
/// `direction`, under the specification `id`. Its claims are `claims`, or
/// follow from those of `base`.
std::shared_ptr<const Measure> MakeDirected(std::shared_ptr<const Measure> base,
                                            Direction direction,
                                            std::string id);
std::shared_ptr<const Measure> MakeDirected(std::shared_ptr<const Measure> base,
                                            Direction direction,
                                            MeasureInfo claims,
                                            std::string id);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_DIRECTED_H_
