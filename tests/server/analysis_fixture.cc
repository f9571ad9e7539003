#include "tests/server/analysis_fixture.h"

#include "core/base/digest.h"

namespace repscore::server {
namespace {

void AddLabel(v1::RegisterDatasetHeader& header,
              const std::string& name,
              std::string (*value)(int64_t condition),
              int64_t conditions) {
  v1::Label* label = header.add_labels();
  label->set_name(name);
  for (int64_t i = 0; i < conditions; ++i) {
    label->add_values(value(i));
  }
}

}  // namespace

AnalysisFixture::AnalysisFixture() {
  StartAnalysis();
  v1::RegisterDatasetResponse response;
  const grpc::Status status =
      Register(LabelledHeader("labelled"), LabelledData(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

void AnalysisFixture::StartAnalysis() {
  StartServer();
  analysis_ = v1::AnalysisService::NewStub(channel_);
}

std::string AnalysisFixture::LabelledData() {
  return NormalBytes(kTimes * kConditions, kFeatures, 5);
}

v1::RegisterDatasetHeader AnalysisFixture::LabelledHeader(
    const std::string& id) {
  v1::RegisterDatasetHeader header =
      Header(id, kTimes * kConditions, kFeatures, LabelledData());
  header.mutable_spec()->clear_shape();
  for (const int64_t size : {kTimes, kConditions, kFeatures}) {
    header.mutable_spec()->add_shape(size);
  }
  AddLabel(
      header,
      "context",
      [](int64_t i) { return std::string(i < kConditions / 2 ? "a" : "b"); },
      kConditions);
  AddLabel(
      header,
      "choice",
      [](int64_t i) { return std::string(i % 2 == 0 ? "left" : "right"); },
      kConditions);
  AddLabel(
      header,
      "rare",
      [](int64_t i) { return std::string(i == 0 ? "once" : "often"); },
      kConditions);
  AddLabel(
      header,
      "same",
      [](int64_t /*i*/) { return std::string("always"); },
      kConditions);
  return header;
}

v1::CalibrationPlan AnalysisFixture::SmallPlan() {
  v1::CalibrationPlan plan;
  plan.add_measures()->set_id("cka");
  plan.set_restarts(2);
  plan.set_max_steps(40);
  plan.set_principal_components(4);
  plan.mutable_decoding()->add_labels("context");
  return plan;
}

grpc::Status AnalysisFixture::Decode(const v1::DecodeLabelsRequest& request,
                                     v1::DecodeLabelsResponse* response) {
  grpc::ClientContext context;
  return analysis_->DecodeLabels(&context, request, response);
}

grpc::Status AnalysisFixture::Baselines(
    const v1::ComputeBaselinesRequest& request,
    v1::ComputeBaselinesResponse* response) {
  grpc::ClientContext context;
  return analysis_->ComputeBaselines(&context, request, response);
}

grpc::Status AnalysisFixture::Perturb(
    const v1::PerturbComponentsRequest& request,
    v1::PerturbComponentsResponse* response) {
  grpc::ClientContext context;
  return analysis_->PerturbComponents(&context, request, response);
}

grpc::Status AnalysisFixture::Calibrate(
    const v1::CalibrateDatasetRequest& request,
    v1::CalibrateDatasetResponse* response) {
  grpc::ClientContext context;
  return analysis_->CalibrateDataset(&context, request, response);
}

grpc::Status AnalysisFixture::GetCalibration(
    const v1::GetCalibrationRequest& request,
    v1::GetCalibrationResponse* response) {
  grpc::ClientContext context;
  return analysis_->GetCalibration(&context, request, response);
}

v1::OptimizeRequest AnalysisFixture::MovingRequest(int64_t steps) const {
  v1::OptimizeRequest request = OptimizeSteps(steps);
  request.set_dataset(kDataset);
  request.mutable_adam()->clear_learning_rate();
  return request;
}

v1::JointOptimizeRequest AnalysisFixture::TwoTargets() {
  v1::JointOptimizeRequest request;
  request.set_dataset(kDataset);
  for (const char* measure : {"cka", "nbs"}) {
    v1::ObjectiveTerm* term = request.add_terms();
    term->mutable_measure()->set_id(measure);
    term->mutable_target();
  }
  request.mutable_stopping()->set_max_steps(15);
  return request;
}

grpc::Status AnalysisFixture::JointOptimize(
    const v1::JointOptimizeRequest& request,
    std::vector<v1::RunEvent>* events) {
  grpc::ClientContext context;
  const auto reader = scoring_->JointOptimize(&context, request);
  v1::JointOptimizeResponse response;
  while (reader->Read(&response)) {
    events->push_back(response.event());
  }
  return reader->Finish();
}

}  // namespace repscore::server
