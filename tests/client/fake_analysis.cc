// The scripted server's experiments on datasets.
#include "repscore/v1/analysis.grpc.pb.h"
#include "tests/client/fake_calibration.h"
#include "tests/client/fake_scores.h"
#include "tests/client/fake_server.h"

namespace repscore::client {

using grpc::ServerContext;
using grpc::Status;

class FakeServer::Analysis final : public v1::AnalysisService::Service {
 public:
  explicit Analysis(FakeServer& server) : server_(server) {}

  // Label i has accuracy (i + 1) / 4 and bins of i / 8 and 1.
  Status DecodeLabels(ServerContext*,
                      const v1::DecodeLabelsRequest* request,
                      v1::DecodeLabelsResponse* response) override {
    if (Status status = server_.Enter("DecodeLabels"); !status.ok()) {
      return status;
    }
    server_.seen.decode = *request;
    double value = 0.25;
    for (const char* name : {"context", "choice"}) {
      v1::LabelDecoding& decoding = *response->add_labels();
      FillLabel(name, *decoding.mutable_label());
      decoding.set_accuracy(value);
      decoding.set_standard_deviation(0.0625);
      decoding.add_bins(value / 2);
      decoding.add_bins(1.0);
      for (const int32_t components : request->components()) {
        decoding.add_component_accuracy(value / components);
      }
      value += 0.25;
    }
    v1::Warning& note = *response->add_notes();
    note.set_reason("SINGLE_CLASS");
    note.set_message("label 'cue' has one class");
    FillProvenance(kDataset, *response->mutable_provenance());
    return Status::OK;
  }

  Status ComputeBaselines(ServerContext*,
                          const v1::ComputeBaselinesRequest* request,
                          v1::ComputeBaselinesResponse* response) override {
    if (Status status = server_.Enter("ComputeBaselines"); !status.ok()) {
      return status;
    }
    server_.seen.baselines = *request;
    for (const v1::MeasureSpec& measure : request->measures()) {
      v1::MeasureBaselines& baselines = *response->add_measures();
      baselines.set_measure(Canonical(measure.id()));
      FillLandmarks(baselines.mutable_landmarks());
    }
    v1::Warning& note = *response->add_notes();
    note.set_reason("NO_TIME_AXIS");
    note.set_message("time_shuffle needs a time axis");
    FillProvenance(kDataset, *response->mutable_provenance());
    return Status::OK;
  }

  Status PerturbComponents(ServerContext*,
                           const v1::PerturbComponentsRequest* request,
                           v1::PerturbComponentsResponse* response) override {
    if (Status status = server_.Enter("PerturbComponents"); !status.ok()) {
      return status;
    }
    server_.seen.perturb = *request;
    for (const v1::MeasureSpec& measure : request->measures()) {
      v1::MeasurePerturbations& item = *response->add_measures();
      item.set_measure(Canonical(measure.id()));
      for (int i = 1; i <= 2; ++i) {
        v1::ComponentPerturbation& component = *item.add_components();
        component.set_component(i);
        component.set_variance_share(0.5 / i);
        component.set_mean(0.75);
        component.set_standard_deviation(0.125);
        if (i == 1) {
          component.set_theory(0.7);
        }
      }
    }
    FillProvenance(kDataset, *response->mutable_provenance());
    return Status::OK;
  }

  // Gives the one run there is, once per measure.
  Status CalibrateDataset(ServerContext*,
                          const v1::CalibrateDatasetRequest* request,
                          v1::CalibrateDatasetResponse* response) override {
    if (Status status = server_.Enter("CalibrateDataset"); !status.ok()) {
      return status;
    }
    server_.seen.calibrate = *request;
    for (const v1::MeasureSpec& measure : request->plan().measures()) {
      v1::Run& run = *response->add_runs();
      run = server_.script.events.front().started().run();
      run.clear_measures();
      run.add_measures(Canonical(measure.id()));
    }
    return Status::OK;
  }

  Status GetCalibration(ServerContext*,
                        const v1::GetCalibrationRequest* request,
                        v1::GetCalibrationResponse* response) override {
    if (Status status = server_.Enter("GetCalibration"); !status.ok()) {
      return status;
    }
    server_.seen.calibration = *request;
    *response->mutable_measures() = {server_.script.calibrations.begin(),
                                     server_.script.calibrations.end()};
    FillProvenance(kDataset, *response->mutable_provenance());
    return Status::OK;
  }

 private:
  FakeServer& server_;
};

std::unique_ptr<grpc::Service> FakeServer::MakeAnalysis() {
  return std::make_unique<Analysis>(*this);
}

}  // namespace repscore::client
