// A ceiling for every unit of the reference, and scores of units divided by
// theirs. Machinery of context.h.
#ifndef REPSCORE_CORE_ANALYSIS_UNIT_CEILING_H_
#define REPSCORE_CORE_ANALYSIS_UNIT_CEILING_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/resampling.h"
#include "core/data/dataset.h"
#include "core/measures/measure.h"

namespace repscore {

/// Pearson correlations of units between halves of their presentations,
/// corrected by Spearman-Brown, 2 r / (1 + r) for r > 0.
struct UnitReliability {
  /// Mean over splits [q]; empty for a unit that never varies in both halves.
  std::vector<std::optional<double>> units;
  /// Median over units, of every split with one (Brain-Score's internal
  /// consistency is their mean).
  std::vector<double> medians;
};

/// Over the halves that ScoreHalves takes for the same seed. Requires an empty
/// WhyNoHalves.
absl::StatusOr<UnitReliability> ReliabilityOfUnits(const Dataset& dataset,
                                                   int64_t splits,
                                                   uint64_t seed,
                                                   const Continue& keep_going);

/// r^2 / c over units.
struct CeiledUnits {
  /// Mean or median, as the scores say; empty when all units are left out.
  std::optional<double> value;
  /// Units without a score or a positive ceiling.
  int64_t skipped = 0;
  /// Units with a score below 0, whose sign is lost.
  int64_t negative = 0;
};

/// Ceilings [q], or [1] for all.
CeiledUnits CeilUnits(const UnitScores& scores,
                      absl::Span<const std::optional<double>> ceilings);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_UNIT_CEILING_H_
