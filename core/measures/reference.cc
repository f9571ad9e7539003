#include "core/measures/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/base/text.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

/// Row-major [n x p] elements as a column-major matrix.
Matrix UploadRowMajor(Backend& backend,
                      absl::Span<const double> elements,
                      int64_t rows,
                      int64_t features) {
  const Matrix transposed = backend.Allocate(features, rows, kDouble);
  backend.Upload(elements, transposed);
  Matrix out = backend.Allocate(rows, features, kDouble);
  backend.Transpose(transposed, out);
  return out;
}

}  // namespace

RowLayout LayoutOf(const Dataset& dataset) {
  RowLayout layout;
  layout.rows = dataset.rows();
  layout.conditions = dataset.conditions();
  for (const NamedValues& label : dataset.description.labels) {
    layout.labels[label.name] = label.values;
  }
  return layout;
}

bool HasVariance(double centred_norm_squared,
                 double largest_magnitude,
                 int64_t rows,
                 int64_t features) {
  const double size = static_cast<double>(rows) * static_cast<double>(features);
  return std::sqrt(centred_norm_squared) >
         8.0 * std::numeric_limits<double>::epsilon() * std::sqrt(size) *
             largest_magnitude;
}

absl::Status CheckFinite(absl::Span<const double> row_major,
                         int64_t features,
                         int64_t first_row,
                         std::string_view side) {
  const int64_t at = FirstNonFinite(row_major);
  if (at < 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat(side,
                                           ": entry at row ",
                                           first_row + at / features,
                                           ", column ",
                                           at % features,
                                           " is not finite"));
}

absl::StatusOr<std::shared_ptr<const Reference>> Reference::Create(
    Backend& backend, std::shared_ptr<const Dataset> dataset) {
  return Guarded([&]() -> absl::StatusOr<std::shared_ptr<const Reference>> {
    const int64_t n = dataset->rows();
    const int64_t q = dataset->features();
    if (n < 2) {
      return absl::InvalidArgumentError(
          StrCat("dataset: ",
                 dataset->name,
                 " has ",
                 n,
                 " rows; at least 2 are needed to compare"));
    }
    std::vector<double> elements(static_cast<size_t>(n * q));
    ConvertToDouble(dataset->description.spec.type,
                    dataset->data,
                    absl::MakeSpan(elements));
    absl::Status finite = CheckFinite(elements, q, 0, "dataset");
    if (!finite.ok()) {
      return finite;
    }
    double largest = 0.0;
    for (const double element : elements) {
      largest = std::max(largest, std::abs(element));
    }
    std::shared_ptr<Reference> reference(new Reference);
    reference->dataset_ = std::move(dataset);
    reference->backend_ = &backend;
    reference->centred_ = UploadRowMajor(backend, elements, n, q);
    reference->means_ = backend.Allocate(q, 1, kDouble);
    backend.CentreColumns(reference->centred_, reference->means_);
    const double norm = backend.Dot(reference->centred_, reference->centred_);
    if (std::isnan(norm)) {
      return absl::InternalError("dataset: " + std::string(kNanFromDevice));
    }
    if (!HasVariance(norm, largest, n, q)) {
      return absl::InvalidArgumentError(StrCat("dataset: ",
                                               reference->dataset_->name,
                                               " has no variance over its ",
                                               n,
                                               " rows"));
    }
    reference->compressed_ = backend.CompressColumns(reference->centred_);
    reference->constants_.norm_squared = norm;
    return reference;
  });
}

ReferenceConstants Reference::Constants(const StatisticsNeeds& needs) const {
  const Matrix& y = compressed_;
  const bool rotated = centred_.cols() != compressed_.cols();
  const bool own_columns = needs.full_reference && rotated;
  Matrix& gram = own_columns ? full_gram_ : constants_.gram;
  if (needs.reference_gram && gram.empty()) {
    const Matrix& rows = own_columns ? centred_ : compressed_;
    gram = backend_->Allocate(rows.cols(), rows.cols(), kDouble);
    backend_->Syrk(Op::kTranspose, 1.0, rows, 0.0, gram);
  }
  if (needs.reference_kernel && constants_.kernel.empty()) {
    constants_.kernel = backend_->Allocate(y.rows(), y.rows(), kDouble);
    backend_->Syrk(Op::kNone, 1.0, y, 0.0, constants_.kernel);
  }
  if (needs.row_norms && constants_.row_norms.empty()) {
    constants_.row_norms = backend_->Allocate(y.rows(), 1, kDouble);
    backend_->RowSquaredNorms(y, constants_.row_norms);
  }
  ReferenceConstants constants = constants_;
  constants.gram = gram;
  return constants;
}

double Reference::effective_dimensionality() const {
  StatisticsNeeds needs;
  needs.reference_gram = true;
  const Matrix gram = Constants(needs).gram;
  return ParticipationRatio(constants_.norm_squared, backend_->Dot(gram, gram));
}

Reference::PrincipalComponents Reference::principal_components(
    int64_t count) const {
  if (components_.vectors.empty()) {
    // Y'Y = V diag(w) V', u_i = Y v_i / sqrt(w_i), on the smaller side.
    const Matrix& y = compressed_;
    const Matrix gram = backend_->Allocate(y.cols(), y.cols(), kDouble);
    backend_->Syrk(Op::kTranspose, 1.0, y, 0.0, gram);
    const Spectrum spectrum = PositiveSpectrum(*backend_, gram);
    const int64_t rank = spectrum.vectors.cols();
    const Matrix ordered = backend_->Allocate(y.cols(), rank, kDouble);
    components_.variance_share.resize(static_cast<size_t>(rank));
    for (int64_t i = 0; i < rank; ++i) {
      const double w = spectrum.values[static_cast<size_t>(rank - 1 - i)];
      backend_->Axpby(1.0 / std::sqrt(w),
                      spectrum.vectors.Columns(rank - 1 - i, 1),
                      0.0,
                      ordered.Columns(i, 1));
      components_.variance_share[static_cast<size_t>(i)] =
          w / constants_.norm_squared;
    }
    components_.vectors = backend_->Allocate(y.rows(), rank, kDouble);
    backend_->Gemm(
        Op::kNone, Op::kNone, 1.0, y, ordered, 0.0, components_.vectors);
  }
  const int64_t kept = std::min(count, components_.vectors.cols());
  PrincipalComponents leading;
  leading.vectors = components_.vectors.Columns(0, kept);
  leading.variance_share.assign(components_.variance_share.begin(),
                                components_.variance_share.begin() + kept);
  return leading;
}

int64_t Reference::bytes() const {
  return 2 * centred_.bytes() + constants_.gram.bytes() +
         constants_.kernel.bytes() + components_.vectors.bytes();
}

}  // namespace repscore
