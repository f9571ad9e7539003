// Cross-moments of a candidate's rows with a fixed, centred reference:
// additive over chunks of rows, over folds and over shards; subtractive too.
//
// Rows are accumulated about a shift (a provisional mean), in float64, and
// centred exactly at the end: nothing cancels however large the means are.
// Not thread-safe; use from the backend's thread.
#ifndef REPSCORE_CORE_STATISTICS_MOMENTS_H_
#define REPSCORE_CORE_STATISTICS_MOMENTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/backend/backend.h"
#include "core/statistics/folds.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// Sums over some rows of (x - shift) and y, and of their products.
class Moments {
 public:
  Moments() = default;

  /// No rows yet. Which products are kept follows `needs`.
  Moments(Backend& backend,
          std::vector<double> shift,
          int64_t reference_features,
          const StatisticsNeeds& needs);

  /// Adds rows: `candidate` [p x k] holds x - shift in its columns, `reference`
  /// [k x q] the matching rows of Y.
  void Accumulate(const Matrix& candidate, const Matrix& reference);

  /// Exact whatever the other's shift: sums are re-based first.
  void Add(const Moments& other) { Combine(1.0, other); }
  void Subtract(const Moments& other) { Combine(-1.0, other); }

  int64_t rows() const { return sums_.rows; }

  /// Means of the rows in here [p], shift included.
  std::vector<double> Means() const;

  /// Moments of (x - means) and y, in the memory of these, which are gone.
  FoldMoments CentredOn(absl::Span<const double> means) &&;

 private:
  void Combine(double sign, const Moments& other);
  /// The same rows about another origin: x - origin.
  FoldMoments Rebased(absl::Span<const double> origin) const;
  /// As Rebased, in place of `sums`.
  void Rebase(absl::Span<const double> origin, FoldMoments& sums) const;

  Backend* backend_ = nullptr;
  std::vector<double> shift_;
  FoldMoments sums_;
};

/// Accumulates blocks of rows into one Moments per cell of the fold rules.
class MomentsAccumulator {
 public:
  /// `reference` [n x q] is centred; `folds` by FoldRule::ToString().
  MomentsAccumulator(Backend& backend,
                     Matrix reference,
                     std::map<std::string, Folds> folds,
                     const StatisticsNeeds& needs);

  /// The next `count` rows, row-major [count x p]. The first block sets the
  /// shift and p.
  void Append(absl::Span<const double> rows, int64_t count);

  /// Means [p] of all rows so far.
  std::vector<double> Means() const;

  /// Statistics of all rows; requires that all n have come. They take over the
  /// memory of what was accumulated, which is gone.
  Statistics Finish(const ReferenceConstants& constants) &&;

 private:
  struct Cell {
    std::map<std::string, int32_t> folds;
    Moments moments;
  };

  /// Sums that row norms add; a° = |x - shift|^2, b = |y|^2.
  struct NormSums {
    double a = 0.0;
    double a_squared = 0.0;
    double ab = 0.0;
    std::vector<double> ax;
    std::vector<double> bx;
    std::vector<double> x;
  };

  size_t CellOfRow(int64_t row);
  /// `shifted` [rows.size() x p] are the given rows of the candidate.
  void AddRowNorms(absl::Span<const double> shifted,
                   absl::Span<const int64_t> rows);
  /// Gives every fold and the total their sums over cells.
  FoldMoments SumCells(absl::Span<const double> means, Statistics& statistics);
  RowNorms FinishRowNorms(const Matrix& total_gram,
                          absl::Span<const double> offset) const;

  Backend& backend_;
  Matrix reference_;
  std::map<std::string, Folds> folds_;
  StatisticsNeeds needs_;
  std::vector<double> shift_;
  /// Rows of the latest block; kept for its memory.
  std::vector<double> shifted_;
  std::vector<double> reference_norms_;
  std::map<std::vector<int32_t>, size_t> cell_index_;
  std::vector<Cell> cells_;
  NormSums norm_sums_;
  int64_t rows_seen_ = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_STATISTICS_MOMENTS_H_
