#include "core/measures/measure.h"

#include "core/base/text.h"

namespace repscore {

absl::Status Measure::CheckSize(const ProblemSize& size) const {
  if (size.rows < info().minimum_rows) {
    return absl::InvalidArgumentError(
        StrCat(info().id,
               " needs at least ",
               info().minimum_rows,
               " rows; candidate and reference have ",
               size.rows));
  }
  return absl::OkStatus();
}

}  // namespace repscore
