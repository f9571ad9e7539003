// What may be asked for by a ContextRequest.
#include <cmath>
#include <string_view>

#include "core/analysis/context.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr int64_t kMostDraws = 1'000'000;
constexpr int64_t kFewestDraws = 20;

absl::Status CheckCount(int64_t value, std::string_view field) {
  if (value >= 0 && value <= kMostDraws) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat(
      "context.", field, ": ", value, ", must be from 0 to ", kMostDraws));
}

}  // namespace

absl::Status ValidateContext(const ContextRequest& request) {
  REPSCORE_RETURN_IF_ERROR(
      CheckCount(request.ceiling_splits, "ceiling_splits"));
  REPSCORE_RETURN_IF_ERROR(
      CheckCount(request.bootstrap_draws, "bootstrap_draws"));
  REPSCORE_RETURN_IF_ERROR(CheckCount(request.permutations, "permutations"));
  if (request.supplied_ceiling.has_value() &&
      !(std::isfinite(*request.supplied_ceiling) &&
        *request.supplied_ceiling > 0.0)) {
    return absl::InvalidArgumentError(StrCat("context.supplied_ceiling: ",
                                             *request.supplied_ceiling,
                                             ", must be positive and finite"));
  }
  if (!(request.confidence > 0.0 && request.confidence < 1.0)) {
    return absl::InvalidArgumentError(StrCat("context.confidence: ",
                                             request.confidence,
                                             ", must be between 0 and 1"));
  }
  if (request.bootstrap_draws > 0 && request.bootstrap_draws < kFewestDraws) {
    return absl::InvalidArgumentError(StrCat("context.bootstrap_draws: ",
                                             request.bootstrap_draws,
                                             ", must be 0 or at least ",
                                             kFewestDraws));
  }
  if (request.normalisation != Normalisation::kNone &&
      request.ceiling_splits == 0 && !request.supplied_ceiling.has_value()) {
    return absl::InvalidArgumentError(
        "context.normalization: needs a ceiling; ask for ceiling_splits or "
        "supply one");
  }
  return absl::OkStatus();
}

}  // namespace repscore
