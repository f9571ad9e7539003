// The measures there are: parse a specification, get a Measure.
//
// Thread-safe: the registry is a constant table.
#ifndef REPSCORE_CORE_MEASURES_REGISTRY_H_
#define REPSCORE_CORE_MEASURES_REGISTRY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/measures/measure.h"

namespace repscore {

/// A measure as asked for: a specification (full or shorthand) and, for
/// folds=explicit, the validation rows of every fold and, where folds overlap,
/// its training rows.
struct MeasureRequest {
  std::string id;
  std::vector<std::vector<int64_t>> explicit_folds = {};
  std::vector<std::vector<int64_t>> explicit_training = {};
};

/// Descriptions of all measures in the order of the README's table.
absl::Span<const MeasureInfo> RegisteredMeasures();

/// Canonical specification of a registered measure with every default.
std::string DefaultSpecification(const MeasureInfo& info);

/// Makes the measure that `request` names. NotFound when there is no such
/// measure (the message lists what there is); InvalidArgument for a malformed
/// specification, an unknown parameter, or a value out of its domain. Messages
/// start with `field`.
absl::StatusOr<std::shared_ptr<const Measure>> CreateMeasure(
    const MeasureRequest& request, std::string_view field);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_REGISTRY_H_
