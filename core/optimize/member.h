// One candidate of a run: its rows, its optimiser, its trace.
//
// Not thread-safe, but members on backends of their own work side by side.
#ifndef REPSCORE_CORE_OPTIMIZE_MEMBER_H_
#define REPSCORE_CORE_OPTIMIZE_MEMBER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/analysis/decoding.h"
#include "core/optimize/adam.h"
#include "core/optimize/checkpoint.h"
#include "core/optimize/lbfgs.h"
#include "core/optimize/objective.h"
#include "core/optimize/optimization.h"
#include "core/optimize/run_problem.h"
#include "core/optimize/stopping.h"

namespace repscore {

/// Points of the past that thresholds and allowed ranges are made of.
struct MemberHistory {
  /// One entry per recorded point.
  std::vector<std::vector<double>> scores;
  std::vector<std::vector<double>> component_r2;
  std::vector<std::vector<double>> decoding;
};

class Member {
 public:
  /// Member `index` of the problem's run; all work is done on `backend`. Both
  /// must outlive this.
  static absl::StatusOr<std::unique_ptr<Member>> Create(
      const RunProblem& problem, Backend& backend, int64_t index);

  const MemberStart& start() const { return start_; }
  int64_t steps() const { return step_; }
  StopReason stop_reason() const { return stop_reason_; }
  /// At the last point.
  double objective() const { return objective_value_; }
  const MemberHistory& history() const { return history_; }

  /// Evaluates the point, decides whether to stop, else moves; `elapsed`
  /// seconds into the run. Does nothing after a stop.
  absl::Status Step(double elapsed);

  /// Points lack elapsed_seconds.
  std::vector<TracePoint> TakeTrace() { return std::exchange(trace_, {}); }
  std::vector<Snapshot> TakeSnapshots() {
    return std::exchange(snapshots_, {});
  }

  /// Of the matrices that Write writes.
  int64_t state_bytes() const;
  void Write(CheckpointWriter& writer) const;
  absl::Status Read(CheckpointReader& reader);

  absl::StatusOr<MemberResult> Finish() const;

 private:
  /// A point with everything that was computed of it.
  struct Evaluated {
    Statistics statistics;
    Objective::Value value;
    StatisticsNeeds needs;
  };

  Member(const RunProblem& problem, Backend& backend, Objective objective);

  absl::Status Prepare(int64_t index);
  absl::Status PrepareCandidate(int64_t index);
  void PrepareReference();
  /// The parts of Read.
  absl::Status ReadProgress(CheckpointReader& reader);
  absl::Status ReadMovedRows(CheckpointReader& reader);
  absl::Status ReadNearest(CheckpointReader& reader);
  absl::Status ReadRecords(CheckpointReader& reader);
  void UseMovedReference();

  /// Where components were captured and labels decoded.
  void AddThresholds(MemberResult& result) const;

  bool IsDue(int64_t step) const;
  const StatisticsNeeds& NeedsAt(int64_t step) const;
  absl::StatusOr<Evaluated> Evaluate(const RowPair& pair, int64_t step) const;
  absl::Status CheckRows(const Statistics& statistics, int64_t step) const;
  absl::Status Overflowed(int64_t step) const;
  /// Why some number of the point of `pair` is none: rows or weights too large
  /// or too small, or, where nothing of the kind explains it, the device.
  absl::Status NotFinite(const RowPair& pair, int64_t step) const;
  /// The same of `rows` alone; OK where they are of a normal size.
  absl::Status CheckSize(const Matrix& rows,
                         ScalarType type,
                         bool moves,
                         std::string_view side,
                         int64_t step) const;
  /// What a measure refused `statistics` with, unless they are not finite.
  absl::Status Refused(const absl::Status& reason,
                       const Statistics& statistics,
                       const RowPair& pair,
                       int64_t step) const;
  absl::Status NanFromDevice(std::string_view side, int64_t step) const;
  /// True where a step cannot take rows of a normal size out of range.
  bool StepIsNormal() const;
  /// Not OK when the gradient or the step from the point of `pair_` is none.
  absl::Status CheckStep(double gradient_squared, double next_squared) const;

  /// Gradient norm of the point; with Adam also writes the next iterate.
  absl::StatusOr<double> MoveByAdam(const Objective::Value& value);
  /// Squared norm of the gradient.
  absl::StatusOr<double> MoveSide(const PullBackTerms& terms, AdamState& state);
  absl::StatusOr<double> MoveByLbfgs(const Evaluated& point);
  /// After the trial of length 1, which `ahead_` is of: longer ones while they
  /// rise. Returns the length of the best, then in `next` and `ahead_`.
  absl::StatusOr<double> Lengthen(const Lbfgs::Direction& direction,
                                  int64_t trials);
  Variables Gradient(const Objective::Value& value) const;
  /// Writes the trial into next; returns its pair of rows.
  RowPair Trial(const Lbfgs::Direction& direction, double length);
  void Advance(const Objective::Value& value);

  void KeepNearest(const Objective::Value& value);
  void TakeSnapshot(const Objective::Value& value);
  absl::Status Record(const Evaluated& point, double gradient_norm);
  absl::StatusOr<std::vector<double>> Captured(
      const Statistics& statistics) const;
  absl::StatusOr<std::vector<double>> Decoded() const;
  HostArray ArrayOf(const Matrix& rows, const Matrix& means) const;

  const RunProblem& problem_;
  Backend& backend_;
  Objective objective_;
  Stopping stopping_;
  MemberStart start_;
  int64_t index_ = 0;
  double largest_start_ = 0.0;
  RowPair pair_;
  AdamState candidate_;
  AdamState moved_reference_;
  std::optional<Lbfgs> lbfgs_;
  /// Means that the trial in `next` of every side removed.
  std::vector<Matrix> trial_means_;
  /// The accepted trial, to be the next point.
  std::optional<Evaluated> ahead_;
  std::vector<std::unique_ptr<Decoder>> decoders_;
  int64_t step_ = 0;
  StopReason stop_reason_ = StopReason::kNone;
  double objective_value_ = 0.0;
  /// With floors: the rows that lacked least so far.
  double least_lack_ = 0.0;
  Matrix nearest_rows_;
  Matrix nearest_means_;
  std::vector<bool> snapshot_taken_;
  bool keeps_history_ = false;
  MemberHistory history_;
  std::vector<TracePoint> trace_;
  std::vector<Snapshot> snapshots_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_MEMBER_H_
