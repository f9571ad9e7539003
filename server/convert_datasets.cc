#include "server/convert_datasets.h"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr size_t kNameBytes = 512;
constexpr size_t kValueBytes = 4096;
constexpr size_t kDescriptionBytes = 64 << 10;

absl::StatusOr<AxisKind> ToAxisKind(v1::AxisKind kind,
                                    AxisKind default_kind,
                                    const std::string& field) {
  switch (kind) {
    case v1::AXIS_KIND_UNSPECIFIED:
      return default_kind;
    case v1::AXIS_KIND_TIME:
      return AxisKind::kTime;
    case v1::AXIS_KIND_CONDITION:
      return AxisKind::kCondition;
    case v1::AXIS_KIND_SAMPLE:
      return AxisKind::kSample;
    case v1::AXIS_KIND_FEATURE:
      return AxisKind::kFeature;
    default:
      return FieldError(
          field,
          absl::StrCat("has the unknown value ", static_cast<int>(kind)));
  }
}

v1::AxisKind ToProto(AxisKind kind) {
  switch (kind) {
    case AxisKind::kTime:
      return v1::AXIS_KIND_TIME;
    case AxisKind::kCondition:
      return v1::AXIS_KIND_CONDITION;
    case AxisKind::kSample:
      return v1::AXIS_KIND_SAMPLE;
    case AxisKind::kFeature:
      return v1::AXIS_KIND_FEATURE;
  }
  return v1::AXIS_KIND_UNSPECIFIED;
}

AxisKind DefaultAxisKind(int index, int rank) {
  if (index == rank - 1) {
    return AxisKind::kFeature;
  }
  if (rank == 3) {
    return index == 0 ? AxisKind::kTime : AxisKind::kCondition;
  }
  return AxisKind::kSample;
}

template <typename Named>
absl::StatusOr<std::vector<NamedValues>> ToNamedValues(
    const google::protobuf::RepeatedPtrField<Named>& all,
    const std::string& field) {
  std::vector<NamedValues> result;
  result.reserve(static_cast<size_t>(all.size()));
  for (int i = 0; i < all.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    REPSCORE_RETURN_IF_ERROR(
        CheckText(all[i].name(), path + ".name", kNameBytes));
    for (const std::string& value : all[i].values()) {
      REPSCORE_RETURN_IF_ERROR(CheckText(value, path + ".values", kValueBytes));
    }
    result.push_back(
        {.name = all[i].name(),
         .values = {all[i].values().begin(), all[i].values().end()}});
  }
  return result;
}

absl::Status ReadAxes(const v1::RegisterDatasetHeader& header,
                      DatasetDescription& description) {
  for (int i = 0; i < header.axes_size(); ++i) {
    const v1::Axis& axis = header.axes(i);
    const std::string path = absl::StrCat("axes[", i, "]");
    REPSCORE_ASSIGN_OR_RETURN(const AxisKind kind,
                              ToAxisKind(axis.kind(),
                                         DefaultAxisKind(i, header.axes_size()),
                                         path + ".kind"));
    REPSCORE_RETURN_IF_ERROR(
        CheckText(axis.unit(), path + ".unit", kNameBytes));
    description.axes.push_back(
        {.kind = kind,
         .size = axis.size(),
         .coordinates = {axis.coordinates().begin(), axis.coordinates().end()},
         .unit = axis.unit()});
  }
  return absl::OkStatus();
}

absl::Status ReadMetadata(const v1::DatasetMetadata& metadata,
                          DatasetDescription& description) {
  REPSCORE_RETURN_IF_ERROR(
      CheckText(metadata.display_name(), "metadata.display_name", kNameBytes));
  REPSCORE_RETURN_IF_ERROR(CheckText(
      metadata.description(), "metadata.description", kDescriptionBytes));
  REPSCORE_RETURN_IF_ERROR(
      CheckText(metadata.citation(), "metadata.citation", kDescriptionBytes));
  description.display_name = metadata.display_name();
  description.description = metadata.description();
  description.citation = metadata.citation();
  for (const auto& [key, value] : metadata.attributes()) {
    REPSCORE_RETURN_IF_ERROR(CheckText(key, "metadata.attributes", kNameBytes));
    REPSCORE_RETURN_IF_ERROR(
        CheckText(value, "metadata.attributes", kDescriptionBytes));
    description.attributes[key] = value;
  }
  return absl::OkStatus();
}

/// Rows once repetitions are averaged.
int64_t ScoredRows(const DatasetDescription& description) {
  const int64_t rows = RowCount(description.spec);
  const auto conditions = static_cast<int64_t>(description.row_ids.size());
  if (conditions == 0) {
    return rows;
  }
  const std::set<std::string> distinct(description.row_ids.begin(),
                                       description.row_ids.end());
  return rows / conditions * static_cast<int64_t>(distinct.size());
}

template <typename Named>
void AddNamedValues(const std::vector<NamedValues>& all,
                    google::protobuf::RepeatedPtrField<Named>* out) {
  for (const NamedValues& named : all) {
    Named* item = out->Add();
    item->set_name(named.name);
    *item->mutable_values() = {named.values.begin(), named.values.end()};
  }
}

}  // namespace

absl::StatusOr<DatasetDescription> ToDescription(
    const v1::RegisterDatasetHeader& header) {
  DatasetDescription description;
  REPSCORE_ASSIGN_OR_RETURN(description.spec,
                            ToArraySpec(header.spec(), "spec"));
  REPSCORE_RETURN_IF_ERROR(ReadAxes(header, description));
  REPSCORE_ASSIGN_OR_RETURN(description.labels,
                            ToNamedValues(header.labels(), "labels"));
  REPSCORE_ASSIGN_OR_RETURN(description.groups,
                            ToNamedValues(header.groups(), "groups"));
  REPSCORE_ASSIGN_OR_RETURN(description.row_ids, ToRowIds(header.row_ids()));
  REPSCORE_RETURN_IF_ERROR(ReadMetadata(header.metadata(), description));
  return description;
}

v1::Dataset ToProto(const DatasetRecord& record) {
  const DatasetDescription& description = record.description;
  v1::Dataset result;
  result.set_name(record.Name());
  result.set_version(record.version);
  result.set_digest(record.digest);
  *result.mutable_spec() = ToProto(description.spec);
  for (const Axis& axis : description.axes) {
    v1::Axis* item = result.add_axes();
    item->set_kind(ToProto(axis.kind));
    item->set_size(axis.size);
    *item->mutable_coordinates() = {axis.coordinates.begin(),
                                    axis.coordinates.end()};
    item->set_unit(axis.unit);
  }
  AddNamedValues(description.labels, result.mutable_labels());
  AddNamedValues(description.groups, result.mutable_groups());
  v1::DatasetMetadata* metadata = result.mutable_metadata();
  metadata->set_display_name(description.display_name);
  metadata->set_description(description.description);
  metadata->set_citation(description.citation);
  for (const auto& [key, value] : description.attributes) {
    (*metadata->mutable_attributes())[key] = value;
  }
  SetTimestamp(record.create_time_micros, result.mutable_create_time());
  result.set_rows(RowCount(description.spec));
  result.set_features(FeatureCount(description.spec));
  *result.mutable_row_ids() = {description.row_ids.begin(),
                               description.row_ids.end()};
  result.set_scored_rows(ScoredRows(description));
  return result;
}

}  // namespace repscore::server
