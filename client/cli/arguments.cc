#include "client/cli/arguments.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/failure.h"
#include "client/cli/table.h"
#include "client/cpp/array.h"
#include "core/base/status_macros.h"
#include "core/data/npy.h"

namespace repscore::cli {
namespace {

std::string WithCollection(const std::string& collection,
                           const std::string& word) {
  return absl::StartsWith(word, collection) ? word : collection + word;
}

absl::StatusOr<std::pair<std::string, std::string>> SplitAt(
    const std::string& word, size_t position) {
  if (position == std::string::npos || position == 0 ||
      position + 1 == word.size()) {
    return UsageError(
        absl::StrCat("expected NAME=VALUE instead of '", word, "'"));
  }
  return std::make_pair(word.substr(0, position), word.substr(position + 1));
}

bool IsArrayFile(const std::string& path) {
  return absl::EndsWith(path, ".npy") || absl::EndsWith(path, ".npz") ||
         absl::StrContains(path, ".npz:");
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) {
    if (absl::EndsWith(line, "\r")) {
      line.pop_back();
    }
  }
  if (lines.back().empty()) {
    lines.pop_back();
  }
  return lines;
}

bool IsRowList(const nlohmann::json& rows) {
  return rows.is_array() &&
         std::all_of(rows.begin(), rows.end(), [](const auto& row) {
           return row.is_number_integer();
         });
}

bool IsRowPair(const nlohmann::json& fold) {
  return fold.is_object() && fold.size() == 2 && fold.contains("validation") &&
         fold.contains("training") && IsRowList(fold["validation"]) &&
         IsRowList(fold["training"]);
}

v1::RowIndices ToRows(const nlohmann::json& list) {
  v1::RowIndices rows;
  for (const auto& row : list) {
    rows.add_rows(row.get<int64_t>());
  }
  return rows;
}

absl::StatusOr<Folds> FoldsFromJson(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  Folds folds;
  if (json.is_array() && std::all_of(json.begin(), json.end(), IsRowList)) {
    for (const auto& rows : json) {
      folds.validation.push_back(ToRows(rows));
    }
    return folds;
  }
  if (json.is_array() && std::all_of(json.begin(), json.end(), IsRowPair)) {
    for (const auto& fold : json) {
      folds.validation.push_back(ToRows(fold["validation"]));
      folds.training.push_back(ToRows(fold["training"]));
    }
    return folds;
  }
  return UsageError(absl::StrCat(
      path,
      ": expected a JSON list with one list of row numbers, or one "
      "{\"validation\": [...], \"training\": [...]}, per fold"));
}

absl::StatusOr<Folds> FoldsFromArray(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<double> fold_of_row,
                            ReadNumbers(path));
  std::map<int64_t, v1::RowIndices> folds;
  for (size_t row = 0; row < fold_of_row.size(); ++row) {
    if (std::trunc(fold_of_row[row]) != fold_of_row[row]) {
      return UsageError(
          absl::StrCat(path, ": fold of row ", row, " is not a whole number"));
    }
    if (fold_of_row[row] >= 0) {
      folds[static_cast<int64_t>(fold_of_row[row])].add_rows(
          static_cast<int64_t>(row));
    }
  }
  Folds result;
  result.validation.reserve(folds.size());
  for (auto& [index, rows] : folds) {
    result.validation.push_back(std::move(rows));
  }
  return result;
}

}  // namespace

std::string DatasetName(const std::string& word) {
  return WithCollection("datasets/", word);
}

std::string RunName(const std::string& word) {
  return WithCollection("runs/", word);
}

absl::StatusOr<std::pair<std::string, std::string>> SplitAtLastEquals(
    const std::string& word) {
  return SplitAt(word, word.rfind('='));
}

absl::StatusOr<std::pair<std::string, std::string>> SplitAtFirstEquals(
    const std::string& word) {
  return SplitAt(word, word.find('='));
}

absl::StatusOr<double> ParseNumber(const std::string& word) {
  double value = 0.0;
  if (!absl::SimpleAtod(word, &value)) {
    return UsageError(absl::StrCat("'", word, "' is not a number"));
  }
  return value;
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || (file.peek() != EOF && !(text << file.rdbuf()))) {
    return UsageError(absl::StrCat("cannot read ", path));
  }
  return text.str();
}

absl::StatusOr<std::vector<std::string>> ReadLines(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  std::vector<std::string> lines = Lines(text);
  if (lines.empty()) {
    return UsageError(absl::StrCat(path, " is empty"));
  }
  return lines;
}

absl::StatusOr<v1::TensorSpec> ParseTensorSpec(const std::string& shape,
                                               const std::string& type) {
  ArraySpec spec;
  const auto element = ParseDataType(type);
  if (!element.ok()) {
    return LocalFileError(element.status());
  }
  spec.type = *element;
  const std::vector<std::string> words = absl::StrSplit(shape, 'x');
  for (const std::string& word : words) {
    if (!absl::SimpleAtoi(word, &spec.shape.emplace_back())) {
      return UsageError(absl::StrCat(
          "expected a shape such as 3200x4096 instead of '", shape, "'"));
    }
  }
  return client::ToTensorSpec(spec);
}

absl::StatusOr<HostArray> ReadArray(const std::string& path) {
  auto array = ReadArrayFile(path);
  if (!array.ok()) {
    return LocalFileError(array.status());
  }
  return array;
}

absl::StatusOr<std::vector<double>> ReadNumbers(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const HostArray array, ReadArray(path));
  if (array.spec.shape.size() != 1) {
    return UsageError(absl::StrCat(
        path, ": expected a list of numbers, not ", ToString(array.spec)));
  }
  std::vector<double> values(static_cast<size_t>(array.spec.shape[0]));
  ConvertToDouble(array.spec.type, array.data, absl::MakeSpan(values));
  return values;
}

absl::StatusOr<std::vector<std::string>> ParseValues(const std::string& word) {
  std::error_code error;
  if (IsArrayFile(word)) {
    REPSCORE_ASSIGN_OR_RETURN(const std::vector<double> numbers,
                              ReadNumbers(word));
    std::vector<std::string> values;
    values.reserve(numbers.size());
    for (const double number : numbers) {
      values.push_back(FormatExactly(number));
    }
    return values;
  }
  if (std::filesystem::is_regular_file(word, error)) {
    REPSCORE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(word));
    return Lines(text);
  }
  return std::vector<std::string>(absl::StrSplit(word, ','));
}

absl::StatusOr<Folds> ReadFolds(const std::string& path) {
  return IsArrayFile(path) ? FoldsFromArray(path) : FoldsFromJson(path);
}

absl::StatusOr<std::vector<v1::MeasureSpec>> MeasureSpecs(
    const std::vector<std::string>& ids, const std::string& folds_path) {
  Folds folds;
  if (!folds_path.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(folds, ReadFolds(folds_path));
  }
  bool used = folds_path.empty();
  std::vector<v1::MeasureSpec> specs;
  for (const std::string& id : ids) {
    v1::MeasureSpec& spec = specs.emplace_back();
    spec.set_id(id);
    if (absl::StrContains(id, "folds=explicit")) {
      spec.mutable_explicit_folds()->Assign(folds.validation.begin(),
                                            folds.validation.end());
      spec.mutable_explicit_training()->Assign(folds.training.begin(),
                                               folds.training.end());
      used = true;
    }
  }
  if (!used) {
    return UsageError("--folds is for measures with folds=explicit");
  }
  return specs;
}

}  // namespace repscore::cli
