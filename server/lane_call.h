// Unary calls in two stages: prepared on the disk executor, computed on a lane.
#ifndef REPSCORE_SERVER_LANE_CALL_H_
#define REPSCORE_SERVER_LANE_CALL_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/parts.h"
#include "server/scheduling/scheduler.h"

namespace repscore::server {

/// What a call does. Both may hold the request and the response, which stay
/// valid; they run one after the other.
struct LaneWork {
  /// Checks and loads; the call ends here with its error.
  std::function<absl::Status()> prepare;
  /// Fills in the response. Long work asks `cancel` now and then.
  std::function<absl::Status(LaneContext& lane, const CancelToken& cancel)>
      compute = {};
  /// Instead of `compute`: one part of the work; true when it was the last.
  /// Other calls have their turn on the lane in between.
  std::function<absl::StatusOr<bool>(LaneContext& lane,
                                     const CancelToken& cancel)>
      compute_part = {};
};

/// Refused when the disk executor or the queue is full or the server drains;
/// ends early when the client has gone or its deadline has passed.
grpc::ServerUnaryReactor* AnswerOnLane(Parts& parts,
                                       grpc::CallbackServerContext* context,
                                       const char* method,
                                       LaneWork work);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_LANE_CALL_H_
