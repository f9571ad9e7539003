#include "server/experiments/calibrator.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/digest.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/convert_decoding.h"
#include "server/error.h"
#include "server/experiments/baseline_job.h"
#include "server/experiments/baseline_task.h"
#include "server/scoring.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

constexpr int32_t kDefaultRestarts = 3;
constexpr int32_t kMaxRestarts = 64;
constexpr int64_t kDefaultMaxSteps = 1000;
constexpr int64_t kMostMaxSteps = 1'000'000;
constexpr int32_t kDefaultComponents = 50;
constexpr int32_t kMaxComponents = 10'000;

absl::Status CheckRange(int64_t value,
                        int64_t lowest,
                        int64_t highest,
                        const std::string& field) {
  if (value >= lowest && value <= highest) {
    return absl::OkStatus();
  }
  return FieldError(
      field,
      absl::StrCat("must be in [", lowest, ", ", highest, "], is ", value));
}

/// The run that stands for one measure of a plan.
v1::OptimizeRequest RunOf(const v1::CalibrationPlan& plan,
                          const v1::MeasureSpec& measure,
                          const Dataset& dataset) {
  v1::OptimizeRequest request;
  request.set_dataset(dataset.name);
  *request.mutable_measure() = measure;
  request.mutable_start()->mutable_gaussian()->set_seed(plan.seed());
  request.set_restarts(plan.has_restarts() ? plan.restarts()
                                           : kDefaultRestarts);
  request.mutable_stopping()->set_max_steps(
      plan.has_max_steps() ? plan.max_steps() : kDefaultMaxSteps);
  v1::TraceOptions* trace = request.mutable_trace();
  trace->set_principal_components(plan.has_principal_components()
                                      ? plan.principal_components()
                                      : kDefaultComponents);
  const std::vector<std::string> labels =
      LabelsToDecode(plan.decoding(), dataset);
  if (!labels.empty()) {
    *trace->mutable_decoding() = plan.decoding();
    *trace->mutable_decoding()->mutable_labels() = {labels.begin(),
                                                    labels.end()};
  }
  request.set_detach(true);
  return request;
}

/// What makes two runs on the same content the same calibration.
std::string KeyOf(v1::OptimizeRequest request) {
  request.clear_dataset();
  return Sha256Hex(request.SerializeAsString());
}

/// The measure with its canonical specification.
absl::StatusOr<v1::MeasureSpec> Canonical(const v1::MeasureSpec& spec,
                                          const std::string& field) {
  REPSCORE_ASSIGN_OR_RETURN(const auto measure, ToMeasure(spec, field));
  v1::MeasureSpec canonical = spec;
  canonical.set_id(measure->id());
  return canonical;
}

}  // namespace

absl::Status CheckCalibrationPlan(const v1::CalibrationPlan& plan,
                                  const DatasetDescription& description,
                                  const std::string& field) {
  const std::string measures_field = field + ".measures";
  if (plan.measures().empty()) {
    return FieldError(measures_field, "at least one is needed");
  }
  REPSCORE_ASSIGN_OR_RETURN(const Measures measures,
                            ToMeasures(plan.measures(), measures_field));
  const Dataset shape = ScoredShape(description);
  const int64_t rows = shape.rows();
  const int64_t features = shape.features();
  const ProblemSize size = {.rows = rows,
                            .candidate_features = features,
                            .reference_features = features,
                            .space = ChooseSpace(rows, features)};
  for (size_t i = 0; i < measures.size(); ++i) {
    const std::string path = absl::StrCat(measures_field, "[", i, "]");
    REPSCORE_RETURN_IF_ERROR(RequireGradient(*measures[i], path));
    const absl::Status fits = measures[i]->CheckSize(size);
    if (!fits.ok()) {
      return FieldError(path, absl::StrCat(fits.message()));
    }
  }
  if (plan.has_restarts()) {
    REPSCORE_RETURN_IF_ERROR(
        CheckRange(plan.restarts(), 1, kMaxRestarts, field + ".restarts"));
  }
  if (plan.has_max_steps()) {
    REPSCORE_RETURN_IF_ERROR(
        CheckRange(plan.max_steps(), 1, kMostMaxSteps, field + ".max_steps"));
  }
  if (plan.has_principal_components()) {
    REPSCORE_RETURN_IF_ERROR(CheckRange(plan.principal_components(),
                                        0,
                                        kMaxComponents,
                                        field + ".principal_components"));
  }
  return CheckDecoding(plan.decoding(), shape, field + ".decoding");
}

Calibrator::Calibrator(Parts& parts, RunManager& runs)
    : parts_(parts), runs_(runs) {
  runs_.SetLeaveListener([this] { RunHasLeft(); });
}

absl::StatusOr<std::vector<v1::Run>> Calibrator::Calibrate(
    const std::string& dataset_name, const v1::CalibrationPlan& plan) {
  REPSCORE_RETURN_IF_ERROR(CheckName(dataset_name, "dataset"));
  REPSCORE_ASSIGN_OR_RETURN(
      const auto dataset, LoadDataset(parts_.catalog, dataset_name, "dataset"));
  REPSCORE_RETURN_IF_ERROR(
      CheckCalibrationPlan(plan, dataset->description, "plan"));
  std::vector<v1::Run> runs;
  BaselineTask::Options baselines;
  for (int i = 0; i < plan.measures_size(); ++i) {
    REPSCORE_ASSIGN_OR_RETURN(
        const v1::MeasureSpec measure,
        Canonical(plan.measures(i), absl::StrCat("plan.measures[", i, "]")));
    const v1::OptimizeRequest request = RunOf(plan, measure, *dataset);
    REPSCORE_ASSIGN_OR_RETURN(v1::Run run,
                              runs_.CreateCalibration(request, KeyOf(request)));
    runs.push_back(std::move(run));
    baselines.specs.push_back(measure);
    REPSCORE_ASSIGN_OR_RETURN(auto made, ToMeasure(measure, "plan.measures"));
    baselines.measures.push_back(std::move(made));
  }
  baselines.dataset = dataset;
  BaselineTask task(std::move(baselines));
  task.FindStored(parts_.catalog);
  StartBaselines(parts_, std::move(task));
  return runs;
}

void Calibrator::PlanKept() {
  has_pending_ = true;
  parts_.disk.Post([this] { StartPending(); });
}

void Calibrator::RunHasLeft() {
  if (has_pending_) {
    parts_.disk.Post([this] { StartPending(); });
  }
}

void Calibrator::StartPending() {
  if (requests_.fetch_add(1) > 0) {
    return;
  }
  int64_t seen = 1;
  do {
    seen = requests_.load();
    // Runs that leave meanwhile count as requests.
    has_pending_ = true;
    has_pending_ = !StartAll();
  } while (!requests_.compare_exchange_strong(seen, 0));
}

bool Calibrator::StartAll() {
  const auto plans =
      NoThrow([this] { return parts_.catalog.PendingCalibrations(); });
  if (!plans.ok()) {
    spdlog::error("cannot read calibration plans: {}",
                  plans.status().ToString());
    return false;
  }
  for (const PendingCalibration& pending : *plans) {
    if (runs_.suspending() || !NoThrow([&] { return Start(pending); }).ok()) {
      return false;
    }
  }
  return true;
}

absl::Status Calibrator::Start(const PendingCalibration& pending) {
  v1::CalibrationPlan plan;
  absl::Status status;
  if (!plan.ParseFromString(pending.plan)) {
    status = absl::DataLossError("the stored plan is damaged");
  } else {
    status = Calibrate(pending.dataset_version_name, plan).status();
  }
  if (DetailsOf(status).retry_seconds.has_value()) {
    return status;
  }
  if (!status.ok()) {
    spdlog::error("the calibration of {} is given up: {}",
                  pending.dataset_version_name,
                  status.ToString());
  }
  return parts_.catalog.DropPendingCalibration(pending.plan_number);
}

}  // namespace repscore::server
