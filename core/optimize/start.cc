#include "core/optimize/start.h"

#include <variant>

#include "core/analysis/score_stream.h"
#include "core/analysis/surrogate.h"
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
  if (const auto* surrogate = std::get_if<SurrogateStart>(&start)) {
    Backend& backend = reference.backend();
    const Matrix drawn = MatchedGaussian(reference, surrogate->seed);
    const Matrix transposed =
        backend.Allocate(drawn.cols(), drawn.rows(), ScalarType::kFloat64);
    backend.Transpose(drawn, transposed);
    rows.features = drawn.cols();
    rows.elements.resize(static_cast<size_t>(drawn.size()));
    backend.Download(transposed, absl::MakeSpan(rows.elements));
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

HostArray ToHostArray(Backend& backend,
                      const Matrix& rows,
                      const Matrix& means) {
  const Matrix transposed =
      backend.Allocate(rows.cols(), rows.rows(), ScalarType::kFloat64);
  backend.Transpose(rows, transposed);
  std::vector<double> elements(static_cast<size_t>(rows.size()));
  backend.Download(transposed, absl::MakeSpan(elements));
  std::vector<double> offsets(static_cast<size_t>(rows.cols()));
  backend.Download(means, absl::MakeSpan(offsets));
  for (size_t i = 0; i < elements.size(); ++i) {
    elements[i] += offsets[i % offsets.size()];
  }
  HostArray array;
  array.spec = {.type = DataType::kFloat64,
                .shape = {rows.rows(), rows.cols()}};
  const auto bytes =
      absl::MakeConstSpan(reinterpret_cast<const std::byte*>(elements.data()),
                          elements.size() * sizeof(double));
  array.data.assign(bytes.begin(), bytes.end());
  return array;
}

}  // namespace repscore
