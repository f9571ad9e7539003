#include "server/experiments/calibration_store.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/analysis/calibration.h"
#include "core/base/status_macros.h"
#include "repscore/v1/scoring.pb.h"
#include "server/convert_decoding.h"
#include "server/experiments/convert_analysis.h"
#include "server/experiments/stored_results.h"

namespace repscore::server {
namespace {

/// The number names the algorithm: raised when it changes.
constexpr char kKind[] = "calibration/1";
/// Requests of runs from noise are short, but for explicit folds.
constexpr int64_t kMaxRequestBytes = int64_t{1} << 20;
constexpr int64_t kPageEvents = 1024;

/// Runs of one measure that followed the same components and labels.
struct Group {
  v1::MeasureSpec spec;
  std::shared_ptr<const Measure> measure;
  std::vector<std::string> runs;
  /// Restarts of all runs.
  int64_t members = 0;
};

bool StartsFromNoise(const v1::OptimizeRequest& request,
                     const Dataset& dataset) {
  const v1::StartPoint& start = request.start();
  if (start.kind_case() == v1::StartPoint::KIND_NOT_SET) {
    return true;
  }
  return start.has_gaussian() &&
         (!start.gaussian().has_features() ||
          start.gaussian().features() == dataset.features());
}

bool Counts(const v1::OptimizeRequest& request, const Dataset& dataset) {
  return !request.has_lbfgs() && StartsFromNoise(request, dataset) &&
         (request.trace().principal_components() > 0 ||
          request.trace().has_decoding());
}

/// Groups by measure key, then by what was followed.
using Groups = std::map<std::string, std::map<std::string, Group>>;

void AddRun(const RunRecord& record,
            const Dataset& dataset,
            Groups& groups,
            std::vector<std::string>& order) {
  v1::OptimizeRequest request;
  if (record.kind != v1::RUN_KIND_OPTIMIZE ||
      !request.ParseFromString(record.request) || !Counts(request, dataset)) {
    return;
  }
  const auto measure = ToMeasure(request.measure(), "measure");
  if (!measure.ok()) {
    // Of an older server.
    return;
  }
  const std::string key = MeasureKey(request.measure(), (*measure)->id());
  const std::string followed =
      absl::StrCat(request.trace().principal_components(),
                   "\n",
                   request.trace().decoding().SerializeAsString());
  if (groups.find(key) == groups.end()) {
    order.push_back(key);
  }
  Group& group = groups[key][followed];
  group.spec = request.measure();
  group.measure = *measure;
  group.runs.push_back(record.run_id);
  group.members += std::max<int64_t>(1, request.restarts());
}

const Group& Largest(const std::map<std::string, Group>& groups) {
  const Group* best = nullptr;
  for (const auto& [followed, group] : groups) {
    // Ids of runs sort by time.
    if (best == nullptr || group.members > best->members ||
        (group.members == best->members &&
         group.runs.back() > best->runs.back())) {
      best = &group;
    }
  }
  return *best;
}

void AddEvent(const v1::RunEvent& event,
              CalibrationInput& input,
              std::vector<CalibrationTrace>& traces) {
  if (event.has_started()) {
    const v1::RunStarted& started = event.started();
    input.labels.clear();
    for (const v1::DecodedLabel& label : started.labels()) {
      input.labels.push_back(FromProto(label));
    }
    input.variance_shares = {started.variance_shares().begin(),
                             started.variance_shares().end()};
  }
  if (!event.has_point()) {
    return;
  }
  const v1::TracePoint& point = event.point();
  const auto member = static_cast<size_t>(std::max(0, point.member()));
  if (member >= traces.size()) {
    traces.resize(member + 1);
  }
  traces[member].points.push_back(
      {.step = point.step(),
       .score = point.scores(0),
       .component_r2 = {point.component_r2().begin(),
                        point.component_r2().end()},
       .decoding = {point.decoding().begin(), point.decoding().end()}});
}

/// Reads the events of a run; its members' traces go to the input.
absl::Status ReadRun(Catalog& catalog,
                     const std::string& run_id,
                     CalibrationInput& input) {
  std::vector<CalibrationTrace> traces;
  int64_t sequence = 0;
  while (true) {
    REPSCORE_ASSIGN_OR_RETURN(
        const std::vector<RunEventRecord> page,
        catalog.ReadRunEvents(run_id, sequence, kPageEvents));
    if (page.empty()) {
      break;
    }
    for (const RunEventRecord& record : page) {
      v1::RunEvent event;
      if (!event.ParseFromString(record.payload)) {
        return absl::DataLossError("a stored event of a run is damaged");
      }
      AddEvent(event, input, traces);
    }
    sequence = page.back().sequence;
  }
  for (CalibrationTrace& trace : traces) {
    if (!trace.points.empty()) {
      input.traces.push_back(std::move(trace));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::MeasureCalibration> CalibrationOf(Parts& parts,
                                                     const Dataset& dataset,
                                                     const std::string& key,
                                                     const Group& group) {
  std::string request = key;
  for (const std::string& run : group.runs) {
    absl::StrAppend(&request, "\n", run);
  }
  auto stored = FindResult<v1::MeasureCalibration>(
      parts.catalog, dataset.digest, kKind, request);
  if (stored.ok()) {
    return stored;
  }
  CalibrationInput input;
  input.measure = group.measure->id();
  input.orientation = group.measure->info().orientation;
  for (const std::string& run : group.runs) {
    REPSCORE_RETURN_IF_ERROR(ReadRun(parts.catalog, run, input));
  }
  REPSCORE_ASSIGN_OR_RETURN(const MeasureCalibration calibration,
                            repscore::Calibrate(input));
  v1::MeasureCalibration result = ToProto(calibration);
  KeepResult(parts.catalog, parts.disk, dataset.digest, kKind, request, result);
  return result;
}

/// `wanted` null: all.
absl::StatusOr<std::vector<CalibratedMeasure>> Find(
    Parts& parts,
    const Dataset& dataset,
    const std::vector<std::string>* wanted) {
  REPSCORE_ASSIGN_OR_RETURN(
      const std::vector<RunRecord> runs,
      parts.catalog.SucceededRuns(dataset.digest, kMaxRequestBytes));
  Groups groups;
  std::vector<std::string> order;
  for (const RunRecord& run : runs) {
    AddRun(run, dataset, groups, order);
  }
  std::vector<CalibratedMeasure> found;
  for (const std::string& key : order) {
    if (wanted != nullptr &&
        std::find(wanted->begin(), wanted->end(), key) == wanted->end()) {
      continue;
    }
    const Group& group = Largest(groups[key]);
    CalibratedMeasure item;
    item.spec = group.spec;
    item.measure = group.measure;
    REPSCORE_ASSIGN_OR_RETURN(item.calibration,
                              CalibrationOf(parts, dataset, key, group));
    found.push_back(std::move(item));
  }
  return found;
}

}  // namespace

absl::StatusOr<std::vector<CalibratedMeasure>> FindCalibrations(
    Parts& parts, const Dataset& dataset) {
  return Find(parts, dataset, nullptr);
}

absl::StatusOr<std::vector<CalibratedMeasure>> FindCalibrations(
    Parts& parts,
    const Dataset& dataset,
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& specs,
    const Measures& measures) {
  std::vector<std::string> wanted;
  wanted.reserve(measures.size());
  for (int i = 0; i < specs.size(); ++i) {
    wanted.push_back(
        MeasureKey(specs[i], measures[static_cast<size_t>(i)]->id()));
  }
  return Find(parts, dataset, &wanted);
}

}  // namespace repscore::server
