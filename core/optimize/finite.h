// Whether the numbers of a point are any, and whether its rows are of a size
// that explains why not. Used by the thread of the backend.
#ifndef REPSCORE_CORE_OPTIMIZE_FINITE_H_
#define REPSCORE_CORE_OPTIMIZE_FINITE_H_

#include "core/backend/backend.h"
#include "core/statistics/statistics.h"

namespace repscore {

enum class Magnitude {
  kNormal,     ///< every product of up to four of the rows' elements is finite
  kSmall,      ///< such products may vanish
  kLarge,      ///< such products may overflow
  kNotFinite,  ///< some element is a NaN or an infinity
};

/// Of rows [n x p] whose products run in `type`; judged on the host, from the
/// elements alone.
Magnitude MagnitudeOf(Backend& backend, const Matrix& rows, ScalarType type);

/// What rows of this squared norm are for products in `type`.
Magnitude MagnitudeOf(double norm_squared, ScalarType type);

/// False when some part of `statistics` holds a NaN or an infinity.
bool IsFinite(const Statistics& statistics);

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_FINITE_H_
