// Time and memory of a score before it is computed.
#ifndef REPSCORE_CORE_ANALYSIS_ESTIMATE_H_
#define REPSCORE_CORE_ANALYSIS_ESTIMATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/analysis/context.h"
#include "core/backend/backend.h"
#include "core/measures/measure.h"

namespace repscore {

/// One matrix that a score holds.
struct MemoryItem {
  /// For instance "candidate rows n x p", "kernel n x n".
  std::string what;
  int64_t bytes = 0;
};

/// What a call holds beside the score, of the candidate as it was sent.
struct CallMemory {
  /// Until the last row has been taken.
  int64_t arriving_bytes = 0;
  /// Until the call ends.
  int64_t kept_bytes = 0;
};

struct ScoreEstimate {
  /// "feature" or "sample".
  std::string space;
  /// True when the candidate is reduced to moments while it arrives and its
  /// rows are not kept.
  bool streams = false;
  std::vector<MemoryItem> memory;
  int64_t peak_bytes = 0;
  double flops = 0.0;
  double seconds = 0.0;
};

/// Measured float64 GEMM rate of a backend in flops per second (a few tenths
/// of a second of work, once per backend).
double MeasureGemmRate(Backend& backend);

/// Of scoring a candidate of this size under these measures (space and the
/// reference's compression are decided here, whatever `size` says);
/// `gemm_rate` as MeasureGemmRate. Memory is what ScoreStream and the call add
/// to a resident reference, at their fullest moment: `memory` lists what is
/// there then. Work space of factorisations is LAPACK's; factorisations count
/// as MeasureInfo::cost claims them.
ScoreEstimate EstimateScore(
    const ProblemSize& size,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const ContextRequest& context,
    double gemm_rate,
    const CallMemory& call = {});

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_ESTIMATE_H_
