// Two sets of rows that are resident on a backend: statistics from the rows,
// and derivatives back to them.
#ifndef REPSCORE_CORE_STATISTICS_ROW_PAIR_H_
#define REPSCORE_CORE_STATISTICS_ROW_PAIR_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/backend/backend.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// An order of rows in which every fold of every rule that has moments is made
/// of contiguous cells: the common refinement of those rules.
class RowOrder {
 public:
  /// Rows `first` .. `first + count` lie in fold `folds[rule]` of every rule
  /// that has moments.
  struct Cell {
    int64_t first = 0;
    int64_t count = 0;
    std::map<std::string, int32_t> folds;
  };

  /// `folds` by FoldRule::ToString().
  RowOrder(int64_t rows, std::map<std::string, Folds> folds);

  /// Position i holds original row permutation()[i].
  const std::vector<int64_t>& permutation() const { return permutation_; }
  /// Original row i is at position Inverse()[i].
  std::vector<int64_t> Inverse() const;
  bool is_identity() const { return is_identity_; }
  const std::vector<Cell>& cells() const { return cells_; }
  /// In this order; digests are those of the original order.
  const std::map<std::string, Folds>& folds() const { return folds_; }

  /// `in` in this order; `in` itself when nothing moves.
  Matrix Apply(Backend& backend, const Matrix& in) const;
  /// Back to the original order.
  Matrix Invert(Backend& backend, const Matrix& in) const;

 private:
  std::map<std::string, Folds> folds_;
  std::vector<int64_t> permutation_;
  std::vector<Cell> cells_;
  bool is_identity_ = true;
};

/// Column-centred rows of both sides, both in the same RowOrder and of the same
/// scalar type. `exact_reference` is the reference in float64.
struct RowPair {
  Matrix candidate;
  Matrix reference;
  Matrix exact_reference;
  /// What centring removed, [p x 1] and [q x 1] float64; may be empty where no
  /// measure asks for means.
  Matrix candidate_means = {};
  Matrix reference_means = {};
  /// |candidate|^2 and |exact_reference|^2 where they are known; negative: not.
  double candidate_norm_squared = -1.0;
  double reference_norm_squared = -1.0;
};

/// a'a as float64; accumulated in float64 when `exact`.
Matrix GramOf(Backend& backend, const Matrix& a, bool exact);

/// aa' as float64.
Matrix KernelOf(Backend& backend, const Matrix& a);

/// Statistics of `pair` as asked for by `needs`. Products run in the scalar
/// type of the rows (A in float64 where needs.exact_gram).
Statistics ComputeStatistics(Backend& backend,
                             const RowPair& pair,
                             const RowOrder& order,
                             const StatisticsNeeds& needs,
                             const ReferenceConstants& constants);

/// The gradient on the candidate's rows that `adjoint` stands for.
PullBackTerms CandidatePullBack(Backend& backend,
                                const RowPair& pair,
                                const RowOrder& order,
                                const Adjoint& adjoint);

/// The gradient on the reference's rows.
PullBackTerms ReferencePullBack(Backend& backend,
                                const RowPair& pair,
                                const RowOrder& order,
                                const Adjoint& adjoint);

}  // namespace repscore

#endif  // REPSCORE_CORE_STATISTICS_ROW_PAIR_H_
