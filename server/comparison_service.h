// ComparisonService: systems against each other, without a dataset.
#ifndef REPSCORE_SERVER_COMPARISON_SERVICE_H_
#define REPSCORE_SERVER_COMPARISON_SERVICE_H_

#include "repscore/v1/comparison.grpc.pb.h"
#include "server/parts.h"

namespace repscore::server {

class ComparisonService final : public v1::ComparisonService::CallbackService {
 public:
  explicit ComparisonService(Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Compare(grpc::CallbackServerContext* context,
                                    const v1::CompareRequest* request,
                                    v1::CompareResponse* response) override;

  grpc::ServerWriteReactor<v1::ComparePairwiseResponse>* ComparePairwise(
      grpc::CallbackServerContext* context,
      const v1::ComparePairwiseRequest* request) override;

  grpc::ServerUnaryReactor* EmbedDistances(
      grpc::CallbackServerContext* context,
      const v1::EmbedDistancesRequest* request,
      v1::EmbedDistancesResponse* response) override;

  grpc::ServerUnaryReactor* ComputeFrechetMean(
      grpc::CallbackServerContext* context,
      const v1::ComputeFrechetMeanRequest* request,
      v1::ComputeFrechetMeanResponse* response) override;

  grpc::ServerUnaryReactor* AggregateScores(
      grpc::CallbackServerContext* context,
      const v1::AggregateScoresRequest* request,
      v1::AggregateScoresResponse* response) override;

 private:
  Parts& parts_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_COMPARISON_SERVICE_H_
