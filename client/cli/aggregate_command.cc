// repscore aggregate

#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/csv.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct AggregateFlags {
  std::string file;
  std::string missing = "complete-cases";
};

v1::MissingScores ToMissing(const std::string& word) {
  if (word == "ignore") {
    return v1::MISSING_SCORES_IGNORE;
  }
  return word == "zero" ? v1::MISSING_SCORES_ZERO
                        : v1::MISSING_SCORES_COMPLETE_CASES;
}

absl::Status AddSystem(const std::vector<std::string>& cells,
                       v1::AggregateScoresRequest& request) {
  if (cells.size() != static_cast<size_t>(request.measures_size()) + 1) {
    return UsageError(absl::StrCat("system '",
                                   cells.front(),
                                   "' has ",
                                   cells.size() - 1,
                                   " scores, there are ",
                                   request.measures_size(),
                                   " measures"));
  }
  request.add_systems(cells.front());
  for (size_t i = 1; i < cells.size(); ++i) {
    const std::string cell(absl::StripAsciiWhitespace(cells[i]));
    double score = std::numeric_limits<double>::quiet_NaN();
    if (!cell.empty()) {
      REPSCORE_ASSIGN_OR_RETURN(score, ParseNumber(cell));
    }
    request.add_scores(score);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::AggregateScoresRequest> ReadScores(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  const auto lines = ParseCsv(text);
  if (!lines.ok()) {
    return WithContext(path, lines.status());
  }
  if (lines->size() < 2 || lines->front().size() < 2) {
    return UsageError(absl::StrCat(
        path, ": expected a line 'system,MEASURE,...' and a line per system"));
  }
  v1::AggregateScoresRequest request;
  const std::vector<std::string>& header = lines->front();
  for (size_t i = 1; i < header.size(); ++i) {
    request.add_measures()->set_id(
        std::string(absl::StripAsciiWhitespace(header[i])));
  }
  for (size_t i = 1; i < lines->size(); ++i) {
    if (absl::Status status = AddSystem((*lines)[i], request); !status.ok()) {
      return WithContext(path, status);
    }
  }
  return request;
}

// Per system; empty where there is none.
std::string At(const google::protobuf::RepeatedField<double>& values,
               int index) {
  return index < values.size() ? FormatNumber(values[index]) : "";
}

void PrintRanking(const v1::AggregateScoresRequest& request,
                  const v1::AggregateScoresResponse& response) {
  Table table({"system", "mean", "mean z-score", "mean rank"}, {1, 2, 3});
  for (int i = 0; i < request.systems_size(); ++i) {
    table.AddRow({request.systems(i),
                  At(response.arithmetic_mean(), i),
                  At(response.z_score_mean(), i),
                  At(response.mean_rank(), i)});
  }
  std::cout << table.ToString();
  if (response.systems_left_out() > 0) {
    std::cout << "systems left out: " << response.systems_left_out() << '\n';
  }
}

void PrintCorrelations(const std::string& title,
                       const v1::AggregateScoresRequest& request,
                       const google::protobuf::RepeatedField<double>& values) {
  const int size = request.measures_size();
  if (size < 2 || values.size() != size * size) {
    return;
  }
  std::vector<std::string> header = {title};
  std::vector<size_t> right;
  for (const v1::MeasureSpec& measure : request.measures()) {
    right.push_back(header.size());
    header.push_back(measure.id());
  }
  Table table(std::move(header), right);
  for (int row = 0; row < size; ++row) {
    std::vector<std::string> cells = {request.measures(row).id()};
    for (int column = 0; column < size; ++column) {
      cells.push_back(FormatNumber(values[row * size + column]));
    }
    table.AddRow(std::move(cells));
  }
  std::cout << '\n' << table.ToString();
}

Json ToDocument(const v1::AggregateScoresRequest& request,
                const v1::AggregateScoresResponse& response) {
  Json document = {{"systems", Json::array()}, {"measures", Json::array()}};
  for (const std::string& system : request.systems()) {
    document["systems"].push_back(system);
  }
  for (const v1::MeasureSpec& measure : request.measures()) {
    document["measures"].push_back(measure.id());
  }
  document.update(ToJson(response));
  return document;
}

absl::Status Aggregate(Session& session, const AggregateFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(v1::AggregateScoresRequest request,
                            ReadScores(flags.file));
  request.set_missing(ToMissing(flags.missing));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::AggregateScoresResponse response,
                            client->AggregateScores(request));
  if (session.json()) {
    PrintDocument(ToDocument(request, response));
    return absl::OkStatus();
  }
  PrintRanking(request, response);
  PrintCorrelations("Kendall", request, response.kendall());
  PrintCorrelations("Spearman", request, response.spearman());
  return absl::OkStatus();
}

}  // namespace

void AddAggregateCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "aggregate", "One ranking from several measures of several systems");
  const auto flags = std::make_shared<AggregateFlags>();
  command
      ->add_option("SCORES",
                   flags->file,
                   "FILE.csv: a line 'system,MEASURE,...' (measures with "
                   "commas in double quotes), then a line per system; empty "
                   "cells are missing scores")
      ->required();
  command
      ->add_option("--missing",
                   flags->missing,
                   "What a missing score does: complete-cases (the system is "
                   "left out), ignore or zero")
      ->check(CLI::IsMember({"complete-cases", "ignore", "zero"}))
      ->capture_default_str();
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Aggregate(session, *flags); };
  });
}

}  // namespace repscore::cli
