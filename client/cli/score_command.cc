// repscore score

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/context_flags.h"
#include "client/cli/device_flag.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/measure_flags.h"
#include "client/cli/score_table.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "client/cpp/errors.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct ScoreFlags {
  std::string dataset;
  std::vector<std::string> files;
  MeasureFlags measures = {.ids = DefaultMeasures()};
  std::string row_ids_file;
  ContextFlags context;
  std::string device;
};

struct FileArray {
  std::string file;
  HostArray array;
};

struct FileScores {
  std::string file;
  v1::ScoreResponse response;
};

std::optional<std::string> FieldOf(const absl::Status& status) {
  const auto details = client::ErrorDetailsOf(status);
  if (!details.has_value() || details->field_violations.empty()) {
    return std::nullopt;
  }
  return details->field_violations.front().field;
}

// The layer that an error's field names ("layers[2].candidate.spec.shape").
std::optional<size_t> LayerOf(const std::string& field) {
  const std::string prefix = "layers[";
  const size_t end = field.find(']');
  size_t index = 0;
  if (!absl::StartsWith(field, prefix) || end == std::string::npos ||
      !absl::SimpleAtoi(field.substr(prefix.size(), end - prefix.size()),
                        &index)) {
    return std::nullopt;
  }
  return index;
}

// Scores files, those that fit into one message together. Files that cannot be
// scored are reported and the others still are scored.
class FileScorer {
 public:
  FileScorer(client::Client& client,
             const ScoreFlags& flags,
             std::vector<v1::MeasureSpec> measures,
             client::ScoreOptions options)
      : client_(client),
        flags_(flags),
        dataset_(DatasetName(flags.dataset)),
        measures_(std::move(measures)),
        options_(std::move(options)) {}

  /// The last error; the ones before are printed.
  absl::Status ScoreAll() {
    for (const std::string& file : flags_.files) {
      auto array = ReadArray(file);
      if (!array.ok()) {
        Fail(file, array.status());
        continue;
      }
      const size_t size = array->data.size();
      if (batch_bytes_ + size > client::kMaxInlineBytes ||
          batch_.size() == client::kMaxLayers) {
        ScoreBatch();
      }
      batch_bytes_ += size;
      batch_.push_back({file, *std::move(array)});
    }
    ScoreBatch();
    return last_error_;
  }

  const std::vector<FileScores>& results() const { return results_; }

 private:
  void ScoreBatch() {
    std::vector<FileArray> batch = std::exchange(batch_, {});
    batch_bytes_ = 0;
    while (batch.size() > 1) {
      const absl::Status status = ScoreTogether(batch);
      if (status.ok()) {
        return;
      }
      const std::optional<std::string> field = FieldOf(status);
      const std::optional<size_t> layer =
          field.has_value() ? LayerOf(*field) : std::nullopt;
      if (layer.has_value() && *layer < batch.size()) {
        Fail(batch[*layer].file, status);
        batch.erase(batch.begin() + static_cast<std::ptrdiff_t>(*layer));
      } else if (field.has_value() || IsAboutTheCall(status)) {
        Fail("", status);
        return;
      } else {
        break;
      }
    }
    for (const FileArray& file : batch) {
      ScoreOne(file);
    }
  }

  // Whether the same candidates one by one would fare no better.
  static bool IsAboutTheCall(const absl::Status& status) {
    return absl::IsUnavailable(status) || absl::IsCancelled(status) ||
           absl::IsDeadlineExceeded(status) || absl::IsNotFound(status) ||
           absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
  }

  absl::Status ScoreTogether(const std::vector<FileArray>& batch) {
    std::vector<client::NamedArray> layers;
    layers.reserve(batch.size());
    for (const auto& [file, array] : batch) {
      layers.push_back({file, client::ViewOf(array)});
    }
    REPSCORE_ASSIGN_OR_RETURN(
        v1::ScoreResponse response,
        client_.ScoreLayers(dataset_, layers, measures_, options_));
    if (static_cast<size_t>(response.layers_size()) != batch.size()) {
      return absl::InternalError(absl::StrCat("the server scored ",
                                              response.layers_size(),
                                              " of ",
                                              batch.size(),
                                              " arrays"));
    }
    for (int i = 0; i < response.layers_size(); ++i) {
      v1::LayerScores& layer = *response.mutable_layers(i);
      v1::ScoreResponse one;
      one.mutable_scores()->Swap(layer.mutable_scores());
      one.mutable_candidate()->Swap(layer.mutable_candidate());
      *one.mutable_provenance() = response.provenance();
      if (response.has_reference()) {
        *one.mutable_reference() = response.reference();
      }
      results_.push_back({batch[static_cast<size_t>(i)].file, std::move(one)});
    }
    return absl::OkStatus();
  }

  void ScoreOne(const FileArray& file) {
    auto response = client_.Score(
        dataset_, client::ViewOf(file.array), measures_, options_);
    if (response.ok()) {
      results_.push_back({file.file, *std::move(response)});
    } else {
      Fail(file.file, response.status());
    }
  }

  void Fail(const std::string& file, const absl::Status& status) {
    if (!last_error_.ok()) {
      PrintError(last_error_);
    }
    const bool in_context = !file.empty() && flags_.files.size() > 1;
    last_error_ = in_context ? WithContext(file, status) : status;
  }

  client::Client& client_;
  const ScoreFlags& flags_;
  std::string dataset_;
  std::vector<v1::MeasureSpec> measures_;
  client::ScoreOptions options_;

  std::vector<FileArray> batch_;
  size_t batch_bytes_ = 0;
  std::vector<FileScores> results_;
  absl::Status last_error_;
};

void PrintTables(const ScoreFlags& flags,
                 const std::vector<FileScores>& results) {
  std::vector<CandidateScores> candidates;
  candidates.reserve(results.size());
  for (const auto& [file, response] : results) {
    candidates.push_back(
        {file, {response.scores().begin(), response.scores().end()}});
  }
  PrintScores(flags.measures.ids,
              candidates,
              flags.files.size() == 1 ? Rows::kMeasures : Rows::kCandidates);
  const v1::ScoreResponse& first = results.front().response;
  std::string subject = first.provenance().dataset_version();
  if (first.has_reference()) {
    absl::StrAppend(&subject,
                    " (",
                    first.reference().rows(),
                    " x ",
                    first.reference().features(),
                    ", effective dimensionality ",
                    FormatNumber(first.reference().effective_dimensionality()),
                    ")");
  }
  PrintProvenance(subject, first.provenance());
}

Json ResultsToJson(const std::vector<FileScores>& results) {
  Json list = Json::array();
  for (const auto& [file, response] : results) {
    Json entry = {{"file", file}};
    entry.update(ToJson(response));
    entry.erase("layers");
    list.push_back(std::move(entry));
  }
  return Json{{"results", std::move(list)}};
}

absl::Status Score(Session& session, const ScoreFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MakeMeasures(flags.measures));
  client::ScoreOptions options;
  REPSCORE_ASSIGN_OR_RETURN(options.context, MakeContext(flags.context));
  options.device = flags.device;
  if (!flags.row_ids_file.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(options.row_ids, ReadLines(flags.row_ids_file));
  }
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  FileScorer scorer(*client, flags, measures, std::move(options));
  absl::Status last_error = scorer.ScoreAll();
  if (scorer.results().empty()) {
    return last_error;
  }
  if (session.json()) {
    PrintDocument(ResultsToJson(scorer.results()));
  } else {
    PrintTables(flags, scorer.results());
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
  AddMeasureFlags(*command, flags->measures);
  command->add_option("--row-ids",
                      flags->row_ids_file,
                      "FILE with the id of every condition (or row) of the "
                      "arrays, one per line, as the dataset was registered "
                      "with");
  AddDatasetContextFlags(*command, flags->context);
  AddDeviceFlag(*command, flags->device);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Score(session, *flags); };
  });
}

}  // namespace repscore::cli
