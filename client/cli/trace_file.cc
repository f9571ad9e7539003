#include "client/cli/trace_file.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/table.h"

namespace repscore::cli {
namespace {

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

absl::Status CloseFile(std::ofstream& file, const std::string& path) {
  file.close();
  if (file.fail()) {
    return LocalFileError(
        absl::DataLossError(absl::StrCat("cannot write all of ", path)));
  }
  return absl::OkStatus();
}

class CsvTrace final : public TraceFile {
 public:
  CsvTrace(std::string path, std::ofstream file)
      : path_(std::move(path)), file_(std::move(file)) {}

  void Begin(const v1::RunStarted& started) override { started_ = started; }

  void Add(const v1::TracePoint& point) override {
    if (!has_header_) {
      WriteHeader(point.component_r2_size());
      has_header_ = true;
    }
    std::string line = absl::StrCat(point.member(),
                                    ",",
                                    point.step(),
                                    ",",
                                    FormatExactly(point.objective()));
    for (const auto* values : {&point.scores(), &point.tracked()}) {
      AppendNumbers(*values, line);
    }
    AppendNumbers(std::initializer_list<double>{point.gradient_norm(),
                                                point.candidate_norm()},
                  line);
    AppendNumbers(point.component_r2(), line);
    AppendNumbers(point.decoding(), line);
    const int missing = started_.labels_size() - point.decoding_size();
    line.append(static_cast<size_t>(std::max(missing, 0)), ',');
    AppendNumbers(std::initializer_list<double>{point.elapsed_seconds()}, line);
    file_ << line << '\n' << std::flush;
  }

  absl::Status Close() override { return CloseFile(file_, path_); }

 private:
  template <typename Numbers>
  static void AppendNumbers(const Numbers& numbers, std::string& line) {
    for (const double number : numbers) {
      absl::StrAppend(&line, ",", FormatExactly(number));
    }
  }

  void WriteHeader(int components) {
    file_ << "member,step,objective";
    for (const auto* names :
         {&started_.run().measures(), &started_.tracked()}) {
      for (const std::string& name : *names) {
        file_ << ',' << Quoted(name);
      }
    }
    file_ << ",gradient_norm,candidate_norm";
    for (int i = 1; i <= components; ++i) {
      file_ << ",pc" << i << "_r2";
    }
    for (const v1::DecodedLabel& label : started_.labels()) {
      file_ << ',' << Quoted(absl::StrCat(label.label(), "_accuracy"));
    }
    file_ << ",elapsed_seconds\n";
  }

  std::string path_;
  std::ofstream file_;
  v1::RunStarted started_;
  bool has_header_ = false;
};

class JsonTrace final : public TraceFile {
 public:
  JsonTrace(std::string path, std::ofstream file)
      : path_(std::move(path)), file_(std::move(file)) {}

  void Begin(const v1::RunStarted& started) override {
    const v1::Run& run = started.run();
    json_["run"] = run.name();
    json_["dataset_version"] = run.dataset_version();
    json_["measures"] = run.measures();
    json_["tracked"] = started.tracked();
    const Json document = ToJson(started);
    for (const char* key : {"labels", "variance_shares", "members"}) {
      json_[key] = document[key];
    }
  }

  void Add(const v1::TracePoint& point) override {
    points_.push_back(ToJson(point));
  }

  absl::Status Close() override {
    json_["points"] = std::move(points_);
    file_ << json_.dump(1) << '\n';
    return CloseFile(file_, path_);
  }

 private:
  std::string path_;
  std::ofstream file_;
  Json json_ = Json::object();
  Json points_ = Json::array();
};

}  // namespace

absl::StatusOr<std::unique_ptr<TraceFile>> TraceFile::Create(
    const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) {
    return UsageError(absl::StrCat("cannot write ", path));
  }
  std::unique_ptr<TraceFile> trace;
  if (absl::EndsWith(path, ".json")) {
    trace = std::make_unique<JsonTrace>(path, std::move(file));
  } else {
    trace = std::make_unique<CsvTrace>(path, std::move(file));
  }
  return trace;
}

}  // namespace repscore::cli
