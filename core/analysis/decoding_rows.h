// Rows made ready to be decoded: what the fits of every label share.
#ifndef REPSCORE_CORE_ANALYSIS_DECODING_ROWS_H_
#define REPSCORE_CORE_ANALYSIS_DECODING_ROWS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/analysis/logistic_regression.h"
#include "core/backend/host_algebra.h"
#include "core/base/parallel.h"

namespace repscore {

/// How time bins lie in the rows of a dataset, and the weight of the data
/// against the penalty.
struct BinLayout {
  int64_t bins = 1;
  int64_t bin_rows = 0;
  double c = 1.0;

  bool operator==(const BinLayout& other) const {
    return bins == other.bins && bin_rows == other.bin_rows && c == other.c;
  }
};

/// InvalidArgument when `rows` are not as many elements as the layout's rows of
/// so many features have, or one is not finite.
absl::Status CheckRows(const BinLayout& layout,
                       absl::Span<const double> rows,
                       int64_t features);

/// Rows of one time bin. Immutable; thread-safe.
///
/// Solutions outlive their rows: as weights, last row the intercepts, or, with
/// more features than rows, as scores of the rows, which hold for every basis.
class BinRows {
 public:
  /// Row-major [n x features].
  BinRows(const double* elements, int64_t n, int64_t features, double c);

  /// Coordinates of the centred rows [n x r].
  const Eigen::MatrixXd& rows() const { return rows_; }
  const WhitenedRows& whitened() const { return *whitened_; }
  /// Zeros for a solution of another number of rows.
  Eigen::MatrixXd ToWeights(const Eigen::MatrixXd& solution) const;
  Eigen::MatrixXd ToSolution(const Eigen::MatrixXd& weights) const;

 private:
  void UseKernel();

  Eigen::MatrixXd rows_;
  /// Of X = U S V', of which rows_ are U S; empty where p <= n.
  Eigen::MatrixXd u_;
  Eigen::VectorXd s_;
  std::optional<WhitenedRows> whitened_;
};

/// One per time bin, of rows that CheckRows takes.
std::vector<std::unique_ptr<const BinRows>> MakeBins(
    const BinLayout& layout,
    absl::Span<const double> rows,
    int64_t features,
    int threads);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_DECODING_ROWS_H_
