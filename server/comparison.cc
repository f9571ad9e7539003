#include "server/comparison.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/analysis/aggregation.h"
#include "core/analysis/embedding.h"
#include "core/base/status_macros.h"
#include "server/error.h"
#include "server/scoring.h"

namespace repscore::server {
namespace {

constexpr int kMaxSystems = 4096;
// Systems that a matrix of distances may have.
constexpr int kMaxPoints = 4096;
constexpr int kDefaultDimensions = 2;

absl::StatusOr<MdsMethod> ToMethod(v1::MdsMethod method) {
  switch (method) {
    case v1::MDS_METHOD_UNSPECIFIED:
    case v1::MDS_METHOD_CLASSICAL:
      return MdsMethod::kClassical;
    case v1::MDS_METHOD_METRIC:
      return MdsMethod::kMetric;
    default:
      return FieldError(
          "method",
          absl::StrCat("has the unknown value ", static_cast<int>(method)));
  }
}

absl::StatusOr<MissingScores> ToMissing(v1::MissingScores missing) {
  switch (missing) {
    case v1::MISSING_SCORES_UNSPECIFIED:
    case v1::MISSING_SCORES_COMPLETE_CASES:
      return MissingScores::kCompleteCases;
    case v1::MISSING_SCORES_IGNORE:
      return MissingScores::kIgnore;
    case v1::MISSING_SCORES_ZERO:
      return MissingScores::kZero;
    default:
      return FieldError(
          "missing",
          absl::StrCat("has the unknown value ", static_cast<int>(missing)));
  }
}

template <typename Value>
void Assign(const std::vector<Value>& values,
            google::protobuf::RepeatedField<Value>* out) {
  out->Assign(values.begin(), values.end());
}

absl::StatusOr<HostArray> RowsOf(Parts& parts,
                                 const v1::System& system,
                                 const std::string& field) {
  switch (system.rows_case()) {
    case v1::System::kTensor:
      return ToHostArray(system.tensor(), field + ".tensor");
    case v1::System::kDataset: {
      REPSCORE_RETURN_IF_ERROR(CheckName(system.dataset(), field + ".dataset"));
      REPSCORE_ASSIGN_OR_RETURN(
          const auto dataset,
          LoadDataset(parts.catalog, system.dataset(), field + ".dataset"));
      return HostArray{.spec = dataset->description.spec,
                       .data = dataset->data};
    }
    default:
      return FieldError(field, "has neither tensor nor dataset");
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Dataset>> TransientDataset(
    const v1::Tensor& tensor, const std::string& field) {
  REPSCORE_ASSIGN_OR_RETURN(HostArray array, ToHostArray(tensor, field));
  auto dataset = std::make_shared<Dataset>();
  dataset->name = field;
  dataset->description.spec = array.spec;
  dataset->data = std::move(array.data);
  REPSCORE_RETURN_IF_ERROR(Normalize(dataset->description));
  return std::shared_ptr<const Dataset>(std::move(dataset));
}

absl::StatusOr<std::vector<System>> LoadSystems(
    Parts& parts,
    const google::protobuf::RepeatedPtrField<v1::System>& systems) {
  if (systems.size() < 2 || systems.size() > kMaxSystems) {
    return FieldError("systems",
                      absl::StrCat("has ",
                                   systems.size(),
                                   " systems, 2 to ",
                                   kMaxSystems,
                                   " are needed"));
  }
  std::vector<System> loaded;
  std::set<std::string> names;
  double bytes = 0.0;
  for (int i = 0; i < systems.size(); ++i) {
    const std::string field = absl::StrCat("systems[", i, "]");
    REPSCORE_RETURN_IF_ERROR(CheckName(systems[i].name(), field + ".name"));
    if (!names.insert(systems[i].name()).second) {
      return FieldError(field + ".name",
                        absl::StrCat(Quoted(systems[i].name()),
                                     " is the name of two systems"));
    }
    REPSCORE_ASSIGN_OR_RETURN(HostArray rows, RowsOf(parts, systems[i], field));
    // Kept as they came and once as float64 on the device.
    bytes += static_cast<double>(rows.data.size()) +
             8.0 * static_cast<double>(RowCount(rows.spec) *
                                       FeatureCount(rows.spec));
    if (bytes > static_cast<double>(parts.config.max_request_memory)) {
      return Error(absl::StatusCode::kResourceExhausted,
                   "HOST_MEMORY",
                   absl::StrCat("systems: the first ",
                                i + 1,
                                " of ",
                                systems.size(),
                                " take ",
                                static_cast<int64_t>(bytes),
                                " bytes, the limit of one request is ",
                                parts.config.max_request_memory));
    }
    loaded.push_back({.name = systems[i].name(), .rows = std::move(rows)});
  }
  return loaded;
}

absl::StatusOr<PairwiseTask> PreparePairwise(
    Parts& parts, const v1::ComparePairwiseRequest& request) {
  PairwiseTask task;
  if (request.measures().empty()) {
    return FieldError("measures", "at least one is needed");
  }
  REPSCORE_ASSIGN_OR_RETURN(task.measures,
                            ToMeasures(request.measures(), "measures"));
  REPSCORE_ASSIGN_OR_RETURN(task.systems,
                            LoadSystems(parts, request.systems()));
  task.known_systems = request.known_systems();
  if (task.known_systems < 0 ||
      task.known_systems > static_cast<int64_t>(task.systems.size())) {
    return FieldError("known_systems",
                      absl::StrCat("is ",
                                   task.known_systems,
                                   ", but there are ",
                                   task.systems.size(),
                                   " systems"));
  }
  const int expected_matrices =
      task.known_systems > 0 ? request.measures_size() : 0;
  if (request.known_size() != expected_matrices) {
    return FieldError("known",
                      absl::StrCat("has ",
                                   request.known_size(),
                                   " matrices, ",
                                   expected_matrices,
                                   " are needed"));
  }
  for (int i = 0; i < request.known_size(); ++i) {
    const v1::PairwiseMatrix& matrix = request.known(i);
    const int64_t expected = task.known_systems * task.known_systems;
    if (matrix.values_size() != expected) {
      return FieldError(absl::StrCat("known[", i, "].values"),
                        absl::StrCat("has ",
                                     matrix.values_size(),
                                     " values, ",
                                     expected,
                                     " are needed"));
    }
    if (matrix.measure() != task.measures[static_cast<size_t>(i)]->id()) {
      return FieldError(
          absl::StrCat("known[", i, "].measure"),
          absl::StrCat("is ",
                       Quoted(matrix.measure()),
                       ", measures[",
                       i,
                       "] is ",
                       task.measures[static_cast<size_t>(i)]->id()));
    }
    task.known.push_back(
        {.measure = matrix.measure(),
         .values = {matrix.values().begin(), matrix.values().end()}});
  }
  return task;
}

absl::Status Embed(const v1::EmbedDistancesRequest& request,
                   v1::EmbedDistancesResponse* response) {
  const std::vector<double> distances(request.distances().begin(),
                                      request.distances().end());
  if (request.distances_size() > kMaxPoints * kMaxPoints) {
    return FieldError("distances",
                      absl::StrCat("is of more than ", kMaxPoints, " systems"));
  }
  REPSCORE_ASSIGN_OR_RETURN(const MdsMethod method, ToMethod(request.method()));
  const int dimensions =
      request.dimensions() == 0 ? kDefaultDimensions : request.dimensions();
  REPSCORE_ASSIGN_OR_RETURN(const Embedding embedding,
                            EmbedDistances(distances, dimensions, method));
  Assign(embedding.points, response->mutable_points());
  response->set_stress(embedding.stress);
  response->set_distortion(embedding.distortion);
  response->set_explained(embedding.explained);
  response->set_non_euclidean(embedding.non_euclidean);
  response->set_iterations(embedding.iterations);
  REPSCORE_ASSIGN_OR_RETURN(const int64_t medoid, FrechetMedoid(distances));
  response->set_frechet_medoid(medoid);
  if (request.clusters() != 0) {
    REPSCORE_ASSIGN_OR_RETURN(const Clustering clustering,
                              ClusterMedoids(distances, request.clusters()));
    Assign(clustering.medoids, response->mutable_medoids());
    Assign(clustering.assignment, response->mutable_assignment());
    response->set_silhouette(clustering.silhouette);
  }
  if (request.neighbors() != 0) {
    REPSCORE_ASSIGN_OR_RETURN(
        const std::vector<int64_t> nearest,
        NearestNeighbours(distances, request.neighbors()));
    Assign(nearest, response->mutable_nearest());
  }
  return absl::OkStatus();
}

absl::Status Aggregate(const v1::AggregateScoresRequest& request,
                       v1::AggregateScoresResponse* response) {
  REPSCORE_ASSIGN_OR_RETURN(const Measures measures,
                            ToMeasures(request.measures(), "measures"));
  REPSCORE_ASSIGN_OR_RETURN(const MissingScores missing,
                            ToMissing(request.missing()));
  std::vector<bool> higher_is_better;
  higher_is_better.reserve(measures.size());
  for (const auto& measure : measures) {
    higher_is_better.push_back(measure->info().orientation ==
                               Orientation::kScore);
  }
  const std::vector<double> scores(request.scores().begin(),
                                   request.scores().end());
  REPSCORE_ASSIGN_OR_RETURN(
      const Aggregation aggregation,
      repscore::AggregateScores(scores,
                                request.systems_size(),
                                static_cast<int64_t>(measures.size()),
                                higher_is_better,
                                missing));
  Assign(aggregation.arithmetic_mean, response->mutable_arithmetic_mean());
  Assign(aggregation.z_score_mean, response->mutable_z_score_mean());
  Assign(aggregation.mean_rank, response->mutable_mean_rank());
  Assign(aggregation.kendall, response->mutable_kendall());
  Assign(aggregation.spearman, response->mutable_spearman());
  response->set_systems_left_out(aggregation.systems_left_out);
  return absl::OkStatus();
}

}  // namespace repscore::server
