// A score from request to reply, whatever way the candidate comes: prepared on
// the disk executor, computed on a lane.
#ifndef REPSCORE_SERVER_SCORING_H_
#define REPSCORE_SERVER_SCORING_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/analysis/estimate.h"
#include "core/analysis/score_stream.h"
#include "core/base/dtype.h"
#include "core/base/status_macros.h"
#include "core/data/dataset.h"
#include "repscore/v1/types.pb.h"
#include "server/convert.h"
#include "server/experiments/calibration_context.h"
#include "server/parts.h"

namespace repscore::server {

/// A checked request, with the dataset in memory and what it takes of a lane.
struct ScoreTask {
  std::shared_ptr<const Dataset> dataset;
  Measures measures;
  ArraySpec candidate;
  ScoreOptions options;
  JobNeeds needs;
  CallMemory call = {};
  /// Where it was asked for.
  std::shared_ptr<const CalibrationContext> calibration = nullptr;
};

/// `request_bytes`: of a request with the candidate in it, 0 where that comes
/// in a stream. Call off gRPC's threads. InvalidArgument names the field;
/// NotFound the dataset. Whether a lane has the memory is asked when the job is
/// submitted.
absl::StatusOr<ScoreTask> PrepareScore(
    Parts& parts,
    const std::string& dataset,
    const v1::TensorSpec& candidate,
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& measures,
    ScoreOptions options,
    const std::string& device,
    size_t request_bytes);

/// Of a ScoreRequest, StreamScoreHeader or EstimateScoreRequest.
template <typename Request>
absl::StatusOr<ScoreTask> PrepareScore(Parts& parts,
                                       const Request& request,
                                       const v1::TensorSpec& candidate) {
  REPSCORE_ASSIGN_OR_RETURN(ScoreOptions options,
                            ToScoreOptions(request.context()));
  if constexpr (requires { request.row_ids(); }) {
    REPSCORE_ASSIGN_OR_RETURN(options.row_ids, ToRowIds(request.row_ids()));
  }
  size_t request_bytes = 0;
  if constexpr (requires { request.layers(); }) {
    request_bytes = request.ByteSizeLong();
  }
  return PrepareScore(parts,
                      request.dataset(),
                      candidate,
                      request.measures(),
                      std::move(options),
                      request.device(),
                      request_bytes);
}

/// Loads the calibrations of a ScoreRequest or StreamScoreHeader whose context
/// asks for them. Disk.
template <typename Request>
absl::Status LoadCalibration(Parts& parts,
                             const Request& request,
                             ScoreTask& task) {
  if (!request.context().calibration()) {
    return absl::OkStatus();
  }
  REPSCORE_ASSIGN_OR_RETURN(
      task.calibration,
      CalibrationContext::Load(
          parts, *task.dataset, request.measures(), task.measures));
  return absl::OkStatus();
}

/// What the catalog says of a dataset called `name` in `field` of the request:
/// NotFound gets its reason and ResourceInfo, InvalidArgument the field.
absl::Status DatasetStatus(absl::Status status,
                           const std::string& name,
                           const std::string& field);

/// Loads a dataset by the name in `field`; errors as DatasetStatus.
absl::StatusOr<std::shared_ptr<const Dataset>> LoadDataset(
    Catalog& catalog, const std::string& name, const std::string& field);

/// Opens the task on a lane, from the lane's thread. `keep_going` outlives the
/// stream; it is asked between parts of a long context and may end it.
absl::StatusOr<std::unique_ptr<ScoreStream>> OpenScore(
    Parts& parts,
    const LaneContext& lane,
    const ScoreTask& task,
    std::function<absl::Status()> keep_going);

v1::Provenance ProvenanceOf(const ScoreTask& task, const std::string& backend);

/// Scores with all that was asked for beside them.
void WriteScores(const ScoreTask& task,
                 const ScoreReport& report,
                 google::protobuf::RepeatedPtrField<v1::Score>* scores);

/// Fills ScoreResponse or StreamScoreResponse.
template <typename Response>
void WriteScores(const ScoreTask& task,
                 const std::string& backend,
                 const ScoreReport& report,
                 Response* response) {
  WriteScores(task, report, response->mutable_scores());
  *response->mutable_provenance() = ProvenanceOf(task, backend);
  *response->mutable_candidate() = ToProto(report.candidate);
  *response->mutable_reference() = ToProto(report.reference);
}

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCORING_H_
