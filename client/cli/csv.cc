#include "client/cli/csv.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/failure.h"

namespace repscore::cli {
namespace {

// Takes a text apart, character by character.
class CsvReader {
 public:
  explicit CsvReader(const std::string& text) : text_(text) {}

  absl::StatusOr<std::vector<std::vector<std::string>>> Read() {
    for (position_ = 0; position_ < text_.size(); ++position_) {
      if (is_quoted_) {
        TakeQuoted(text_[position_]);
      } else {
        TakePlain(text_[position_]);
      }
    }
    if (is_quoted_) {
      return UsageError(
          absl::StrCat("the quote in line ", quote_line_, " is not closed"));
    }
    EndLine();
    return std::move(lines_);
  }

 private:
  bool NextIs(char c) const {
    return position_ + 1 < text_.size() && text_[position_ + 1] == c;
  }

  void TakeQuoted(char c) {
    if (c == '"' && NextIs('"')) {
      cell_ += c;
      ++position_;
    } else if (c == '"') {
      is_quoted_ = false;
    } else {
      line_number_ += c == '\n' ? 1 : 0;
      cell_ += c;
    }
  }

  void TakePlain(char c) {
    if (c == '"' && cell_.empty()) {
      is_quoted_ = true;
      was_quoted_ = true;
      quote_line_ = line_number_;
    } else if (c == ',') {
      EndCell();
    } else if (c == '\n') {
      EndLine();
      ++line_number_;
    } else if (c != '\r' || !NextIs('\n')) {
      cell_ += c;
    }
  }

  void EndCell() {
    cells_.push_back(std::exchange(cell_, {}));
    was_quoted_ = false;
  }

  void EndLine() {
    if (cells_.empty() && cell_.empty() && !was_quoted_) {
      return;
    }
    EndCell();
    lines_.push_back(std::exchange(cells_, {}));
  }

  const std::string& text_;
  size_t position_ = 0;
  int line_number_ = 1;
  int quote_line_ = 0;
  bool is_quoted_ = false;
  bool was_quoted_ = false;
  std::string cell_;
  std::vector<std::string> cells_;
  std::vector<std::vector<std::string>> lines_;
};

}  // namespace

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    line += i == 0 ? "" : ",";
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      line += cells[i];
    } else {
      absl::StrAppend(
          &line, "\"", absl::StrReplaceAll(cells[i], {{"\"", "\"\""}}), "\"");
    }
  }
  return line + "\n";
}

absl::StatusOr<std::vector<std::vector<std::string>>> ParseCsv(
    const std::string& text) {
  return CsvReader(text).Read();
}

}  // namespace repscore::cli
