// Partitions of rows for cross-validation, with their rule and seed.
// Values; safe to share.
#ifndef REPSCORE_CORE_STATISTICS_FOLDS_H_
#define REPSCORE_CORE_STATISTICS_FOLDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace repscore {

/// An assignment of rows to validation folds. Each fold trains on all rows
/// outside it.
struct Folds {
  int32_t count = 0;
  /// One per row; -1: never validated, always trained on.
  std::vector<int32_t> fold_of_row;
  /// SHA-256 (hex) of the assignment.
  std::string digest;

  /// Rows of every fold.
  std::vector<int64_t> Sizes() const;
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
    kExplicit,              ///< explicit: index lists from the caller
  };

  FoldRule() = default;

  /// Parses "none", "rows_contiguous(5)", "conditions_shuffled(5,7)" or
  /// "explicit" (also by_condition_* for conditions_*). `explicit_folds` are
  /// the validation rows of every fold for kExplicit. InvalidArgument names
  /// what is wrong.
  static absl::StatusOr<FoldRule> Parse(
      std::string_view text, std::vector<std::vector<int64_t>> explicit_folds);

  Kind kind() const { return kind_; }
  bool in_sample() const { return kind_ == Kind::kNone; }

  /// Canonical form, seed written out. Explicit folds carry 16 digits of
  /// their digest.
  std::string ToString() const;

  /// The folds of n rows, row = time * conditions + condition. Sizes are n / k
  /// with the first n mod k one larger. InvalidArgument when k exceeds what
  /// there is to divide, a training set would have fewer than two rows, or an
  /// explicit index is out of range or given twice.
  absl::StatusOr<Folds> Assign(int64_t rows, int64_t conditions) const;

 private:
  Kind kind_ = Kind::kNone;
  int64_t count_ = 0;
  uint64_t seed_ = 0;
  std::vector<std::vector<int64_t>> explicit_folds_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_STATISTICS_FOLDS_H_
