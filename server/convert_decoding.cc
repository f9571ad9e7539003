#include "server/convert_decoding.h"

#include <cmath>
#include <cstddef>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr size_t kLabelBytes = 512;
constexpr int kMaxLabels = 256;
constexpr int32_t kFewestFolds = 2;

/// Indices of the first condition of every id.
std::vector<size_t> FirstOfEach(const std::vector<std::string>& ids) {
  std::set<std::string> seen;
  std::vector<size_t> first;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (seen.insert(ids[i]).second) {
      first.push_back(i);
    }
  }
  return first;
}

void Keep(const std::vector<size_t>& indices,
          std::vector<std::string>& values) {
  std::vector<std::string> kept;
  kept.reserve(indices.size());
  for (const size_t index : indices) {
    if (index < values.size()) {
      kept.push_back(values[index]);
    }
  }
  values = std::move(kept);
}

const NamedValues* FindLabel(const Dataset& dataset, const std::string& name) {
  for (const NamedValues& label : dataset.description.labels) {
    if (label.name == name) {
      return &label;
    }
  }
  return nullptr;
}

}  // namespace

Dataset ScoredShape(const DatasetDescription& description) {
  Dataset shape;
  shape.name = "the dataset";
  shape.description = description;
  const std::vector<size_t> first = FirstOfEach(description.row_ids);
  if (first.size() == description.row_ids.size()) {
    return shape;
  }
  DatasetDescription& kept = shape.description;
  Keep(first, kept.row_ids);
  for (NamedValues& label : kept.labels) {
    Keep(first, label.values);
  }
  for (NamedValues& group : kept.groups) {
    Keep(first, group.values);
  }
  const size_t axis = kept.spec.shape.size() == 3 ? 1 : 0;
  kept.spec.shape[axis] = static_cast<int64_t>(first.size());
  if (axis < kept.axes.size()) {
    kept.axes[axis].size = kept.spec.shape[axis];
    kept.axes[axis].coordinates.clear();
  }
  return shape;
}

absl::StatusOr<DecodingOptions> ToDecodingOptions(
    const v1::DecodingOptions& wire, const std::string& field) {
  DecodingOptions options;
  if (wire.has_folds()) {
    options.folds = wire.folds();
  }
  if (options.folds < kFewestFolds) {
    return FieldError(
        field + ".folds",
        absl::StrCat(
            "must be at least ", kFewestFolds, ", is ", options.folds));
  }
  options.seed = wire.seed();
  if (wire.has_c()) {
    options.c = wire.c();
  }
  if (!(options.c > 0.0) || !std::isfinite(options.c)) {
    return FieldError(field + ".c",
                      absl::StrCat("must be positive, is ", options.c));
  }
  options.per_time_bin = !wire.pool_time_bins();
  REPSCORE_RETURN_IF_ERROR(
      CheckText(wire.folds_of(), field + ".folds_of", kLabelBytes));
  options.folds_of = wire.folds_of();
  if (wire.labels_size() > kMaxLabels) {
    return FieldError(field + ".labels",
                      absl::StrCat("has ",
                                   wire.labels_size(),
                                   " labels, at most ",
                                   kMaxLabels,
                                   " are allowed"));
  }
  std::set<std::string> seen;
  for (int i = 0; i < wire.labels_size(); ++i) {
    const std::string path = absl::StrCat(field, ".labels[", i, "]");
    REPSCORE_RETURN_IF_ERROR(CheckText(wire.labels(i), path, kLabelBytes));
    if (!seen.insert(wire.labels(i)).second) {
      return FieldError(
          path, absl::StrCat(Quoted(wire.labels(i)), " is there twice"));
    }
  }
  return options;
}

absl::Status CheckDecoding(const v1::DecodingOptions& wire,
                           const Dataset& dataset,
                           const std::string& field) {
  REPSCORE_ASSIGN_OR_RETURN(const DecodingOptions options,
                            ToDecodingOptions(wire, field));
  if (!wire.labels().empty()) {
    return MakeDecoders(dataset,
                        {wire.labels().begin(), wire.labels().end()},
                        options,
                        field)
        .status();
  }
  // Labels that cannot be decoded are left out; a name that is wrong is not.
  if (!wire.folds_of().empty() &&
      FindLabel(dataset, wire.folds_of()) == nullptr) {
    return FieldError(
        field + ".folds_of",
        absl::StrCat("there is no label ", Quoted(wire.folds_of())));
  }
  return absl::OkStatus();
}

std::vector<std::string> LabelsToDecode(const v1::DecodingOptions& wire,
                                        const Dataset& dataset) {
  if (!wire.labels().empty()) {
    return {wire.labels().begin(), wire.labels().end()};
  }
  std::vector<std::string> labels;
  const auto options = ToDecodingOptions(wire, "decoding");
  if (options.ok()) {
    const auto decodable = MakeDecoders(dataset, {}, *options, "decoding");
    if (decodable.ok()) {
      for (const auto& decoder : decodable->decoders) {
        labels.push_back(decoder->label());
      }
    }
  }
  return labels;
}

v1::DecodedLabel ToProto(const DecodedLabel& label) {
  v1::DecodedLabel result;
  result.set_label(label.label);
  result.set_classes(static_cast<int32_t>(label.classes));
  result.set_chance(label.chance);
  result.set_reference_accuracy(label.reference_accuracy);
  return result;
}

DecodedLabel FromProto(const v1::DecodedLabel& label) {
  return {.label = label.label(),
          .classes = label.classes(),
          .chance = label.chance(),
          .reference_accuracy = label.reference_accuracy()};
}

}  // namespace repscore::server
