// The text form of a measure: family.variant(parameter=value,...)@version.
#ifndef REPSCORE_CORE_MEASURES_SPECIFICATION_H_
#define REPSCORE_CORE_MEASURES_SPECIFICATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/measures/measure.h"
#include "core/statistics/folds.h"

namespace repscore {

/// A specification taken apart; values are not interpreted yet.
struct Specification {
  std::string id;
  std::map<std::string, std::string> parameters;
};

/// InvalidArgument when `text` is not of the grammar
///   id [ "(" name "=" value { "," name "=" value } ")" ] [ "@" version ]
/// where values may contain balanced parentheses.
absl::StatusOr<Specification> ParseSpecification(std::string_view text);

/// The parameters of one measure with defaults filled in. Getters return the
/// value or InvalidArgument naming the parameter, and write the canonical form
/// of what they read.
class Parameters {
 public:
  /// InvalidArgument for a parameter that the measure does not have.
  static absl::StatusOr<Parameters> Create(
      const MeasureInfo& info,
      const Specification& specification,
      std::vector<std::vector<int64_t>> explicit_folds);

  /// Finite and in [lowest, highest].
  absl::StatusOr<double> Number(std::string_view name,
                                double lowest,
                                double highest);
  /// Position of the value in `choices`.
  absl::StatusOr<int> Choice(std::string_view name,
                             absl::Span<const std::string_view> choices);
  absl::StatusOr<FoldRule> Folds(std::string_view name);

  /// id(parameter=value,...) in alphabetical order.
  std::string Canonical() const;

 private:
  std::string id_;
  std::map<std::string, std::string> values_;
  std::vector<std::vector<int64_t>> explicit_folds_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_SPECIFICATION_H_
