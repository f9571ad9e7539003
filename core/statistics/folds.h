// Partitions of rows for cross-validation, with their rule and seed.
// Values; safe to share.
#ifndef REPSCORE_CORE_STATISTICS_FOLDS_H_
#define REPSCORE_CORE_STATISTICS_FOLDS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace repscore {

/// One validation: rows to fit on and rows to judge by.
struct Split {
  std::vector<int64_t> train;
  std::vector<int64_t> test;
};

/// An assignment of rows to validation folds: a partition, in which each fold
/// trains on all rows outside it, or a list of splits that may overlap.
struct Folds {
  int32_t count = 0;
  /// Partition: one per row; -1: never validated, always trained on. Empty for
  /// overlapping splits.
  std::vector<int32_t> fold_of_row;
  /// The splits where they are no partition.
  std::vector<Split> overlapping = {};
  /// Every row is a fold of its own. No moments are kept for such folds: n
  /// Gram matrices would be the result.
  bool leave_one_out = false;
  /// SHA-256 (hex) of the assignment.
  std::string digest;

  bool is_partition() const { return overlapping.empty(); }
  /// Folds are kept as moments: few and disjoint.
  bool has_moments() const { return is_partition() && !leave_one_out; }
  /// Fold `fold` as a split, rows ascending where they are a partition.
  Split SplitAt(int64_t fold) const;
  /// Validation rows of every fold.
  std::vector<int64_t> Sizes() const;
  /// Every fold as a split, rows ascending where they are a partition.
  std::vector<Split> Splits() const;
};

/// What rules know of the rows they divide: row = time * conditions +
/// condition. A view; the labels must outlive it.
struct RowLayout {
  int64_t rows = 0;
  int64_t conditions = 0;
  /// By name, one value per condition.
  std::map<std::string, absl::Span<const std::string>> labels = {};
};

/// How rows become folds.
class FoldRule {
 public:
  enum class Kind {
    kNone,                  ///< none: in-sample
    kRowsContiguous,        ///< rows_contiguous(k): stored order
    kRowsShuffled,          ///< rows_shuffled(k,seed)
    kConditionsContiguous,  ///< conditions_contiguous(k): whole conditions
    kConditionsShuffled,    ///< conditions_shuffled(k,seed)
    kStratified,            ///< stratified(k,label,seed): conditions
    kSplit,                 ///< split(train,repeats,seed[,label]): conditions
    kLeaveOneOut,           ///< loo: folds of one row
    kExplicit,              ///< explicit: index lists from the caller
    kRowBatches,    ///< row_batches(size): see RowBatches; not for validation
    kTrajectories,  ///< trajectories: see Trajectories; not for validation
  };

  FoldRule() = default;

  /// Index lists of kExplicit: validation rows of every fold and, unless each
  /// fold trains on all rows outside it, its training rows.
  struct Lists {
    std::vector<std::vector<int64_t>> test = {};
    std::vector<std::vector<int64_t>> train = {};
  };

  /// Parses "none", "loo", "rows_contiguous(5)", "conditions_shuffled(5,7)",
  /// "stratified(5,label,7)", "split(train=0.9,repeats=10,seed=1,
  /// stratify=label)" or "explicit" (also by_condition_* for conditions_*).
  /// What ToString says of explicit folds is taken with the same lists only.
  /// InvalidArgument names what is wrong.
  static absl::StatusOr<FoldRule> Parse(std::string_view text, Lists lists);
  /// True for "explicit" and for what ToString makes of it.
  static bool IsExplicit(std::string_view text);

  /// Batches of `size` rows in stored order, which may be all rows; a last
  /// batch that is not full is left out.
  static FoldRule RowBatches(int64_t size);

  /// Every condition, with all its time bins, is a fold. InvalidArgument of
  /// Assign without a time axis.
  static FoldRule Trajectories();

  Kind kind() const { return kind_; }
  bool in_sample() const { return kind_ == Kind::kNone; }
  /// Number of folds where the rule says it, else 0 (none, loo).
  int64_t count() const { return count_; }
  /// Folds are disjoint and train on all rows outside them.
  bool is_partition() const {
    return kind_ != Kind::kSplit && lists_.train.empty();
  }

  /// Canonical form, seed written out. Explicit folds carry 16 digits of
  /// their digest.
  std::string ToString() const;

  /// The folds of these rows. Sizes of contiguous and shuffled folds are n / k
  /// with the first n mod k one larger; stratified folds deal the shuffled
  /// conditions of every class in turn; a split draws floor(train * n)
  /// training conditions, each class in proportion. InvalidArgument when k
  /// exceeds what there is to divide, a label does not exist, a training set
  /// would have fewer than two rows, or an explicit index is out of range or
  /// given twice.
  absl::StatusOr<Folds> Assign(const RowLayout& layout) const;

  /// Number of folds of so many rows that are conditions of their own; a few
  /// where only the labels of a dataset tell.
  int64_t CountAmong(int64_t rows) const;

 private:
  Kind kind_ = Kind::kNone;
  int64_t count_ = 0;
  uint64_t seed_ = 0;
  double train_ = 0.0;
  std::string label_;
  Lists lists_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_STATISTICS_FOLDS_H_
