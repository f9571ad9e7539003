// ScoringService: each handler hands its call to the object that serves it.
#ifndef REPSCORE_SERVER_SCORING_SERVICE_H_
#define REPSCORE_SERVER_SCORING_SERVICE_H_

#include "repscore/v1/scoring.grpc.pb.h"
#include "server/parts.h"
#include "server/runs/run_manager.h"

namespace repscore::server {

class ScoringService final : public v1::ScoringService::CallbackService {
 public:
  ScoringService(Parts& parts, RunManager& runs) : parts_(parts), runs_(runs) {}

  grpc::ServerUnaryReactor* Score(grpc::CallbackServerContext* context,
                                  const v1::ScoreRequest* request,
                                  v1::ScoreResponse* response) override;

  grpc::ServerReadReactor<v1::StreamScoreRequest>* StreamScore(
      grpc::CallbackServerContext* context,
      v1::StreamScoreResponse* response) override;

  grpc::ServerWriteReactor<v1::OptimizeResponse>* Optimize(
      grpc::CallbackServerContext* context,
      const v1::OptimizeRequest* request) override;

  grpc::ServerWriteReactor<v1::JointOptimizeResponse>* JointOptimize(
      grpc::CallbackServerContext* context,
      const v1::JointOptimizeRequest* request) override;

  grpc::ServerUnaryReactor* ListMeasures(
      grpc::CallbackServerContext* context,
      const v1::ListMeasuresRequest* request,
      v1::ListMeasuresResponse* response) override;

  grpc::ServerUnaryReactor* DescribeMeasure(
      grpc::CallbackServerContext* context,
      const v1::DescribeMeasureRequest* request,
      v1::DescribeMeasureResponse* response) override;

  grpc::ServerUnaryReactor* EstimateScore(
      grpc::CallbackServerContext* context,
      const v1::EstimateScoreRequest* request,
      v1::EstimateScoreResponse* response) override;

 private:
  Parts& parts_;
  RunManager& runs_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_SCORING_SERVICE_H_
