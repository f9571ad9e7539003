// repscore score

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct ScoreFlags {
  std::string dataset;
  std::vector<std::string> files;
  std::vector<std::string> measures = {
      "cka",
      "cka.debiased",
      "nbs",
      "procrustes.angular_score",
      "linear_r2",
      "ridge_r2(lambda=100,folds=rows_contiguous(5))"};
  std::string folds_file;
};

struct FileScores {
  std::string file;
  v1::ScoreResponse response;
};

// One file: a line per measure.
void PrintMeasures(const std::vector<std::string>& measures,
                   const v1::ScoreResponse& response) {
  Table table({"measure", "score"}, {1});
  for (int i = 0; i < response.scores_size(); ++i) {
    table.AddRow({measures[static_cast<size_t>(i)],
                  FormatNumber(response.scores(i).value())});
  }
  std::cout << table.ToString();
}

// Several files: a line per file, a column per measure.
void PrintFiles(const std::vector<std::string>& measures,
                const std::vector<FileScores>& results) {
  std::vector<std::string> header = {"file"};
  std::vector<size_t> right;
  for (const std::string& measure : measures) {
    right.push_back(header.size());
    header.push_back(measure);
  }
  Table table(header, right);
  for (const auto& [file, response] : results) {
    std::vector<std::string> cells = {file};
    for (const v1::Score& score : response.scores()) {
      cells.push_back(FormatNumber(score.value()));
    }
    table.AddRow(std::move(cells));
  }
  std::cout << table.ToString();
}

// What the measures are in full, where that differs from how they were asked
// for.
void PrintLegend(const std::vector<std::string>& measures,
                 const v1::ScoreResponse& response) {
  Listing legend;
  for (int i = 0; i < response.scores_size(); ++i) {
    const std::string& asked = measures[static_cast<size_t>(i)];
    if (const std::string& full = response.scores(i).measure(); full != asked) {
      legend.Add(asked, absl::StrCat("= ", full));
    }
  }
  const std::string text = legend.ToString();
  std::cout << (text.empty() ? "" : "\n") << text;
}

void PrintWarnings(const std::vector<FileScores>& results) {
  for (const auto& [file, response] : results) {
    for (const v1::Score& score : response.scores()) {
      for (const v1::Warning& warning : score.warnings()) {
        const std::string subject =
            results.size() == 1 ? score.measure()
                                : absl::StrCat(file, ": ", score.measure());
        std::cout << FormatWarning(subject, warning);
      }
    }
  }
}

void PrintProvenance(const v1::Provenance& provenance) {
  std::cout << "\n"
            << provenance.dataset_version() << ", "
            << FormatEnum(provenance.precision()) << " on "
            << provenance.backend() << ", repscore "
            << provenance.server_version() << '\n';
}

Json ResultsToJson(const std::vector<FileScores>& results) {
  Json list = Json::array();
  for (const auto& [file, response] : results) {
    Json entry = {{"file", file}};
    entry.update(ToJson(response));
    list.push_back(std::move(entry));
  }
  return Json{{"results", std::move(list)}};
}

absl::StatusOr<v1::ScoreResponse> ScoreFile(
    client::Client& client,
    const ScoreFlags& flags,
    const std::string& file,
    const std::vector<v1::MeasureSpec>& measures) {
  REPSCORE_ASSIGN_OR_RETURN(const HostArray array, ReadArray(file));
  return client.Score(
      DatasetName(flags.dataset), client::ViewOf(array), measures);
}

// Files that cannot be scored are reported, the others still are scored; the
// last error is the command's.
absl::Status Score(Session& session, const ScoreFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MeasureSpecs(flags.measures, flags.folds_file));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  std::vector<FileScores> results;
  absl::Status last_error;
  for (const std::string& file : flags.files) {
    auto response = ScoreFile(*client, flags, file, measures);
    if (response.ok()) {
      results.push_back({file, *std::move(response)});
      continue;
    }
    if (!last_error.ok()) {
      PrintError(last_error);
    }
    last_error = flags.files.size() == 1 ? response.status()
                                         : WithContext(file, response.status());
  }
  if (results.empty()) {
    return last_error;
  }
  if (session.json()) {
    PrintDocument(ResultsToJson(results));
  } else {
    if (flags.files.size() == 1) {
      PrintMeasures(flags.measures, results.front().response);
    } else {
      PrintFiles(flags.measures, results);
    }
    PrintWarnings(results);
    PrintLegend(flags.measures, results.front().response);
    PrintProvenance(results.front().response.provenance());
  }
  return last_error;
}

}  // namespace

void AddScoreCommand(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("score", "Score arrays against a dataset");
  const auto flags = std::make_shared<ScoreFlags>();
  command->add_option("DATASET", flags->dataset, "NAME or NAME/versions/N")
      ->required();
  command->add_option("FILE", flags->files, "FILE.npy or FILE.npz[:key]")
      ->required();
  command
      ->add_option("-m,--measure",
                   flags->measures,
                   "A measure, as often as wanted; 'repscore measures' lists "
                   "them")
      ->allow_extra_args(false)
      ->capture_default_str();
  command->add_option("--folds",
                      flags->folds_file,
                      "Folds for measures with folds=explicit: FILE.json (a "
                      "list of row numbers per fold) or FILE.npy (the fold of "
                      "every row)");
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Score(session, *flags); };
  });
}

}  // namespace repscore::cli
