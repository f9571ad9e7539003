#include "core/optimize/start.h"

#include <variant>

#include "core/analysis/score_stream.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr std::string_view kField = "start.candidate";

}  // namespace

absl::StatusOr<StartRows> MakeStart(const StartPoint& start,
                                    const Reference& reference) {
  const int64_t n = reference.rows();
  StartRows rows;
  if (const auto* gaussian = std::get_if<GaussianStart>(&start)) {
    rows.features =
        gaussian->features > 0 ? gaussian->features : reference.features();
    rows.elements.resize(static_cast<size_t>(n * rows.features));
    Philox(gaussian->seed).FillNormal(0, absl::MakeSpan(rows.elements));
    return rows;
  }
  const HostArray& array = std::get<HostArray>(start);
  REPSCORE_ASSIGN_OR_RETURN(
      const int64_t bytes,
      CheckedByteSize(array.spec, StrCat(kField, ".spec")));
  if (static_cast<int64_t>(array.data.size()) != bytes) {
    return absl::InvalidArgumentError(StrCat(kField,
                                             ".data: has ",
                                             array.data.size(),
                                             " bytes, but ",
                                             ToString(array.spec),
                                             " takes ",
                                             bytes));
  }
  REPSCORE_RETURN_IF_ERROR(CheckRowCount(
      reference, RowCount(array.spec), StrCat(kField, ".spec.shape")));
  rows.features = FeatureCount(array.spec);
  rows.elements.resize(static_cast<size_t>(n * rows.features));
  ConvertToDouble(array.spec.type, array.data, absl::MakeSpan(rows.elements));
  REPSCORE_RETURN_IF_ERROR(
      CheckFinite(rows.elements, rows.features, 0, kField));
  return rows;
}

}  // namespace repscore
