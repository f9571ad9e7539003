// The text form of a measure: family.variant(parameter=value,...)@version.
#ifndef REPSCORE_CORE_MEASURES_SPECIFICATION_H_
#define REPSCORE_CORE_MEASURES_SPECIFICATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
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
  /// A first argument without a name: the measure of a measure that has one.
  std::string unnamed;
};

/// Shortest decimal form that reads back as `value`.
std::string ShortestNumber(double value);

/// The numbers a, b, ... of "name(a,b,...)", all finite and at least one.
/// InvalidArgument when `text` is not that.
absl::StatusOr<std::vector<double>> NumberArguments(std::string_view text,
                                                    std::string_view name);

/// Most levels of parentheses in a specification, written or canonical.
inline constexpr int kDeepestNesting = 12;

/// InvalidArgument when parentheses nest deeper than that.
absl::Status CheckNesting(std::string_view text);

/// InvalidArgument when `text` is not of the grammar
///   id [ "(" argument { "," argument } ")" ] [ "@" version ]
///   argument := name "=" value; the first may be a value alone
/// where values may contain balanced parentheses, and so be specifications
/// themselves, to a depth of kDeepestNesting.
absl::StatusOr<Specification> ParseSpecification(std::string_view text);

/// The parameters of one measure with defaults filled in. Getters return the
/// value or InvalidArgument naming the parameter, and write the canonical form
/// of what they read. A parameter called "measure" is another specification,
/// which the explicit folds of the request belong to.
class Parameters {
 public:
  /// InvalidArgument for a parameter that the measure does not have.
  static absl::StatusOr<Parameters> Create(const MeasureInfo& info,
                                           const Specification& specification,
                                           FoldRule::Lists lists);

  /// Finite and in [lowest, highest].
  absl::StatusOr<double> Number(std::string_view name,
                                double lowest,
                                double highest);
  /// Position of the value in `choices`.
  absl::StatusOr<int> Choice(std::string_view name,
                             absl::Span<const std::string_view> choices);
  absl::StatusOr<FoldRule> Folds(std::string_view name);
  /// Explicit folds of the request, for the measure that a parameter names.
  const FoldRule::Lists& lists() const { return lists_; }
  /// Whole number in [lowest, highest].
  absl::StatusOr<int64_t> Integer(std::string_view name,
                                  int64_t lowest,
                                  int64_t highest);
  /// The value as written, for parameters with a grammar of their own; Replace
  /// writes its canonical form.
  const std::string& Text(std::string_view name) {
    return values_[std::string(name)];
  }
  void Replace(std::string_view name, std::string canonical) {
    values_[std::string(name)] = std::move(canonical);
  }

  /// id(parameter=value,...) in alphabetical order.
  std::string Canonical() const;

 private:
  std::string id_;
  std::map<std::string, std::string> values_;
  FoldRule::Lists lists_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_SPECIFICATION_H_
