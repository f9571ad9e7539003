// The debiased measure that belongs beside a biased one.
#ifndef REPSCORE_CORE_MEASURES_COMPANION_H_
#define REPSCORE_CORE_MEASURES_COMPANION_H_

#include <optional>
#include <string>

#include "core/measures/measure.h"

namespace repscore {

/// Specification of the debiased companion of a biased kernel measure; nothing
/// for a measure that has none.
std::optional<std::string> DebiasedCompanion(const Measure& measure);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_COMPANION_H_
