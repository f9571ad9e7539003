#include "server/experiments/analysis_service.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/analysis/perturbation.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/error.h"
#include "server/experiments/baseline_task.h"
#include "server/experiments/calibration_store.h"
#include "server/experiments/convert_analysis.h"
#include "server/experiments/decoding_task.h"
#include "server/experiments/stored_results.h"
#include "server/lane_call.h"
#include "server/memory.h"
#include "server/scoring.h"
#include "server/unary_call.h"

namespace repscore::server {
namespace {

/// The number names the algorithm: raised when it changes.
constexpr char kPerturbationKind[] = "perturbation/1";
constexpr int32_t kMaxDraws = 1000;
constexpr int32_t kMaxComponents = 10'000;
constexpr int32_t kDefaultComponents = 10;

v1::Provenance ProvenanceOf(const Dataset& dataset, const LaneContext& lane) {
  return MakeProvenance(
      dataset.name, dataset.digest, lane.backend.name(), v1::PRECISION_FLOAT64);
}

absl::Status CheckCount(int64_t value, int64_t most, const std::string& field) {
  if (value >= 1 && value <= most) {
    return absl::OkStatus();
  }
  return FieldError(field,
                    absl::StrCat("must be in [1, ", most, "], is ", value));
}

absl::StatusOr<int64_t> DrawsOf(bool is_set, int32_t draws) {
  const int64_t count = is_set ? draws : kDefaultDraws;
  REPSCORE_RETURN_IF_ERROR(CheckCount(count, kMaxDraws, "draws"));
  return count;
}

/// Dataset and measures of a request that needs both.
struct Subject {
  std::shared_ptr<const Dataset> dataset;
  Measures measures;
};

template <typename Request>
absl::StatusOr<Subject> SubjectOf(Parts& parts, const Request& request) {
  Subject subject;
  REPSCORE_RETURN_IF_ERROR(CheckName(request.dataset(), "dataset"));
  if (request.measures().empty()) {
    return FieldError("measures", "at least one is needed");
  }
  REPSCORE_ASSIGN_OR_RETURN(subject.measures,
                            ToMeasures(request.measures(), "measures"));
  REPSCORE_ASSIGN_OR_RETURN(
      subject.dataset,
      LoadDataset(parts.catalog, request.dataset(), "dataset"));
  return subject;
}

absl::Status CheckKinds(const v1::ComputeBaselinesRequest& request) {
  const auto known = LandmarkKinds();
  for (int i = 0; i < request.kinds_size(); ++i) {
    const std::string field = absl::StrCat("kinds[", i, "]");
    const std::string& kind = request.kinds(i);
    if (std::find(known.begin(), known.end(), kind) == known.end()) {
      std::string all;
      for (const std::string_view name : known) {
        absl::StrAppend(&all, all.empty() ? "" : ", ", std::string(name));
      }
      return FieldError(
          field,
          absl::StrCat("there is no ", Quoted(kind), "; there are ", all));
    }
    if (std::find(request.kinds().begin(), request.kinds().begin() + i, kind) !=
        request.kinds().begin() + i) {
      return FieldError(field, absl::StrCat(Quoted(kind), " is there twice"));
    }
  }
  return absl::OkStatus();
}

// Copies of the rows that a variation is made in: shuffles and halves; one
// component by another.
constexpr double kBaselineCopies = 4.0;
constexpr double kPerturbationCopies = 1.0;

template <typename Request>
JobNeeds NeedsOf(const Dataset& dataset,
                 const Measures& measures,
                 double variations,
                 const Request& request) {
  JobNeeds needs = ExperimentNeeds(dataset, measures, variations);
  needs.device = request.device();
  return needs;
}

/// Baselines of a request, once prepared.
struct BaselineCall {
  std::shared_ptr<const Dataset> dataset;
  Measures measures;
  std::unique_ptr<BaselineTask> task;
};

absl::Status PrepareBaselines(Parts& parts,
                              const v1::ComputeBaselinesRequest& request,
                              BaselineCall& call) {
  REPSCORE_RETURN_IF_ERROR(CheckKinds(request));
  BaselineTask::Options options;
  REPSCORE_ASSIGN_OR_RETURN(options.draws,
                            DrawsOf(request.has_draws(), request.draws()));
  REPSCORE_ASSIGN_OR_RETURN(Subject subject, SubjectOf(parts, request));
  call.dataset = subject.dataset;
  options.dataset = std::move(subject.dataset);
  options.specs = {request.measures().begin(), request.measures().end()};
  call.measures = subject.measures;
  options.measures = std::move(subject.measures);
  options.kinds = {request.kinds().begin(), request.kinds().end()};
  options.seed = request.seed();
  call.task = std::make_unique<BaselineTask>(std::move(options));
  call.task->FindStored(parts.catalog);
  return absl::OkStatus();
}

/// Perturbations of a request, one measure after the other.
struct PerturbationCall {
  Subject subject;
  PerturbationRequest request;
  /// One per measure; unset ones are to be computed.
  std::vector<std::optional<v1::MeasurePerturbations>> results;
  std::vector<std::string> keys;
  bool was_stored = true;
};

absl::Status PreparePerturbations(Parts& parts,
                                  const v1::PerturbComponentsRequest& request,
                                  PerturbationCall& call) {
  call.request.components =
      request.has_components() ? request.components() : kDefaultComponents;
  REPSCORE_RETURN_IF_ERROR(
      CheckCount(call.request.components, kMaxComponents, "components"));
  REPSCORE_ASSIGN_OR_RETURN(call.request.draws,
                            DrawsOf(request.has_draws(), request.draws()));
  call.request.seed = request.seed();
  REPSCORE_ASSIGN_OR_RETURN(call.subject, SubjectOf(parts, request));
  for (int i = 0; i < request.measures_size(); ++i) {
    call.keys.push_back(absl::StrCat(
        call.request.components,
        "\n",
        call.request.draws,
        "\n",
        call.request.seed,
        "\n",
        MeasureKey(request.measures(i),
                   call.subject.measures[static_cast<size_t>(i)]->id())));
    auto found =
        FindResult<v1::MeasurePerturbations>(parts.catalog,
                                             call.subject.dataset->digest,
                                             kPerturbationKind,
                                             call.keys.back());
    call.was_stored = call.was_stored && found.ok();
    call.results.emplace_back();
    if (found.ok()) {
      call.results.back() = *std::move(found);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> PerturbPart(Parts& parts,
                                 LaneContext& lane,
                                 const CancelToken& cancel,
                                 PerturbationCall& call,
                                 v1::PerturbComponentsResponse* response) {
  const Subject& subject = call.subject;
  for (size_t i = 0; i < call.results.size(); ++i) {
    if (call.results[i].has_value()) {
      continue;
    }
    REPSCORE_ASSIGN_OR_RETURN(const auto reference,
                              parts.references.Get(lane, subject.dataset));
    REPSCORE_ASSIGN_OR_RETURN(const std::vector<MeasurePerturbations> computed,
                              repscore::PerturbComponents(
                                  *reference,
                                  absl::MakeConstSpan(&subject.measures[i], 1),
                                  call.request,
                                  [&lane, &cancel] {
                                    lane.Yield();
                                    return cancel.Check();
                                  }));
    call.results[i] = ToProto(computed.front());
    KeepResult(parts.catalog,
               parts.disk,
               subject.dataset->digest,
               kPerturbationKind,
               call.keys[i],
               *call.results[i]);
    return false;
  }
  for (const auto& result : call.results) {
    *response->add_measures() = *result;
  }
  *response->mutable_provenance() = ProvenanceOf(*subject.dataset, lane);
  response->set_stored(call.was_stored);
  return true;
}

/// A calibration with the landmarks that go beside it.
struct CalibrationCall {
  std::shared_ptr<const Dataset> dataset;
  std::vector<CalibratedMeasure> measures;
  std::unique_ptr<BaselineTask> baselines;
};

absl::Status NoCalibration(const Dataset& dataset,
                           const Measure& measure,
                           int index) {
  return WithField(Error(absl::StatusCode::kNotFound,
                         "CALIBRATION_NOT_FOUND",
                         absl::StrCat("measures[",
                                      index,
                                      "]: no finished run on ",
                                      dataset.name,
                                      " has optimised noise under ",
                                      measure.id(),
                                      " and followed components or labels; "
                                      "CalibrateDataset starts such runs")),
                   absl::StrCat("measures[", index, "]"));
}

absl::Status PrepareCalibration(Parts& parts,
                                const v1::GetCalibrationRequest& request,
                                CalibrationCall& call) {
  REPSCORE_RETURN_IF_ERROR(CheckName(request.dataset(), "dataset"));
  REPSCORE_ASSIGN_OR_RETURN(const Measures measures,
                            ToMeasures(request.measures(), "measures"));
  REPSCORE_ASSIGN_OR_RETURN(
      call.dataset, LoadDataset(parts.catalog, request.dataset(), "dataset"));
  if (measures.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(call.measures,
                              FindCalibrations(parts, *call.dataset));
  } else {
    REPSCORE_ASSIGN_OR_RETURN(
        const std::vector<CalibratedMeasure> found,
        FindCalibrations(parts, *call.dataset, request.measures(), measures));
    for (int i = 0; i < request.measures_size(); ++i) {
      const Measure& measure = *measures[static_cast<size_t>(i)];
      const std::string key = MeasureKey(request.measures(i), measure.id());
      const auto at =
          std::find_if(found.begin(), found.end(), [&](const auto& item) {
            return MeasureKey(item.spec, item.measure->id()) == key;
          });
      if (at == found.end()) {
        return NoCalibration(*call.dataset, measure, i);
      }
      call.measures.push_back(*at);
    }
  }
  BaselineTask::Options options;
  options.dataset = call.dataset;
  for (const CalibratedMeasure& item : call.measures) {
    options.specs.push_back(item.spec);
    options.measures.push_back(item.measure);
  }
  call.baselines = std::make_unique<BaselineTask>(std::move(options));
  call.baselines->FindStored(parts.catalog);
  return absl::OkStatus();
}

void WriteCalibration(const CalibrationCall& call,
                      const LaneContext& lane,
                      v1::GetCalibrationResponse* response) {
  for (size_t i = 0; i < call.measures.size(); ++i) {
    v1::MeasureCalibration* item = response->add_measures();
    *item = call.measures[i].calibration;
    for (const v1::Landmark& landmark : call.baselines->LandmarksOf(i)) {
      *item->add_landmarks() = landmark;
    }
  }
  *response->mutable_provenance() = ProvenanceOf(*call.dataset, lane);
}

}  // namespace

grpc::ServerUnaryReactor* AnalysisService::DecodeLabels(
    grpc::CallbackServerContext* context,
    const v1::DecodeLabelsRequest* request,
    v1::DecodeLabelsResponse* response) {
  auto task = std::make_shared<DecodingTask>(parts_, *request);
  return AnswerOnLane(
      parts_,
      context,
      "DecodeLabels",
      {.prepare = [task] { return task->Prepare(); },
       .compute_part =
           [task, response](LaneContext& lane, const CancelToken& cancel) {
             return task->ComputePart(lane, cancel, response);
           },
       .needs = [task] { return task->needs(); }});
}

grpc::ServerUnaryReactor* AnalysisService::ComputeBaselines(
    grpc::CallbackServerContext* context,
    const v1::ComputeBaselinesRequest* request,
    v1::ComputeBaselinesResponse* response) {
  auto call = std::make_shared<BaselineCall>();
  return AnswerOnLane(
      parts_,
      context,
      "ComputeBaselines",
      {.prepare = [=,
                   this] { return PrepareBaselines(parts_, *request, *call); },
       .compute_part = [=, this](LaneContext& lane, const CancelToken& cancel)
           -> absl::StatusOr<bool> {
         REPSCORE_ASSIGN_OR_RETURN(
             const bool is_done, call->task->ComputePart(parts_, lane, cancel));
         if (is_done) {
           call->task->Write(response);
           *response->mutable_provenance() = ProvenanceOf(*call->dataset, lane);
         }
         return is_done;
       },
       .needs =
           [call, request] {
             return NeedsOf(
                 *call->dataset, call->measures, kBaselineCopies, *request);
           }});
}

grpc::ServerUnaryReactor* AnalysisService::PerturbComponents(
    grpc::CallbackServerContext* context,
    const v1::PerturbComponentsRequest* request,
    v1::PerturbComponentsResponse* response) {
  auto call = std::make_shared<PerturbationCall>();
  return AnswerOnLane(
      parts_,
      context,
      "PerturbComponents",
      {.prepare =
           [=, this] { return PreparePerturbations(parts_, *request, *call); },
       .compute_part =
           [=, this](LaneContext& lane, const CancelToken& cancel) {
             return PerturbPart(parts_, lane, cancel, *call, response);
           },
       .needs =
           [call, request] {
             return NeedsOf(*call->subject.dataset,
                            call->subject.measures,
                            kPerturbationCopies,
                            *request);
           }});
}

grpc::ServerUnaryReactor* AnalysisService::CalibrateDataset(
    grpc::CallbackServerContext* context,
    const v1::CalibrateDatasetRequest* request,
    v1::CalibrateDatasetResponse* response) {
  return AnswerOnDisk(
      parts_,
      context,
      "CalibrateDataset",
      [this, request, response]() -> absl::Status {
        REPSCORE_ASSIGN_OR_RETURN(
            const std::vector<v1::Run> runs,
            calibrator_.Calibrate(request->dataset(), request->plan()));
        *response->mutable_runs() = {runs.begin(), runs.end()};
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AnalysisService::GetCalibration(
    grpc::CallbackServerContext* context,
    const v1::GetCalibrationRequest* request,
    v1::GetCalibrationResponse* response) {
  auto call = std::make_shared<CalibrationCall>();
  return AnswerOnLane(
      parts_,
      context,
      "GetCalibration",
      {.prepare =
           [=, this] { return PrepareCalibration(parts_, *request, *call); },
       .compute_part = [=, this](LaneContext& lane, const CancelToken& cancel)
           -> absl::StatusOr<bool> {
         REPSCORE_ASSIGN_OR_RETURN(
             const bool is_done,
             call->baselines->ComputePart(parts_, lane, cancel));
         if (is_done) {
           WriteCalibration(*call, lane, response);
         }
         return is_done;
       },
       .needs = [] { return JobNeeds{.is_long = true}; }});
}

}  // namespace repscore::server
