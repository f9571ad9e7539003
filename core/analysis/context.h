// What a score needs beside it to be judged: ceiling, interval, null
// distribution, baseline.
//
// Pure functions of resident rows; use from the thread that owns the
// reference's backend.
#ifndef REPSCORE_CORE_ANALYSIS_CONTEXT_H_
#define REPSCORE_CORE_ANALYSIS_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/measures/measure.h"
#include "core/measures/reference.h"

namespace repscore {

/// How a score r and a ceiling c make a ceiled score.
enum class Normalisation {
  kNone,
  kROverC,          ///< r / c
  kRSquaredOverC,   ///< r^2 / c (Brain-Score, neural, since January 2026)
  kRSquaredOverC2,  ///< (r / c)^2
  /// r_j^2 / c_j of every unit j of the reference, then their mean or median
  /// as the score has it (Brain-Score, single voxels).
  kPerUnitRSquaredOverC,
};

/// Which parts of ScoreContext are wanted.
struct ContextRequest {
  /// Random halves of the repetitions; 0: no ceiling.
  int64_t ceiling_splits = 0;
  /// A ceiling that the caller knows; wins over ceiling_splits.
  std::optional<double> supplied_ceiling = std::nullopt;
  Normalisation normalisation = Normalisation::kNone;
  /// Ceiled scores are cut to [0, 1]; the original is kept.
  bool clip = false;
  /// Draws of random subsets of conditions; 0: no interval.
  int64_t bootstrap_draws = 0;
  double confidence = 0.95;
  /// Name of a group of the dataset whose members are drawn together; empty:
  /// single conditions.
  std::string bootstrap_group = {};
  /// Permutations of conditions; 0: no null distribution.
  int64_t permutations = 0;
  /// Score of the reference's own average over conditions.
  bool baseline = false;
  uint64_t seed = 0;

  bool empty() const {
    return ceiling_splits == 0 && !supplied_ceiling.has_value() &&
           bootstrap_draws == 0 && permutations == 0 && !baseline;
  }
};

/// Split-half agreement of the reference with itself under the measure,
/// corrected by Spearman-Brown, 2 r / (1 + r) for r > 0, mean over splits. Of a
/// distance: as it is between halves, with a note. With a ceiling per unit: of
/// every split the median over units of their corrected correlation (Brain-
/// Score's internal consistency).
struct Ceiling {
  double value = 0.0;
  /// Population sd over splits / sqrt(splits); empty with a reason when there
  /// is none.
  std::optional<double> error;
  std::string error_reason;
  int64_t splits = 0;
  bool supplied = false;
};

/// Delete-d jackknife by random subsets (Shao & Wu 1989; Politis & Romano
/// 1994): the score t of all n units and the scores s of m = 0.9 n of them,
/// drawn without replacement. With r = m / (n - m), to first order r var(s) is
/// the variance of t and r mean(s - t) its bias against the value under many
/// conditions: t - bias -+ Student's quantile (n - 1) times sqrt(r var(s)),
/// widened for the finite number of draws and cut to the measure's range. For
/// scores up to 1, t and s are -log(1 - score): bias and error of an R2 are
/// proportional to 1 - R2, and so nearly are those of other similarities.
/// No unit is there twice: the duplicates of a bootstrap with replacement look
/// like similarity and push debiased and cross-validated scores up. Rows stay
/// in their folds, and the ratio of features to rows hardly changes.
struct Interval {
  double lower = 0.0;
  double upper = 0.0;
  double confidence = 0.0;
  int64_t draws = 0;
  /// "condition" or the name of the group.
  std::string unit;
};

struct NullDistribution {
  double mean = 0.0;
  double sd = 0.0;  ///< population sd of the draws
  /// (1 + draws at least as similar) / (1 + draws).
  double p_value = 1.0;
  int64_t permutations = 0;
};

/// Context of one score; parts that were not asked for are empty.
struct ScoreContext {
  std::optional<Ceiling> ceiling;
  /// Normalised by the ceiling; `unclipped` differs where it was cut.
  std::optional<double> ceiled;
  std::optional<double> unclipped;
  std::optional<Interval> interval;
  std::optional<NullDistribution> null;
  std::optional<double> baseline;
  /// Why a part that was asked for is not there.
  std::vector<MeasureWarning> notes;
};

/// Returns not-OK to stop; called between draws.
using KeepGoing = std::function<absl::Status()>;

/// InvalidArgument, naming the wire's field ("context.bootstrap_draws"), for
/// numbers out of their domain, or a normalisation without a ceiling.
absl::Status ValidateContext(const ContextRequest& request);

/// A candidate in float64, its rows in the dataset's order.
struct CentredCandidate {
  /// [n x p], without column means.
  Matrix rows;
  /// [p x 1]
  Matrix means;
};

/// Context of `scores` and `units` [one per measure] of the candidate. A part
/// that is undefined for these data (no repetitions, no condition axis, one
/// group) becomes a note, not an error.
absl::StatusOr<std::vector<ScoreContext>> ComputeContext(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    absl::Span<const double> scores,
    absl::Span<const UnitScores> units,
    const CentredCandidate& candidate,
    const ContextRequest& request,
    const KeepGoing& keep_going);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_CONTEXT_H_
