// DecodeLabels from request to reply: checked on the disk executor, computed a
// label at a time.
//
// Used by one thread at a time.
#ifndef REPSCORE_SERVER_EXPERIMENTS_DECODING_TASK_H_
#define REPSCORE_SERVER_EXPERIMENTS_DECODING_TASK_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/analysis/label_decoding.h"
#include "core/data/dataset.h"
#include "repscore/v1/analysis.pb.h"
#include "server/parts.h"
#include "server/scheduling/placement.h"

namespace repscore::server {

class DecodingTask {
 public:
  /// Both must outlive it.
  DecodingTask(Parts& parts, const v1::DecodeLabelsRequest& request)
      : parts_(parts), request_(request) {}

  /// Disk. InvalidArgument and NotFound name the field.
  absl::Status Prepare();

  /// Once prepared.
  JobNeeds needs() const;

  /// Decodes the next label; true when it was the last.
  absl::StatusOr<bool> ComputePart(LaneContext& lane,
                                   const CancelToken& cancel,
                                   v1::DecodeLabelsResponse* response);

 private:
  absl::Status ReadCandidate();
  /// Identifies the decoding of a label of the dataset alone.
  std::string KeyOf(const std::string& label) const;

  Parts& parts_;
  const v1::DecodeLabelsRequest& request_;
  std::shared_ptr<const Dataset> dataset_;
  std::optional<HostArray> candidate_;
  /// Labels are those to decode.
  LabelDecodingRequest task_;
  std::vector<MeasureWarning> notes_;
  /// Found in the store, one per label, unset ones to be computed.
  std::vector<std::optional<v1::LabelDecoding>> stored_;
  size_t next_ = 0;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_DECODING_TASK_H_
