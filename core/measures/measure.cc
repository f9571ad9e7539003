#include "core/measures/measure.h"

#include <algorithm>

#include "core/base/text.h"

namespace repscore {

std::optional<int64_t> Measure::WorkElements(
    const ProblemSize& /*size*/) const {
  return std::nullopt;
}

absl::Status Measure::CheckSize(const ProblemSize& size) const {
  if (size.rows < info().minimum_rows) {
    return absl::InvalidArgumentError(
        StrCat(info().id,
               " needs at least ",
               info().minimum_rows,
               " rows; candidate and reference have ",
               size.rows));
  }
  const int64_t features =
      std::min(size.candidate_features, size.reference_features);
  if (features < info().minimum_features) {
    return absl::InvalidArgumentError(
        StrCat(id(),
               " needs at least ",
               info().minimum_features,
               " columns on both sides; candidate has ",
               size.candidate_features,
               " and reference ",
               size.reference_features));
  }
  if (info().equal_features &&
      size.candidate_features != size.reference_features) {
    return absl::InvalidArgumentError(
        StrCat(id(),
               " compares points of one space, so that both sides must have "
               "the same columns; candidate has ",
               size.candidate_features,
               " and reference ",
               size.reference_features));
  }
  return absl::OkStatus();
}

}  // namespace repscore
