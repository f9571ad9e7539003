#include "core/data/dataset.h"

#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "core/base/digest.h"
#include "core/base/status_macros.h"

namespace repscore {
namespace {

std::string_view KindName(AxisKind kind) {
  constexpr std::array<std::string_view, 4> kNames = {
      "time", "condition", "sample", "feature"};
  return kNames[static_cast<size_t>(kind)];
}

/// Length of the well-formed UTF-8 sequence at the front of `text`, without
/// overlong forms, surrogates and code points past U+10FFFF; 0 when there is
/// none.
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char lead = byte(0);
  size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    low = lead == 0xE0 ? 0xA0 : 0x80;
    high = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    low = lead == 0xF0 ? 0x90 : 0x80;
    high = lead == 0xF4 ? 0x8F : 0xBF;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  return length;
}

absl::Status CheckText(std::string_view text, const std::string& field) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8SequenceLength(text.substr(at));
    if (length == 0 || text[at] == '\0') {
      return absl::InvalidArgumentError(absl::StrCat(
          field, ": must be UTF-8 without NUL, is not at byte ", at));
    }
    at += length;
  }
  return absl::OkStatus();
}

std::vector<Axis> DefaultAxes(const std::vector<int64_t>& shape) {
  std::vector<AxisKind> kinds = {AxisKind::kSample, AxisKind::kFeature};
  if (shape.size() == 3) {
    kinds = {AxisKind::kTime, AxisKind::kCondition, AxisKind::kFeature};
  }
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    axes.push_back({.kind = kinds[i], .size = shape[i]});
  }
  return axes;
}

/// What may stand at position `index` of `rank` axes, in words; empty when
/// `kind` may.
std::string_view ExpectedKind(AxisKind kind, size_t index, size_t rank) {
  if (index + 1 == rank) {
    return kind == AxisKind::kFeature ? "" : "feature";
  }
  if (rank == 3 && index == 0) {
    return kind == AxisKind::kTime ? "" : "time";
  }
  const bool is_row = kind == AxisKind::kSample || kind == AxisKind::kCondition;
  return is_row ? "" : "condition or sample";
}

absl::Status CheckAxis(Axis& axis,
                       size_t index,
                       const std::vector<int64_t>& shape) {
  const std::string field = absl::StrCat("axes[", index, "]");
  const std::string_view expected =
      ExpectedKind(axis.kind, index, shape.size());
  if (!expected.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(field,
                     ".kind: must be ",
                     std::string(expected),
                     " at this place of ",
                     shape.size(),
                     " axes, got ",
                     std::string(KindName(axis.kind))));
  }
  if (axis.size == 0) {
    axis.size = shape[index];
  }
  if (axis.size != shape[index]) {
    return absl::InvalidArgumentError(absl::StrCat(field,
                                                   ".size: ",
                                                   axis.size,
                                                   " differs from spec.shape[",
                                                   index,
                                                   "] = ",
                                                   shape[index]));
  }
  if (!axis.coordinates.empty() &&
      static_cast<int64_t>(axis.coordinates.size()) != axis.size) {
    return absl::InvalidArgumentError(absl::StrCat(field,
                                                   ".coordinates: ",
                                                   axis.coordinates.size(),
                                                   " values for an axis of ",
                                                   axis.size));
  }
  if (const int64_t bad = FirstNonFinite(axis.coordinates); bad >= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ".coordinates[", bad, "]: must be finite"));
  }
  return CheckText(axis.unit, absl::StrCat(field, ".unit"));
}

/// `list` is "labels" or "groups".
absl::Status CheckNamedValues(const std::vector<NamedValues>& all,
                              std::string_view list,
                              int64_t expected_size) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < all.size(); ++i) {
    const NamedValues& entry = all[i];
    const std::string field = absl::StrCat(std::string(list), "[", i, "]");
    if (entry.name.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".name: must not be empty"));
    }
    REPSCORE_RETURN_IF_ERROR(
        CheckText(entry.name, absl::StrCat(field, ".name")));
    if (!names.insert(entry.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".name: '", entry.name, "' is there twice"));
    }
    if (static_cast<int64_t>(entry.values.size()) != expected_size) {
      return absl::InvalidArgumentError(absl::StrCat(field,
                                                     ".values: ",
                                                     entry.values.size(),
                                                     " values for ",
                                                     expected_size,
                                                     " conditions or samples"));
    }
    for (size_t j = 0; j < entry.values.size(); ++j) {
      REPSCORE_RETURN_IF_ERROR(
          CheckText(entry.values[j], absl::StrCat(field, ".values[", j, "]")));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRowIds(const std::vector<std::string>& ids,
                         int64_t expected_size) {
  if (ids.empty()) {
    return absl::OkStatus();
  }
  if (static_cast<int64_t>(ids.size()) != expected_size) {
    return absl::InvalidArgumentError(absl::StrCat("row_ids: ",
                                                   ids.size(),
                                                   " values for ",
                                                   expected_size,
                                                   " conditions or samples"));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    REPSCORE_RETURN_IF_ERROR(
        CheckText(ids[i], absl::StrCat("row_ids[", i, "]")));
  }
  return absl::OkStatus();
}

absl::Status CheckMetadata(const DatasetDescription& description) {
  REPSCORE_RETURN_IF_ERROR(
      CheckText(description.display_name, "metadata.display_name"));
  REPSCORE_RETURN_IF_ERROR(
      CheckText(description.description, "metadata.description"));
  REPSCORE_RETURN_IF_ERROR(
      CheckText(description.citation, "metadata.citation"));
  for (const auto& [key, value] : description.attributes) {
    REPSCORE_RETURN_IF_ERROR(CheckText(key, "metadata.attributes"));
    REPSCORE_RETURN_IF_ERROR(
        CheckText(value, absl::StrCat("metadata.attributes[\"", key, "\"]")));
  }
  return absl::OkStatus();
}

/// Feeds a digest with values such that no two sequences of values look alike.
class CanonicalWriter {
 public:
  void Number(int64_t value) { Fixed(static_cast<uint64_t>(value)); }
  void Real(double value) { Fixed(std::bit_cast<uint64_t>(value)); }
  void Text(std::string_view text) {
    Fixed(text.size());
    digest_.Update(text);
  }
  void Named(const std::vector<NamedValues>& all) {
    Fixed(all.size());
    for (const NamedValues& entry : all) {
      Text(entry.name);
      Fixed(entry.values.size());
      for (const std::string& value : entry.values) {
        Text(value);
      }
    }
  }
  std::string HexDigest() { return digest_.HexDigest(); }

 private:
  void Fixed(uint64_t value) {
    std::array<std::byte, sizeof(value)> bytes = {};
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(value >> (8 * i));
    }
    digest_.Update(bytes);
  }

  Sha256 digest_;
};

}  // namespace

absl::Status Normalize(DatasetDescription& description) {
  REPSCORE_RETURN_IF_ERROR(CheckedByteSize(description.spec, "spec").status());
  std::vector<int64_t>& shape = description.spec.shape;
  const size_t given_rank = shape.size();
  if (!description.axes.empty() && description.axes.size() != given_rank) {
    return absl::InvalidArgumentError(absl::StrCat("axes: ",
                                                   description.axes.size(),
                                                   " for spec.shape of rank ",
                                                   given_rank));
  }
  if (given_rank == 1) {
    shape.push_back(1);
    if (!description.axes.empty()) {
      description.axes.push_back({.kind = AxisKind::kFeature, .size = 1});
    }
  }
  if (description.axes.empty()) {
    description.axes = DefaultAxes(shape);
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    REPSCORE_RETURN_IF_ERROR(CheckAxis(description.axes[i], i, shape));
  }
  const int64_t conditions = shape[shape.size() - 2];
  REPSCORE_RETURN_IF_ERROR(
      CheckNamedValues(description.labels, "labels", conditions));
  REPSCORE_RETURN_IF_ERROR(
      CheckNamedValues(description.groups, "groups", conditions));
  REPSCORE_RETURN_IF_ERROR(CheckRowIds(description.row_ids, conditions));
  return CheckMetadata(description);
}

std::string ContentDigest(const DatasetDescription& description,
                          const std::string& data_sha256) {
  CanonicalWriter writer;
  writer.Text("repscore.dataset.v1");
  writer.Text(DataTypeName(description.spec.type));
  writer.Number(static_cast<int64_t>(description.spec.shape.size()));
  for (const int64_t size : description.spec.shape) {
    writer.Number(size);
  }
  writer.Number(static_cast<int64_t>(description.axes.size()));
  for (const Axis& axis : description.axes) {
    writer.Text(KindName(axis.kind));
    writer.Number(axis.size);
    writer.Number(static_cast<int64_t>(axis.coordinates.size()));
    for (const double coordinate : axis.coordinates) {
      writer.Real(coordinate);
    }
    writer.Text(axis.unit);
  }
  writer.Named(description.labels);
  writer.Named(description.groups);
  writer.Text(data_sha256);
  if (!description.row_ids.empty()) {
    writer.Number(static_cast<int64_t>(description.row_ids.size()));
    for (const std::string& id : description.row_ids) {
      writer.Text(id);
    }
  }
  return writer.HexDigest();
}

int64_t Dataset::conditions() const {
  const std::vector<int64_t>& shape = description.spec.shape;
  return shape.size() == 3 ? shape[1] : rows();
}

}  // namespace repscore
