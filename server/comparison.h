// Requests of ComparisonService as the core's values, and its answers on the
// wire.
#ifndef REPSCORE_SERVER_COMPARISON_H_
#define REPSCORE_SERVER_COMPARISON_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/analysis/pairwise.h"
#include "repscore/v1/comparison.pb.h"
#include "server/convert.h"
#include "server/parts.h"

namespace repscore::server {

/// A submitted array as a dataset that is stored nowhere.
absl::StatusOr<std::shared_ptr<const Dataset>> TransientDataset(
    const v1::Tensor& tensor, const std::string& field);

/// Submitted arrays and registered datasets (loaded), two to kMaxSystems, with
/// names of their own. InvalidArgument names systems[i]; NotFound a dataset.
absl::StatusOr<std::vector<System>> LoadSystems(
    Parts& parts,
    const google::protobuf::RepeatedPtrField<v1::System>& systems);

/// A checked ComparePairwiseRequest.
struct PairwiseTask {
  std::vector<System> systems;
  Measures measures;
  int64_t known_systems = 0;
  std::vector<PairwiseMatrix> known;
};
absl::StatusOr<PairwiseTask> PreparePairwise(
    Parts& parts, const v1::ComparePairwiseRequest& request);

/// The core's answers to a checked request, in the wire's words.
absl::Status Embed(const v1::EmbedDistancesRequest& request,
                   v1::EmbedDistancesResponse* response);
absl::Status Aggregate(const v1::AggregateScoresRequest& request,
                       v1::AggregateScoresResponse* response);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_COMPARISON_H_
