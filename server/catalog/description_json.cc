#include "server/catalog/description_json.h"

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace repscore::server {
namespace {

using Json = nlohmann::json;

Json NamedToJson(const std::vector<NamedValues>& all) {
  Json json = Json::array();
  for (const NamedValues& entry : all) {
    json.push_back({{"name", entry.name}, {"values", entry.values}});
  }
  return json;
}

std::vector<NamedValues> NamedFromJson(const Json& json) {
  std::vector<NamedValues> all;
  for (const Json& entry : json) {
    all.push_back({entry.at("name").get<std::string>(),
                   entry.at("values").get<std::vector<std::string>>()});
  }
  return all;
}

Json AxesToJson(const std::vector<Axis>& axes) {
  Json json = Json::array();
  for (const Axis& axis : axes) {
    json.push_back({{"kind", static_cast<int>(axis.kind)},
                    {"size", axis.size},
                    {"coordinates", axis.coordinates},
                    {"unit", axis.unit}});
  }
  return json;
}

std::vector<Axis> AxesFromJson(const Json& json) {
  std::vector<Axis> axes;
  for (const Json& axis : json) {
    axes.push_back({static_cast<AxisKind>(axis.at("kind").get<int>()),
                    axis.at("size").get<int64_t>(),
                    axis.at("coordinates").get<std::vector<double>>(),
                    axis.at("unit").get<std::string>()});
  }
  return axes;
}

DatasetDescription DescriptionFromJson(const Json& json) {
  DatasetDescription description;
  description.spec.shape = json.at("shape").get<std::vector<int64_t>>();
  description.axes = AxesFromJson(json.at("axes"));
  description.labels = NamedFromJson(json.at("labels"));
  description.groups = NamedFromJson(json.at("groups"));
  if (const auto ids = json.find("row_ids"); ids != json.end()) {
    description.row_ids = ids->get<std::vector<std::string>>();
  }
  description.display_name = json.at("display_name").get<std::string>();
  description.description = json.at("description").get<std::string>();
  description.citation = json.at("citation").get<std::string>();
  description.attributes =
      json.at("attributes").get<std::map<std::string, std::string>>();
  return description;
}

absl::Status Damaged(const std::string& why) {
  return absl::DataLossError(
      absl::StrCat("the database holds a damaged description: ", why));
}

}  // namespace

std::string ToJson(const DatasetDescription& description) {
  Json json = {{"data_type", std::string(DataTypeName(description.spec.type))},
               {"shape", description.spec.shape},
               {"axes", AxesToJson(description.axes)},
               {"labels", NamedToJson(description.labels)},
               {"groups", NamedToJson(description.groups)},
               {"display_name", description.display_name},
               {"description", description.description},
               {"citation", description.citation},
               {"attributes", description.attributes}};
  if (!description.row_ids.empty()) {
    json["row_ids"] = description.row_ids;
  }
  return json.dump();
}

absl::StatusOr<DatasetDescription> FromJson(const std::string& json) {
  try {
    const Json parsed = Json::parse(json);
    DatasetDescription description = DescriptionFromJson(parsed);
    REPSCORE_ASSIGN_OR_RETURN(
        description.spec.type,
        ParseDataType(parsed.at("data_type").get<std::string>()));
    if (const absl::Status status = Normalize(description); !status.ok()) {
      return Damaged(status.ToString());
    }
    return description;
  } catch (const Json::exception& error) {
    return Damaged(error.what());
  }
}

}  // namespace repscore::server
