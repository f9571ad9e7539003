// What a member records along the way, keeps, and comes to.
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/analysis/component_capture.h"
#include "core/base/dtype.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/optimize/finite.h"
#include "core/optimize/member.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// A goal counts as reached within this when the plan names no tolerance.
constexpr double kDefaultGoalTolerance = 0.01;

void WriteRows(CheckpointWriter& writer,
               const std::vector<std::vector<double>>& rows) {
  writer.Write(static_cast<int64_t>(rows.size()));
  for (const std::vector<double>& row : rows) {
    writer.Write(row);
  }
}

absl::Status ReadRows(CheckpointReader& reader,
                      std::vector<std::vector<double>>& rows) {
  int64_t count = 0;
  REPSCORE_RETURN_IF_ERROR(reader.Read(count));
  rows.clear();
  for (int64_t i = 0; i < count; ++i) {
    REPSCORE_RETURN_IF_ERROR(reader.Read(rows.emplace_back()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Member::Record(const Evaluated& point, double gradient_norm) {
  const Statistics* statistics = &point.statistics;
  Statistics complete;
  if (!IsDue(step_)) {
    complete = ComputeStatistics(backend_,
                                 pair_,
                                 *problem_.order,
                                 problem_.trace_needs,
                                 problem_.constants);
    complete.memo = std::make_shared<Memo>();
    complete.candidate_memo = std::make_shared<Memo>();
    statistics = &complete;
  }
  TracePoint record;
  record.step = step_;
  record.member = index_;
  record.scores = point.value.scores;
  record.objective = point.value.objective;
  record.gradient_norm = gradient_norm;
  record.candidate_norm = std::sqrt(point.statistics.candidate_norm_squared);
  for (const auto& measure : problem_.tracked) {
    REPSCORE_ASSIGN_OR_RETURN(
        const Evaluation evaluation,
        measure->Evaluate(*statistics, AdjointRequest{}, problem_.accuracy()));
    record.tracked.push_back(evaluation.value);
  }
  if (!problem_.components.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(record.component_r2, Captured(*statistics));
  }
  if (FirstNonFinite(record.tracked) >= 0 ||
      FirstNonFinite(record.component_r2) >= 0) {
    return NotFinite(pair_, step_);
  }
  const bool last = stop_reason_ != StopReason::kNone;
  if (!decoders_.empty() && (last || (step_ / problem_.plan.trace_every) %
                                             problem_.plan.decoding->every ==
                                         0)) {
    REPSCORE_ASSIGN_OR_RETURN(record.decoding, Decoded());
  }
  if (keeps_history_) {
    history_.scores.push_back(record.scores);
    if (problem_.plan.terms.size() == 1) {
      history_.component_r2.push_back(record.component_r2);
      history_.decoding.push_back(record.decoding);
    }
  }
  trace_.push_back(std::move(record));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> Member::Captured(
    const Statistics& statistics) const {
  const Matrix& components = problem_.components;
  if (!statistics.gram.empty()) {
    const int64_t told = statistics.cross.empty() ? 0 : problem_.axes.cols();
    const int64_t count = components.cols();
    const Matrix cross = backend_.Allocate(problem_.features, count, kDouble);
    if (told > 0) {
      backend_.Gemm(Op::kNone,
                    Op::kNone,
                    1.0,
                    statistics.cross,
                    problem_.axes,
                    0.0,
                    cross.Columns(0, told));
    }
    if (told < count) {
      const Matrix product =
          backend_.Allocate(problem_.features, count - told, components.type());
      backend_.Gemm(Op::kTranspose,
                    Op::kNone,
                    1.0,
                    pair_.candidate,
                    components.Columns(told, count - told),
                    0.0,
                    product);
      backend_.Copy(product, cross.Columns(told, count - told));
    }
    std::vector<double> captured;
    if (ComponentCaptureFromProducts(
            backend_, statistics.gram, cross, captured)) {
      return captured;
    }
  }
  return ComponentCapture(backend_, pair_.candidate, components);
}

absl::StatusOr<std::vector<double>> Member::Decoded() const {
  const Matrix rows =
      problem_.order->Invert(backend_, Widened(backend_, pair_.candidate));
  const Matrix transposed =
      backend_.Allocate(rows.cols(), rows.rows(), kDouble);
  backend_.Transpose(rows, transposed);
  std::vector<double> elements(static_cast<size_t>(rows.size()));
  backend_.Download(transposed, absl::MakeSpan(elements));
  std::vector<Decoder*> decoders;
  for (const auto& decoder : decoders_) {
    decoders.push_back(decoder.get());
  }
  // A member of a small problem has one thread for its steps; here it may use
  // those that no other member uses at the time.
  const int threads = problem_.reference->backend().threads();
  REPSCORE_ASSIGN_OR_RETURN(
      const std::vector<DecodingResult> results,
      DecodeTogether(decoders, elements, rows.cols(), threads));
  std::vector<double> accuracies;
  accuracies.reserve(results.size());
  for (const DecodingResult& result : results) {
    accuracies.push_back(result.accuracy);
  }
  return accuracies;
}

int64_t Member::state_bytes() const {
  int64_t bytes = nearest_rows_.bytes();
  for (const AdamState* side : {&candidate_, &moved_reference_}) {
    bytes += side->rows.bytes() + side->first.bytes() + side->second.bytes();
  }
  return lbfgs_.has_value() ? bytes + lbfgs_->bytes() : bytes;
}

void Member::Write(CheckpointWriter& writer) const {
  writer.Write(step_);
  writer.Write(static_cast<int64_t>(stop_reason_));
  writer.Write(objective_value_);
  writer.Write(stopping_.best_objective);
  writer.Write(stopping_.steps_since_best);
  writer.Write(objective_.multipliers());
  WriteAdamState(backend_, writer, candidate_);
  if (problem_.moves_both()) {
    WriteAdamState(backend_, writer, moved_reference_);
  }
  if (lbfgs_.has_value()) {
    lbfgs_->Write(backend_, writer);
  }
  if (objective_.has_floors()) {
    writer.Write(least_lack_);
    writer.Write(static_cast<int64_t>(nearest_rows_.empty() ? 0 : 1));
    if (!nearest_rows_.empty()) {
      writer.Write(backend_, nearest_rows_);
      writer.Write(backend_, nearest_means_);
    }
  }
  for (const bool taken : snapshot_taken_) {
    writer.Write(static_cast<int64_t>(taken ? 1 : 0));
  }
  for (const auto& decoder : decoders_) {
    writer.Write(decoder->State());
  }
  WriteRows(writer, history_.scores);
  WriteRows(writer, history_.component_r2);
  WriteRows(writer, history_.decoding);
}

absl::Status Member::Read(CheckpointReader& reader) {
  REPSCORE_RETURN_IF_ERROR(ReadProgress(reader));
  REPSCORE_RETURN_IF_ERROR(ReadMovedRows(reader));
  if (objective_.has_floors()) {
    REPSCORE_RETURN_IF_ERROR(ReadNearest(reader));
  }
  return ReadRecords(reader);
}

absl::Status Member::ReadProgress(CheckpointReader& reader) {
  int64_t stop = 0;
  REPSCORE_RETURN_IF_ERROR(reader.Read(step_));
  REPSCORE_RETURN_IF_ERROR(reader.Read(stop));
  stop_reason_ = static_cast<StopReason>(stop);
  REPSCORE_RETURN_IF_ERROR(reader.Read(objective_value_));
  REPSCORE_RETURN_IF_ERROR(reader.Read(stopping_.best_objective));
  REPSCORE_RETURN_IF_ERROR(reader.Read(stopping_.steps_since_best));
  std::vector<double> multipliers;
  REPSCORE_RETURN_IF_ERROR(reader.Read(multipliers));
  if (multipliers.size() != objective_.multipliers().size()) {
    return absl::DataLossError(
        "checkpoint: it belongs to a run with other terms");
  }
  objective_.multipliers() = std::move(multipliers);
  return absl::OkStatus();
}

absl::Status Member::ReadMovedRows(CheckpointReader& reader) {
  REPSCORE_RETURN_IF_ERROR(ReadAdamState(backend_, reader, candidate_));
  if (problem_.moves_both()) {
    REPSCORE_RETURN_IF_ERROR(ReadAdamState(backend_, reader, moved_reference_));
    UseMovedReference();
  }
  return lbfgs_.has_value() ? lbfgs_->Read(backend_, reader) : absl::OkStatus();
}

absl::Status Member::ReadNearest(CheckpointReader& reader) {
  int64_t has_nearest = 0;
  REPSCORE_RETURN_IF_ERROR(reader.Read(least_lack_));
  REPSCORE_RETURN_IF_ERROR(reader.Read(has_nearest));
  if (has_nearest == 0) {
    return absl::OkStatus();
  }
  const Matrix& rows = candidate_.rows;
  nearest_rows_ = backend_.Allocate(rows.rows(), rows.cols(), rows.type());
  nearest_means_ = backend_.Allocate(rows.cols(), 1, kDouble);
  REPSCORE_RETURN_IF_ERROR(reader.Read(backend_, nearest_rows_));
  return reader.Read(backend_, nearest_means_);
}

absl::Status Member::ReadRecords(CheckpointReader& reader) {
  for (size_t i = 0; i < snapshot_taken_.size(); ++i) {
    int64_t taken = 0;
    REPSCORE_RETURN_IF_ERROR(reader.Read(taken));
    snapshot_taken_[i] = taken != 0;
  }
  for (const auto& decoder : decoders_) {
    std::vector<double> state;
    REPSCORE_RETURN_IF_ERROR(reader.Read(state));
    REPSCORE_RETURN_IF_ERROR(decoder->SetState(state));
  }
  REPSCORE_RETURN_IF_ERROR(ReadRows(reader, history_.scores));
  REPSCORE_RETURN_IF_ERROR(ReadRows(reader, history_.component_r2));
  return ReadRows(reader, history_.decoding);
}

absl::StatusOr<MemberResult> Member::Finish() const {
  MemberResult result;
  result.member = index_;
  result.stop_reason = stop_reason_;
  result.steps = step_;
  const double tolerance =
      problem_.plan.stopping.goal_tolerance.value_or(kDefaultGoalTolerance);
  const auto judge = [&](const Matrix& rows,
                         const Matrix& means) -> absl::Status {
    RowPair pair;
    // float32 rows are centred to float32 only.
    pair.candidate = backend_.Allocate(rows.rows(), rows.cols(), kDouble);
    backend_.Copy(rows, pair.candidate);
    pair.candidate_means = backend_.Allocate(rows.cols(), 1, kDouble);
    backend_.CentreColumns(pair.candidate, pair.candidate_means);
    backend_.Axpby(1.0, means, 1.0, pair.candidate_means);
    pair.reference_means = pair_.reference_means;
    pair.reference = pair_.exact_reference;
    pair.exact_reference = pair_.exact_reference;
    const Statistics statistics = ComputeStatistics(backend_,
                                                    pair,
                                                    *problem_.order,
                                                    problem_.step_needs,
                                                    problem_.constants);
    if (!IsFinite(statistics)) {
      return NotFinite(pair, step_);
    }
    std::vector<double> scores;
    result.scores.clear();
    for (const auto& measure : problem_.measures) {
      REPSCORE_ASSIGN_OR_RETURN(ScoreResult score,
                                EvaluateMeasure(*measure, statistics));
      scores.push_back(score.value);
      result.scores.push_back(std::move(score));
    }
    result.objective = objective_.ValueOf(scores);
    result.verdicts = objective_.Verdicts(scores, tolerance);
    result.infeasible = objective_.Infeasibility(scores) > tolerance;
    return absl::OkStatus();
  };
  REPSCORE_RETURN_IF_ERROR(judge(candidate_.rows, candidate_.means));
  // A moved reference has no way back to its nearest point.
  if (result.infeasible && !nearest_rows_.empty() && !problem_.moves_both()) {
    REPSCORE_RETURN_IF_ERROR(judge(nearest_rows_, nearest_means_));
    result.candidate = ArrayOf(nearest_rows_, nearest_means_);
  } else {
    result.candidate = ArrayOf(candidate_.rows, candidate_.means);
  }
  AddThresholds(result);
  return result;
}

void Member::AddThresholds(MemberResult& result) const {
  if (problem_.plan.terms.size() != 1 || !keeps_history_) {
    return;
  }
  std::vector<double> scores;
  for (const std::vector<double>& point : history_.scores) {
    scores.push_back(point.front());
  }
  result.component_thresholds = ComponentThresholds(
      scores, history_.component_r2, problem_.variance_shares);
  result.label_thresholds =
      LabelThresholds(scores, history_.decoding, problem_.labels);
}

}  // namespace repscore
