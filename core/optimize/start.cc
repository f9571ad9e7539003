#include "core/optimize/start.h"

#include <algorithm>
#include <variant>

#include "core/analysis/score_stream.h"
#include "core/analysis/surrogate.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/statistics/statistics.h"

namespace repscore {
namespace {

constexpr std::string_view kField = "start.candidate";
// Elements of the parts in which rows come and go.
constexpr int64_t kPartElements = int64_t{1} << 20;

/// Calls body(first row, rows) for parts of `rows` rows of p elements.
template <typename Body>
void ForParts(int64_t rows, int64_t p, const Body& body) {
  const int64_t most =
      std::max<int64_t>(1, kPartElements / std::max<int64_t>(1, p));
  for (int64_t first = 0; first < rows; first += most) {
    body(first, std::min(most, rows - first));
  }
}

/// Row-major elements of rows of any scalar type.
void DownloadRows(Backend& backend,
                  const Matrix& rows,
                  absl::Span<double> elements) {
  const int64_t p = rows.cols();
  ForParts(rows.rows(), p, [&](int64_t first, int64_t count) {
    const Matrix part = Widened(backend, rows.Rows(first, count));
    const Matrix transposed = backend.Allocate(p, count, ScalarType::kFloat64);
    backend.Transpose(part, transposed);
    backend.Download(transposed,
                     elements.subspan(static_cast<size_t>(first * p),
                                      static_cast<size_t>(count * p)));
  });
}

}  // namespace

Matrix UploadRows(Backend& backend, const StartRows& rows, int64_t n) {
  const int64_t p = rows.features;
  Matrix out = backend.Allocate(n, p, ScalarType::kFloat64);
  const absl::Span<const double> elements = rows.elements;
  ForParts(n, p, [&](int64_t first, int64_t count) {
    const Matrix transposed = backend.Allocate(p, count, ScalarType::kFloat64);
    backend.Upload(elements.subspan(static_cast<size_t>(first * p),
                                    static_cast<size_t>(count * p)),
                   transposed);
    backend.Transpose(transposed, out.Rows(first, count));
  });
  return out;
}

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
    const Matrix drawn = MatchedGaussian(reference, surrogate->seed);
    rows.features = drawn.cols();
    rows.elements.resize(static_cast<size_t>(drawn.size()));
    DownloadRows(reference.backend(), drawn, absl::MakeSpan(rows.elements));
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
  HostArray array;
  array.spec = {.type = DataType::kFloat64,
                .shape = {rows.rows(), rows.cols()}};
  array.data.resize(static_cast<size_t>(rows.size()) * sizeof(double));
  const absl::Span<double> elements(
      reinterpret_cast<double*>(array.data.data()),
      static_cast<size_t>(rows.size()));
  DownloadRows(backend, rows, elements);
  std::vector<double> offsets(static_cast<size_t>(rows.cols()));
  backend.Download(means, absl::MakeSpan(offsets));
  for (size_t i = 0; i < elements.size(); ++i) {
    elements[i] += offsets[i % offsets.size()];
  }
  return array;
}

}  // namespace repscore
