// Cosines and their angles, exact where the cosine is close to 1.
#ifndef REPSCORE_CORE_MEASURES_ANGLE_H_
#define REPSCORE_CORE_MEASURES_ANGLE_H_

#include <optional>

#include "core/backend/backend.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// How a measure reports a cosine v in [0, 1].
enum class CosineForm {
  kCosine,        ///< v
  kAngle,         ///< acos v, in [0, pi/2]
  kAngularScore,  ///< 1 - (2/pi) acos v, in [0, 1]
};

struct FormValue {
  double value = 0.0;
  /// d value / d v; 0 at the optimum, where it has no finite value.
  double slope = 1.0;
  bool at_optimum = false;
};

/// `angle`, when known more exactly than through acos, replaces acos v.
FormValue ApplyForm(CosineForm form, double v, std::optional<double> angle);

/// True when acos v has lost so many digits that the rows should be compared
/// directly.
bool NearOne(double v);

/// Rows of both sides scaled by `candidate_scale` and `reference_scale` and
/// rotated into one frame by the polar factor of X'Y:
/// difference = aX - bYQ' and sum = aX + bYQ' (or aXQ and bY for p < q).
struct AlignedRows {
  Matrix difference;
  Matrix sum;
};

/// Nothing when the rows were not kept in float64, or when the rotation would
/// lose some of the reference (a part of it orthogonal to the candidate).
std::optional<AlignedRows> AlignRows(const Statistics& statistics,
                                     double candidate_scale,
                                     double reference_scale);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_ANGLE_H_
