// repscore embed

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/json.h"
#include "client/cli/matrix_file.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct EmbedFlags {
  std::string file;
  std::string measure;
  int32_t dimensions = 2;
  std::string method = "classical";
  int32_t clusters = 0;
  int32_t neighbors = 0;
};

// The matrix that is asked for, or the only one.
absl::StatusOr<v1::PairwiseMatrix> Choose(client::Client& client,
                                          const v1::PairwiseResult& pairwise,
                                          const std::string& measure) {
  if (!measure.empty()) {
    v1::MeasureSpec spec;
    spec.set_id(measure);
    return FindMatrix(client, pairwise, spec);
  }
  if (pairwise.matrices_size() == 1) {
    return pairwise.matrices(0);
  }
  return NoSuchMatrix(pairwise, "--measure is required");
}

// The name of a system by its index; an index without a name as it is.
std::string NameAt(const v1::PairwiseResult& pairwise, int64_t index) {
  return index >= 0 && index < pairwise.names_size()
             ? pairwise.names(static_cast<int>(index))
             : absl::StrCat(index);
}

// Items of row `row` of a row-major list with a row per system.
template <typename List>
std::vector<typename List::value_type> Row(const List& list,
                                           int row,
                                           int systems) {
  const int width = list.size() / systems;
  return {list.begin() + row * width, list.begin() + (row + 1) * width};
}

void PrintPoints(const v1::PairwiseResult& pairwise,
                 const v1::EmbedDistancesResponse& response) {
  const int systems = pairwise.names_size();
  std::vector<std::string> header = {"system"};
  std::vector<size_t> right;
  for (int i = 0; i < response.points_size() / systems; ++i) {
    right.push_back(header.size());
    header.push_back(absl::StrCat("x", i + 1));
  }
  const bool has_clusters = response.assignment_size() == systems;
  const bool has_neighbors = response.nearest_size() >= systems;
  if (has_clusters) {
    header.emplace_back("cluster of");
  }
  if (has_neighbors) {
    header.emplace_back("nearest");
  }
  Table table(std::move(header), right);
  for (int row = 0; row < systems; ++row) {
    std::vector<std::string> cells = {pairwise.names(row)};
    for (const double point : Row(response.points(), row, systems)) {
      cells.push_back(FormatNumber(point));
    }
    if (has_clusters) {
      const int64_t cluster = response.assignment(row);
      cells.push_back(
          cluster >= 0 && cluster < response.medoids_size()
              ? NameAt(pairwise, response.medoids(static_cast<int>(cluster)))
              : absl::StrCat(cluster));
    }
    if (has_neighbors) {
      std::vector<std::string> names;
      for (const int64_t index : Row(response.nearest(), row, systems)) {
        names.push_back(NameAt(pairwise, index));
      }
      cells.push_back(absl::StrJoin(names, ", "));
    }
    table.AddRow(std::move(cells));
  }
  std::cout << table.ToString();
}

void PrintQuality(const v1::PairwiseResult& pairwise,
                  const std::string& measure,
                  const v1::EmbedDistancesResponse& response) {
  Listing listing;
  listing.Add("measure", measure);
  listing.Add("stress", FormatNumber(response.stress()));
  listing.Add("distortion", FormatNumber(response.distortion()));
  listing.Add("explained", FormatNumber(response.explained()));
  listing.Add("non-Euclidean", FormatNumber(response.non_euclidean()));
  if (response.iterations() > 0) {
    listing.Add("iterations", absl::StrCat(response.iterations()));
  }
  if (!response.medoids().empty()) {
    listing.Add("silhouette", FormatNumber(response.silhouette()));
  }
  listing.Add("Frechet medoid", NameAt(pairwise, response.frechet_medoid()));
  std::cout << '\n' << listing.ToString();
}

absl::Status Embed(Session& session, const EmbedFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const v1::PairwiseResult pairwise,
                            ReadPairwise(flags.file));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::PairwiseMatrix matrix,
                            Choose(*client, pairwise, flags.measure));
  v1::EmbedDistancesRequest request;
  *request.mutable_distances() = matrix.values();
  request.set_dimensions(flags.dimensions);
  request.set_method(flags.method == "metric" ? v1::MDS_METHOD_METRIC
                                              : v1::MDS_METHOD_CLASSICAL);
  request.set_clusters(flags.clusters);
  request.set_neighbors(flags.neighbors);
  REPSCORE_ASSIGN_OR_RETURN(const v1::EmbedDistancesResponse response,
                            client->EmbedDistances(request));
  if (session.json()) {
    Json document = {{"measure", matrix.measure()}, {"names", Json::array()}};
    for (const std::string& name : pairwise.names()) {
      document["names"].push_back(name);
    }
    document.update(ToJson(response));
    PrintDocument(document);
    return absl::OkStatus();
  }
  PrintPoints(pairwise, response);
  PrintQuality(pairwise, matrix.measure(), response);
  return absl::OkStatus();
}

}  // namespace

void AddEmbedCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "embed", "Points, clusters and neighbours from pairwise distances");
  const auto flags = std::make_shared<EmbedFlags>();
  command
      ->add_option("PAIRWISE",
                   flags->file,
                   "FILE.json with distances from 'repscore pairwise --json'")
      ->required();
  command->add_option("-m,--measure",
                      flags->measure,
                      "Measure of the matrix, when the file has several");
  command
      ->add_option(
          "--dimensions", flags->dimensions, "Dimensions of the points")
      ->capture_default_str();
  command
      ->add_option("--method",
                   flags->method,
                   "classical (eigenvectors) or metric (SMACOF)")
      ->check(CLI::IsMember({"classical", "metric"}))
      ->capture_default_str();
  command->add_option(
      "--clusters", flags->clusters, "Clusters around medoids [none]");
  command->add_option("--neighbors",
                      flags->neighbors,
                      "Nearest neighbours of every system [none]");
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Embed(session, *flags); };
  });
}

}  // namespace repscore::cli
