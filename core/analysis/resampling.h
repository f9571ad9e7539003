// Scores of the same measures over many related pairs of rows: random subsets
// of conditions, permuted references, other candidates. Machinery of
// context.h; use from the backend's thread.
#ifndef REPSCORE_CORE_ANALYSIS_RESAMPLING_H_
#define REPSCORE_CORE_ANALYSIS_RESAMPLING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/measures/measure.h"
#include "core/measures/reference.h"
#include "core/statistics/row_pair.h"

namespace repscore {

/// Uses of one seed; element `index` of a use has a Philox stream of its own.
enum class RandomUse : uint64_t {
  kSubsample = 1,
  kPermutation = 2,
  kHalves = 3,
};
uint64_t RandomStream(RandomUse use, uint64_t index);

/// Two sides in the dataset's order, float64 and column-centred.
struct Sides {
  Matrix candidate;
  Matrix candidate_means;
  /// With its own columns [n x q].
  Matrix reference;
  /// A stand-in with the same kernel; made of `reference` where empty.
  Matrix compressed = {};
  Matrix reference_means;
};

/// One value per measure; empty where it is undefined for these rows.
using Values = std::vector<std::optional<double>>;

/// Scores by draw, and why the first one that failed did.
struct DrawnScores {
  std::vector<Values> draws;
  std::string failure;
};

/// Returns not-OK to stop.
using Continue = std::function<absl::Status()>;

class Resampler {
 public:
  /// `reference` gives dataset, backend and folds; all must outlive this.
  /// InvalidArgument when a fold rule does not fit the dataset.
  static absl::StatusOr<Resampler> Create(
      const Reference& reference,
      absl::Span<const std::shared_ptr<const Measure>> measures);

  /// Values of one pair over all rows of the dataset.
  Values Score(const Sides& sides, std::string& failure) const;

  /// Values over `draws` random subsets of `kept` of the units, without
  /// replacement; units[c] in 0 .. unit_count - 1 is the unit of condition c.
  /// Rows stay in the folds of the whole.
  absl::StatusOr<DrawnScores> ScoreSubsets(const Sides& sides,
                                           absl::Span<const int64_t> units,
                                           int64_t unit_count,
                                           int64_t kept,
                                           int64_t draws,
                                           uint64_t seed,
                                           const Continue& keep_going) const;

  /// Values over `draws` random permutations of the reference's conditions,
  /// all time bins of a condition moving together.
  absl::StatusOr<DrawnScores> ScorePermutations(
      const Sides& sides,
      int64_t draws,
      uint64_t seed,
      const Continue& keep_going) const;

 private:
  using FoldMap = std::map<std::string, Folds>;

  struct Plan {
    ProblemSize size;
    StatisticsNeeds needs;
  };

  explicit Resampler(const Reference& reference,
                     absl::Span<const std::shared_ptr<const Measure>> measures);

  Plan PlanFor(int64_t rows,
               int64_t candidate_features,
               int64_t compressed_features,
               int64_t full_features) const;
  Values Evaluate(const Statistics& statistics, std::string& failure) const;
  Values ScoreRows(const RowPair& pair,
                   const FoldMap& folds,
                   const Plan& plan,
                   std::string& failure) const;
  Values ScoreSubset(const Sides& sides,
                     absl::Span<const int64_t> rows,
                     const Matrix& kernel,
                     const Matrix& reference_kernel,
                     std::string& failure) const;
  /// Rows of the given conditions, in the dataset's order.
  std::vector<int64_t> RowsOf(absl::Span<const int64_t> conditions) const;

  Backend& backend_;
  absl::Span<const std::shared_ptr<const Measure>> measures_;
  FoldMap folds_;
  int64_t rows_ = 0;
  int64_t conditions_ = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_RESAMPLING_H_
