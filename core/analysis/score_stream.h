// Scores a candidate while its rows arrive.
//
// Not thread-safe; use from the thread that owns the reference's backend.
#ifndef REPSCORE_CORE_ANALYSIS_SCORE_STREAM_H_
#define REPSCORE_CORE_ANALYSIS_SCORE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/context.h"
#include "core/base/dtype.h"
#include "core/measures/measure.h"
#include "core/measures/reference.h"

namespace repscore {

/// A score with what identifies it.
struct ScoreResult {
  std::string measure;
  double value = 0.0;
  /// Standard error over splits; empty where there is none.
  std::optional<double> error = {};
  /// See Evaluation.
  UnitScores units = {};
  std::vector<MeasureWarning> warnings;
  /// SHA-256 (hex) of the fold assignment, empty without folds.
  std::string fold_digest;
  /// "feature" or "sample".
  std::string space;
};

/// Value, warnings and identity of one measure (kExact). Internal when finite
/// rows give a value that is not.
absl::StatusOr<ScoreResult> EvaluateMeasure(const Measure& measure,
                                            const Statistics& statistics);

/// InvalidArgument naming `field` and both counts when `rows` is not the
/// reference's.
absl::Status CheckRowCount(const Reference& reference,
                           int64_t rows,
                           std::string_view field);

/// One side of a comparison in three numbers.
struct SideSummary {
  int64_t rows = 0;
  int64_t features = 0;
  /// Participation ratio of the principal component variances.
  double effective_dimensionality = 0.0;
};

struct ScoreReport {
  std::vector<ScoreResult> scores;
  /// One per score where context was asked for, else empty.
  std::vector<ScoreContext> contexts;
  /// Debiased companions, one per score where they were asked for; empty for a
  /// measure without one.
  std::vector<std::optional<ScoreResult>> companions;
  SideSummary candidate;
  SideSummary reference;
};

/// What is wanted beside the scores, and how rows are identified.
struct ScoreOptions {
  ContextRequest context = {};
  bool companions = false;
  /// Identity of the candidate's conditions or rows, see MatchRows; empty: the
  /// dataset's order.
  std::vector<std::string> row_ids = {};
  /// Returns not-OK to stop a long context.
  KeepGoing keep_going = nullptr;
};

class ScoreStream {
 public:
  /// `candidate` is the element type and shape to come. InvalidArgument when
  /// its row count is not the reference's (both counts in the message) or a
  /// measure cannot be computed at these sizes. Messages name `candidate`
  /// fields as the wire does. With row ids all bytes are kept until Finish.
  static absl::StatusOr<std::unique_ptr<ScoreStream>> Create(
      std::shared_ptr<const Reference> reference,
      std::vector<std::shared_ptr<const Measure>> measures,
      const ArraySpec& candidate,
      ScoreOptions options = {});

  virtual ~ScoreStream() = default;

  /// The next bytes in row-major order, cut anywhere. InvalidArgument at the
  /// first non-finite entry (row and column in the message) and when more
  /// bytes come than the shape holds.
  virtual absl::Status Append(absl::Span<const std::byte> bytes) = 0;

  /// The scores, once all bytes are in. InvalidArgument when bytes are missing
  /// or a score is undefined for these data.
  virtual absl::StatusOr<ScoreReport> Finish() = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_SCORE_STREAM_H_
