// One side of a comparison fixed: a dataset on a backend with what can be
// computed of it once.
//
// Immutable after Create but for caches that its backend's thread fills: use a
// Reference only from the thread that owns the backend.
#ifndef REPSCORE_CORE_MEASURES_REFERENCE_H_
#define REPSCORE_CORE_MEASURES_REFERENCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/backend/backend.h"
#include "core/data/dataset.h"
#include "core/statistics/statistics.h"

namespace repscore {

class Reference {
 public:
  /// Uploads, checks and centres the dataset. InvalidArgument when it has a
  /// non-finite entry (first row and column in the message), fewer than two
  /// rows, or no variance.
  static absl::StatusOr<std::shared_ptr<const Reference>> Create(
      Backend& backend, std::shared_ptr<const Dataset> dataset);

  const Dataset& dataset() const { return *dataset_; }
  Backend& backend() const { return *backend_; }
  int64_t rows() const { return centred_.rows(); }
  int64_t features() const { return centred_.cols(); }
  int64_t conditions() const { return dataset_->conditions(); }

  /// Column-centred rows [n x q], float64.
  const Matrix& centred() const { return centred_; }

  /// Rows [n x min(n, q)] with the same Gram matrix as centred(): stands in
  /// for it in every measure that is invariant to rotations of the reference.
  const Matrix& compressed() const { return compressed_; }

  /// What measures compare with: centred() when they need the reference's own
  /// columns, else compressed().
  const Matrix& Rows(bool full) const { return full ? centred_ : compressed_; }

  /// Column means [q x 1] of the dataset.
  const Matrix& means() const { return means_; }

  /// Left singular vectors [n x k] of centred() and the variance share of
  /// each, largest first, k = min(count, rank). Computed at the first call.
  struct PrincipalComponents {
    Matrix vectors;
    std::vector<double> variance_share;
  };
  PrincipalComponents principal_components(int64_t count) const;

  /// Constants of Rows(needs.full_reference) that `needs` asks for.
  ReferenceConstants Constants(const StatisticsNeeds& needs) const;

  /// Participation ratio of the variances of centred().
  double effective_dimensionality() const;

  /// Bytes held on the device.
  int64_t bytes() const;

 private:
  Reference() = default;

  std::shared_ptr<const Dataset> dataset_;
  Backend* backend_ = nullptr;
  Matrix centred_;
  Matrix compressed_;
  Matrix means_;
  mutable PrincipalComponents components_;
  mutable ReferenceConstants constants_;
  /// The Gram matrix of centred(), where that is not compressed().
  mutable Matrix full_gram_;
};

/// The dataset's rows as fold rules see them; a view of its labels.
RowLayout LayoutOf(const Dataset& dataset);

/// False when centred rows are rounding noise of constant columns:
/// |Xc| <= 8 eps sqrt(n p) max |x|.
bool HasVariance(double centred_norm_squared,
                 double largest_magnitude,
                 int64_t rows,
                 int64_t features);

/// What is said when finite rows have a norm that is none.
inline constexpr std::string_view kNanFromDevice =
    "the device gave NaN for finite rows";

/// InvalidArgument naming `side` and the first row and column with a NaN or an
/// infinity; `row_major` starts at row `first_row`.
absl::Status CheckFinite(absl::Span<const double> row_major,
                         int64_t features,
                         int64_t first_row,
                         std::string_view side);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_REFERENCE_H_
