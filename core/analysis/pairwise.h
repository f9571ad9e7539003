// Many systems against each other.
#ifndef REPSCORE_CORE_ANALYSIS_PAIRWISE_H_
#define REPSCORE_CORE_ANALYSIS_PAIRWISE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/context.h"
#include "core/backend/backend.h"
#include "core/data/dataset.h"
#include "core/measures/measure.h"

namespace repscore {

/// A representation with a name; all systems of one comparison have the same
/// rows.
struct System {
  std::string name;
  HostArray rows;
};

/// Row-major [systems x systems] per measure.
struct PairwiseMatrix {
  std::string measure;
  std::vector<double> values;
};

/// Scores all pairs i <= j of one or more symmetric measures. `known` holds
/// values of the leading known_systems x known_systems block of every measure
/// that were computed before (incremental use when a system arrives; empty:
/// none). `progress` (may be empty) is called after every pair with pairs done
/// and pairs to do; not OK stops. Fold rules by labels find none here.
/// InvalidArgument naming systems[i] or measures[i] for differing rows, a
/// measure that is not symmetric, or rows without a score.
absl::StatusOr<std::vector<PairwiseMatrix>> ComparePairwise(
    Backend& backend,
    absl::Span<const System> systems,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    int64_t known_systems,
    absl::Span<const PairwiseMatrix> known,
    const std::function<absl::Status(int64_t done, int64_t total)>& progress);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_PAIRWISE_H_
