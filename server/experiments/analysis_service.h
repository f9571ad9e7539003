// AnalysisService: experiments on one dataset, and what scores on it mean.
#ifndef REPSCORE_SERVER_EXPERIMENTS_ANALYSIS_SERVICE_H_
#define REPSCORE_SERVER_EXPERIMENTS_ANALYSIS_SERVICE_H_

#include "repscore/v1/analysis.grpc.pb.h"
#include "server/experiments/calibrator.h"
#include "server/parts.h"

namespace repscore::server {

class AnalysisService final : public v1::AnalysisService::CallbackService {
 public:
  AnalysisService(Parts& parts, Calibrator& calibrator)
      : parts_(parts), calibrator_(calibrator) {}

  grpc::ServerUnaryReactor* DecodeLabels(
      grpc::CallbackServerContext* context,
      const v1::DecodeLabelsRequest* request,
      v1::DecodeLabelsResponse* response) override;

  grpc::ServerUnaryReactor* ComputeBaselines(
      grpc::CallbackServerContext* context,
      const v1::ComputeBaselinesRequest* request,
      v1::ComputeBaselinesResponse* response) override;

  grpc::ServerUnaryReactor* PerturbComponents(
      grpc::CallbackServerContext* context,
      const v1::PerturbComponentsRequest* request,
      v1::PerturbComponentsResponse* response) override;

  grpc::ServerUnaryReactor* CalibrateDataset(
      grpc::CallbackServerContext* context,
      const v1::CalibrateDatasetRequest* request,
      v1::CalibrateDatasetResponse* response) override;

  grpc::ServerUnaryReactor* GetCalibration(
      grpc::CallbackServerContext* context,
      const v1::GetCalibrationRequest* request,
      v1::GetCalibrationResponse* response) override;

 private:
  Parts& parts_;
  Calibrator& calibrator_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_ANALYSIS_SERVICE_H_
