// Text for people: aligned tables, numbers, names of enumerators.
#ifndef REPSCORE_CLIENT_CLI_TABLE_H_
#define REPSCORE_CLIENT_CLI_TABLE_H_

#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "repscore/v1/types.pb.h"

namespace repscore::cli {

/// Columns separated by two blanks. Control characters become blanks.
class Table {
 public:
  /// Column names; the ones in `right` (by index) are aligned to the right.
  explicit Table(std::vector<std::string> header,
                 const std::vector<size_t>& right = {});

  /// As many cells as there are columns.
  void AddRow(std::vector<std::string> cells);

  bool empty() const { return rows_.size() == 1; }
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> is_right_;
};

/// Lines "key    value" with the values under each other.
class Listing {
 public:
  /// Lines without a value are left out.
  void Add(const std::string& key, const std::string& value);

  std::string ToString() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

/// Eight significant digits.
std::string FormatNumber(double value);

/// Four decimals, for scores and accuracies in tables of many.
std::string FormatFixed(double value);

/// Three significant digits, for shares of variance.
std::string FormatShare(double value);

/// Fewest digits that read back as the same number.
std::string FormatExactly(double value);

/// "968 x 141"
std::string FormatShape(const v1::TensorSpec& spec);

/// "float32"
std::string FormatType(const v1::TensorSpec& spec);

/// "2026-03-01 12:00:00Z", empty for a time that is not set.
std::string FormatTime(const google::protobuf::Timestamp& time);

/// RUN_STATE_QUEUED is "queued", STOP_REASON_MAX_STEPS "max steps".
std::string FormatEnum(const google::protobuf::EnumDescriptor& type, int value);

template <typename Enum>
std::string FormatEnum(Enum value) {
  return FormatEnum(*google::protobuf::GetEnumDescriptor<Enum>(), value);
}

/// "warning: SUBJECT: MESSAGE (REASON)" and a line end.
std::string FormatWarning(const std::string& subject,
                          const v1::Warning& warning);

/// Column indices from `first` to the one before `end`.
std::vector<size_t> ColumnsBetween(size_t first, size_t end);

/// Measures without their parameters; names that would be the same get a
/// number: "cka", "ridge_r2", "ridge_r2#2".
std::vector<std::string> ShortNames(
    const google::protobuf::RepeatedPtrField<std::string>& measures);

/// Words of `text` in lines of at most 100 characters, the second and later
/// ones indented by two.
std::string Wrap(const std::string& text);

/// As FormatWarning, with "note: ".
std::string FormatNote(const std::string& subject, const v1::Warning& note);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_TABLE_H_
