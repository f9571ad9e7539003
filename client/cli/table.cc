#include "client/cli/table.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "client/cpp/array.h"

namespace repscore::cli {
namespace {

// Characters of UTF-8 text: bytes that do not continue one.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(),
      text.end(),
      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); },
      ' ');
  return text;
}

std::string FormatRemark(const std::string& kind,
                         const std::string& subject,
                         const v1::Warning& remark) {
  return absl::StrCat(kind,
                      ": ",
                      OneLine(absl::StrCat(subject, ": ", remark.message())),
                      " (",
                      remark.reason(),
                      ")\n");
}

}  // namespace

Table::Table(std::vector<std::string> header, const std::vector<size_t>& right)
    : rows_{std::move(header)}, is_right_(rows_.front().size(), false) {
  for (const size_t column : right) {
    is_right_[column] = true;
  }
}

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(is_right_.size());
  std::transform(cells.begin(), cells.end(), cells.begin(), OneLine);
  rows_.push_back(std::move(cells));
}

std::string Table::ToString() const {
  std::vector<size_t> widths(is_right_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      absl::StrAppend(&line,
                      i == 0 ? "" : "  ",
                      is_right_[i] ? padding : "",
                      row[i],
                      is_right_[i] ? "" : padding);
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

void Listing::Add(const std::string& key, const std::string& value) {
  if (!value.empty()) {
    lines_.emplace_back(key, OneLine(value));
  }
}

std::string Listing::ToString() const {
  size_t width = 0;
  for (const auto& [key, value] : lines_) {
    width = std::max(width, Width(key));
  }
  std::string text;
  for (const auto& [key, value] : lines_) {
    absl::StrAppend(
        &text, key, std::string(width - Width(key) + 2, ' '), value, "\n");
  }
  return text;
}

std::string FormatNumber(double value) {
  return absl::StrFormat("%.8g", value);
}

std::string FormatFixed(double value) {
  return absl::StrFormat("%.4f", value);
}

std::string FormatShare(double value) {
  return absl::StrFormat("%.3g", value);
}

std::string FormatExactly(double value) {
  std::array<char, 32> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string FormatShape(const v1::TensorSpec& spec) {
  return absl::StrJoin(spec.shape(), " x ");
}

std::string FormatType(const v1::TensorSpec& spec) {
  return std::string(DataTypeName(client::ToArraySpec(spec).type));
}

std::string FormatTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) {
    return "";
  }
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ",
                          absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string FormatEnum(const google::protobuf::EnumDescriptor& type,
                       int value) {
  const auto* descriptor = type.FindValueByNumber(value);
  if (descriptor == nullptr) {
    return absl::StrCat(value);
  }
  const size_t prefix =
      type.value(0)->name().size() - std::string_view("UNSPECIFIED").size();
  return absl::StrReplaceAll(
      absl::AsciiStrToLower(descriptor->name().substr(prefix)), {{"_", " "}});
}

std::vector<size_t> ColumnsBetween(size_t first, size_t end) {
  std::vector<size_t> columns;
  for (size_t i = first; i < end; ++i) {
    columns.push_back(i);
  }
  return columns;
}

std::vector<std::string> ShortNames(
    const google::protobuf::RepeatedPtrField<std::string>& measures) {
  std::map<std::string, int> times;
  std::vector<std::string> names;
  for (const std::string& measure : measures) {
    const std::string name = measure.substr(0, measure.find('('));
    const int number = ++times[name];
    names.push_back(number == 1 ? name : absl::StrCat(name, "#", number));
  }
  return names;
}

std::string Wrap(const std::string& text) {
  constexpr size_t kWidth = 100;
  const std::vector<std::string> words =
      absl::StrSplit(OneLine(text), ' ', absl::SkipEmpty());
  std::string wrapped;
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty() && Width(line) + 1 + Width(word) > kWidth) {
      absl::StrAppend(&wrapped, line, "\n");
      line = absl::StrCat("  ", word);
    } else {
      absl::StrAppend(&line, line.empty() ? "" : " ", word);
    }
  }
  return absl::StrCat(wrapped, line, "\n");
}

std::string FormatWarning(const std::string& subject,
                          const v1::Warning& warning) {
  return FormatRemark("warning", subject, warning);
}

std::string FormatNote(const std::string& subject, const v1::Warning& note) {
  return FormatRemark("note", subject, note);
}

}  // namespace repscore::cli
