// A server with a labelled dataset, and what tests of AnalysisService need.
#ifndef REPSCORE_TESTS_SERVER_ANALYSIS_FIXTURE_H_
#define REPSCORE_TESTS_SERVER_ANALYSIS_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "repscore/v1/analysis.grpc.pb.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {

class AnalysisFixture : public ServerFixture {
 protected:
  static constexpr int64_t kTimes = 3;
  static constexpr int64_t kConditions = 12;
  static constexpr char kDataset[] = "datasets/labelled";

  AnalysisFixture();

  /// (time, condition, feature) normals with the labels "context" (two classes
  /// of six), "choice" (two of six, across), "rare" (one condition against
  /// eleven) and "same" (a single class).
  static v1::RegisterDatasetHeader LabelledHeader(const std::string& id);
  static std::string LabelledData();

  /// A plan of a small calibration under "cka".
  static v1::CalibrationPlan SmallPlan();

  grpc::Status Decode(const v1::DecodeLabelsRequest& request,
                      v1::DecodeLabelsResponse* response);
  grpc::Status Baselines(const v1::ComputeBaselinesRequest& request,
                         v1::ComputeBaselinesResponse* response);
  grpc::Status Perturb(const v1::PerturbComponentsRequest& request,
                       v1::PerturbComponentsResponse* response);
  grpc::Status Calibrate(const v1::CalibrateDatasetRequest& request,
                         v1::CalibrateDatasetResponse* response);
  grpc::Status GetCalibration(const v1::GetCalibrationRequest& request,
                              v1::GetCalibrationResponse* response);

  /// Adam at its default rate from noise, towards the dataset under "cka".
  v1::OptimizeRequest MovingRequest(int64_t steps) const;
  /// Targets over "cka" and "nbs".
  static v1::JointOptimizeRequest TwoTargets();
  /// All events of a call, and its status.
  grpc::Status JointOptimize(const v1::JointOptimizeRequest& request,
                             std::vector<v1::RunEvent>* events);

  /// Starts the server (again) with the dataset there.
  void StartAnalysis();

  std::unique_ptr<v1::AnalysisService::Stub> analysis_;
};

}  // namespace repscore::server

#endif  // REPSCORE_TESTS_SERVER_ANALYSIS_FIXTURE_H_
