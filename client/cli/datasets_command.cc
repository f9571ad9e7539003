// repscore datasets register|list|show|delete

#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/plan_flags.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct RegisterFlags {
  std::string dataset_id;
  std::string file;
  std::string axes;
  std::vector<std::string> labels;
  std::vector<std::string> groups;
  std::string display_name;
  std::string description;
  std::string citation;
  std::vector<std::string> attributes;
  std::string time_coordinates_file;
  std::string time_unit = "ms";
  std::string row_ids_file;
  std::vector<std::string> calibrated;
  PlanFlags calibration;
};

absl::StatusOr<v1::AxisKind> ParseAxisKind(const std::string& word) {
  if (word == "time") {
    return v1::AXIS_KIND_TIME;
  }
  if (word == "condition") {
    return v1::AXIS_KIND_CONDITION;
  }
  if (word == "sample") {
    return v1::AXIS_KIND_SAMPLE;
  }
  if (word == "neuron" || word == "feature") {
    return v1::AXIS_KIND_FEATURE;
  }
  return UsageError(absl::StrCat(
      "axis '", word, "' is none of time, condition, sample, neuron, feature"));
}

// Empty when the server's defaults are to hold.
absl::StatusOr<std::vector<v1::Axis>> MakeAxes(const RegisterFlags& flags,
                                               const ArraySpec& spec) {
  std::string words = flags.axes;
  if (words.empty() && !flags.time_coordinates_file.empty()) {
    words = "time,condition,neuron";
  }
  std::vector<v1::Axis> axes;
  if (words.empty()) {
    return axes;
  }
  bool has_time = false;
  const std::vector<std::string> kinds = absl::StrSplit(words, ',');
  for (const std::string& word : kinds) {
    v1::Axis axis;
    REPSCORE_ASSIGN_OR_RETURN(const v1::AxisKind kind, ParseAxisKind(word));
    axis.set_kind(kind);
    if (axes.size() < spec.shape.size()) {
      axis.set_size(spec.shape[axes.size()]);
    }
    if (kind == v1::AXIS_KIND_TIME && !flags.time_coordinates_file.empty()) {
      REPSCORE_ASSIGN_OR_RETURN(const std::vector<double> times,
                                ReadNumbers(flags.time_coordinates_file));
      axis.mutable_coordinates()->Assign(times.begin(), times.end());
      axis.set_unit(flags.time_unit);
    }
    has_time = has_time || kind == v1::AXIS_KIND_TIME;
    axes.push_back(std::move(axis));
  }
  if (!flags.time_coordinates_file.empty() && !has_time) {
    return UsageError("--time-coordinates needs a time axis");
  }
  return axes;
}

template <typename NamedValues>
absl::StatusOr<std::vector<NamedValues>> MakeNamedValues(
    const std::vector<std::string>& words) {
  std::vector<NamedValues> result;
  for (const std::string& word : words) {
    REPSCORE_ASSIGN_OR_RETURN(const auto parts, SplitAtFirstEquals(word));
    REPSCORE_ASSIGN_OR_RETURN(const std::vector<std::string> values,
                              ParseValues(parts.second));
    NamedValues& named = result.emplace_back();
    named.set_name(parts.first);
    named.mutable_values()->Assign(values.begin(), values.end());
  }
  return result;
}

std::string FormatSpec(const v1::TensorSpec& spec) {
  return absl::StrCat(FormatType(spec), " [", FormatShape(spec), "]");
}

absl::StatusOr<client::RegisterDatasetOptions> MakeOptions(
    const RegisterFlags& flags, const ArraySpec& spec) {
  client::RegisterDatasetOptions options;
  options.dataset_id = flags.dataset_id;
  REPSCORE_ASSIGN_OR_RETURN(options.axes, MakeAxes(flags, spec));
  REPSCORE_ASSIGN_OR_RETURN(options.labels,
                            MakeNamedValues<v1::Label>(flags.labels));
  REPSCORE_ASSIGN_OR_RETURN(options.groups,
                            MakeNamedValues<v1::Group>(flags.groups));
  if (!flags.row_ids_file.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(options.row_ids, ReadLines(flags.row_ids_file));
  }
  options.metadata.set_display_name(flags.display_name);
  options.metadata.set_description(flags.description);
  options.metadata.set_citation(flags.citation);
  for (const std::string& word : flags.attributes) {
    REPSCORE_ASSIGN_OR_RETURN(const auto parts, SplitAtFirstEquals(word));
    (*options.metadata.mutable_attributes())[parts.first] = parts.second;
  }
  if (!flags.calibrated.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                              MeasureSpecs(flags.calibrated, ""));
    options.calibration = MakePlan(flags.calibration, measures);
  }
  return options;
}

absl::Status Register(Session& session, const RegisterFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const HostArray array, ReadArray(flags.file));
  REPSCORE_ASSIGN_OR_RETURN(const client::RegisterDatasetOptions options,
                            MakeOptions(flags, array.spec));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(
      const v1::RegisterDatasetResponse response,
      client->RegisterDataset(options, client::ViewOf(array)));
  if (session.json()) {
    PrintDocument(ToJson(response));
    return absl::OkStatus();
  }
  const v1::Dataset& dataset = response.dataset();
  std::cout << (response.already_registered() ? "already registered "
                                              : "registered ")
            << dataset.name() << "  " << FormatSpec(dataset.spec()) << "  "
            << dataset.digest() << '\n';
  return absl::OkStatus();
}

absl::Status List(Session& session) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::Dataset> datasets,
                            client->ListDatasets());
  if (session.json()) {
    PrintList("datasets", datasets);
    return absl::OkStatus();
  }
  Table table({"dataset", "type", "shape", "registered", "title"});
  for (const v1::Dataset& dataset : datasets) {
    table.AddRow({dataset.name(),
                  FormatType(dataset.spec()),
                  FormatShape(dataset.spec()),
                  FormatTime(dataset.create_time()),
                  dataset.metadata().display_name()});
  }
  std::cout << table.ToString();
  return absl::OkStatus();
}

std::string FormatAxis(const v1::Axis& axis) {
  std::string text =
      absl::StrCat(axis.size(), axis.size() == 1 ? " index" : " indices");
  if (!axis.coordinates().empty()) {
    absl::StrAppend(&text,
                    ", ",
                    FormatNumber(axis.coordinates(0)),
                    " to ",
                    FormatNumber(*axis.coordinates().rbegin()),
                    " ",
                    axis.unit());
  }
  return text;
}

template <typename Values>
std::string FormatValues(const Values& values) {
  const std::set<std::string> distinct(values.begin(), values.end());
  constexpr size_t kShown = 8;
  std::vector<std::string> shown(distinct.begin(), distinct.end());
  if (shown.size() > kShown) {
    shown.resize(kShown);
    shown.emplace_back("...");
  }
  return absl::StrCat(values.size(),
                      " values, ",
                      distinct.size(),
                      " distinct: ",
                      absl::StrJoin(shown, ", "));
}

absl::Status Show(Session& session, const std::string& name) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::Dataset dataset,
                            client->GetDataset(DatasetName(name)));
  if (session.json()) {
    PrintDocument(ToJson(dataset));
    return absl::OkStatus();
  }
  Listing listing;
  listing.Add("dataset", dataset.name());
  listing.Add("title", dataset.metadata().display_name());
  listing.Add("description", dataset.metadata().description());
  listing.Add("citation", dataset.metadata().citation());
  listing.Add("array", FormatSpec(dataset.spec()));
  listing.Add("rows", absl::StrCat(dataset.rows()));
  if (dataset.scored_rows() > 0 && dataset.scored_rows() != dataset.rows()) {
    listing.Add("scored rows", absl::StrCat(dataset.scored_rows()));
  }
  listing.Add("features", absl::StrCat(dataset.features()));
  for (const v1::Axis& axis : dataset.axes()) {
    listing.Add(absl::StrCat("axis ", FormatEnum(axis.kind())),
                FormatAxis(axis));
  }
  for (const v1::Label& label : dataset.labels()) {
    listing.Add(absl::StrCat("label ", label.name()),
                FormatValues(label.values()));
  }
  for (const v1::Group& group : dataset.groups()) {
    listing.Add(absl::StrCat("group ", group.name()),
                FormatValues(group.values()));
  }
  if (!dataset.row_ids().empty()) {
    listing.Add("row ids", FormatValues(dataset.row_ids()));
  }
  for (const auto& [key, value] : dataset.metadata().attributes()) {
    listing.Add(absl::StrCat("attribute ", key), value);
  }
  listing.Add("registered", FormatTime(dataset.create_time()));
  listing.Add("sha256", dataset.digest());
  std::cout << listing.ToString();
  return absl::OkStatus();
}

absl::Status Delete(Session& session, const std::string& name) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_RETURN_IF_ERROR(client->DeleteDataset(DatasetName(name)));
  if (session.json()) {
    PrintDocument(Json{{"deleted", DatasetName(name)}});
  } else {
    std::cout << "deleted " << DatasetName(name) << '\n';
  }
  return absl::OkStatus();
}

void AddRegister(CLI::App& datasets, Session& session) {
  CLI::App* command =
      datasets.add_subcommand("register", "Upload an array as a dataset");
  const auto flags = std::make_shared<RegisterFlags>();
  command->add_option("NAME", flags->dataset_id, "Id of the dataset")
      ->required();
  command->add_option("FILE", flags->file, "FILE.npy or FILE.npz[:key]")
      ->required();
  command->add_option("--axes",
                      flags->axes,
                      "What the dimensions are: time,condition,neuron or "
                      "sample,neuron");
  command
      ->add_option("--label",
                   flags->labels,
                   "Property of every condition or sample: name=FILE (lines, "
                   "or .npy) or name=v1,v2,...")
      ->allow_extra_args(false);
  command
      ->add_option("--group",
                   flags->groups,
                   "Partition of conditions or samples, written like --label")
      ->allow_extra_args(false);
  command->add_option("--title", flags->display_name, "Name for people");
  command->add_option("--description", flags->description, "What it is");
  command->add_option("--citation", flags->citation, "Where it is from");
  command
      ->add_option("--attribute", flags->attributes, "Anything else: key=value")
      ->allow_extra_args(false);
  command->add_option("--time-coordinates",
                      flags->time_coordinates_file,
                      "FILE.npy with the time of every time bin");
  command
      ->add_option("--time-unit", flags->time_unit, "Unit of the coordinates")
      ->capture_default_str();
  command->add_option("--row-ids",
                      flags->row_ids_file,
                      "FILE with the id of every condition (or sample), one "
                      "per line; equal ids are repetitions");
  CLI::Option* calibrate =
      command->add_option("--calibrate",
                          flags->calibrated,
                          "Then find out in the background what scores of "
                          "these MEASUREs mean ('repscore calibration NAME')");
  for (CLI::Option* option :
       AddPlanFlags(*command, "calibration-", flags->calibration)) {
    option->needs(calibrate);
  }
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Register(session, *flags); };
  });
}

void AddNameCommand(CLI::App& datasets,
                    Session& session,
                    const std::string& word,
                    const std::string& description,
                    absl::Status (*action)(Session&, const std::string&)) {
  CLI::App* command = datasets.add_subcommand(word, description);
  const auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "NAME or NAME/versions/N")->required();
  command->callback([&session, name, action] {
    session.command = [&session, name, action] {
      return action(session, *name);
    };
  });
}

}  // namespace

void AddDatasetsCommand(CLI::App& app, Session& session) {
  CLI::App* datasets =
      app.add_subcommand("datasets", "Registered reference datasets");
  datasets->require_subcommand(1);
  AddRegister(*datasets, session);
  datasets->add_subcommand("list", "Latest versions by name")
      ->callback([&session] {
        session.command = [&session] { return List(session); };
      });
  AddNameCommand(*datasets, session, "show", "Details of a dataset", Show);
  AddNameCommand(*datasets,
                 session,
                 "delete",
                 "Delete one version, or all of a dataset",
                 Delete);
}

}  // namespace repscore::cli
