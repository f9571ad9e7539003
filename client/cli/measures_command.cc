// repscore measures [describe]

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/json.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

std::string Range(const v1::MeasureDescription& measure) {
  return absl::StrCat("[",
                      FormatNumber(measure.lowest()),
                      ", ",
                      FormatNumber(measure.highest()),
                      "]");
}

std::string Properties(const v1::MeasureDescription& measure) {
  std::vector<std::string> words;
  for (const auto& [claim, word] :
       {std::pair(measure.symmetric(), "symmetric"),
        std::pair(measure.metric(), "metric"),
        std::pair(measure.differentiable(), "differentiable")}) {
    if (claim) {
      words.emplace_back(word);
    }
  }
  return absl::StrJoin(words, ", ");
}

std::string AtEquality(const v1::MeasureDescription& measure) {
  if (!measure.exact_at_equality()) {
    return "";
  }
  return measure.orientation() == v1::ORIENTATION_DISTANCE ? "exactly 0"
                                                           : "exactly 1";
}

void PrintAll(const std::vector<v1::MeasureDescription>& measures) {
  Table table({"measure", "kind", "range", "properties", "summary"});
  for (const auto& measure : measures) {
    table.AddRow({measure.id(),
                  FormatEnum(measure.orientation()),
                  Range(measure),
                  Properties(measure),
                  measure.summary()});
  }
  std::cout << table.ToString();
}

void PrintOne(const v1::MeasureDescription& measure) {
  Listing listing;
  listing.Add("measure", measure.id());
  listing.Add("summary", measure.summary());
  listing.Add("canonical", measure.canonical());
  listing.Add("aliases", absl::StrJoin(measure.aliases(), ", "));
  listing.Add("kind", FormatEnum(measure.orientation()));
  listing.Add("range", Range(measure));
  listing.Add("properties", Properties(measure));
  listing.Add("invariances", absl::StrJoin(measure.invariances(), ", "));
  listing.Add("at equality", AtEquality(measure));
  if (measure.minimum_rows() > 0) {
    listing.Add("fewest rows", absl::StrCat(measure.minimum_rows()));
  }
  listing.Add("cost", measure.cost());
  listing.Add("source", measure.source());
  listing.Add("known as", absl::StrJoin(measure.known_as(), ", "));
  listing.Add("examples", absl::StrJoin(measure.examples(), ", "));
  std::cout << listing.ToString();
  Table parameters({"parameter", "default", "meaning"});
  for (const auto& parameter : measure.parameters()) {
    parameters.AddRow(
        {parameter.name(), parameter.default_value(), parameter.description()});
  }
  if (!parameters.empty()) {
    std::cout << '\n' << parameters.ToString();
  }
}

absl::Status List(Session& session) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureDescription> measures,
                            client->ListMeasures());
  if (session.json()) {
    PrintList("measures", measures);
  } else {
    PrintAll(measures);
  }
  return absl::OkStatus();
}

absl::Status Describe(Session& session, const std::string& spec) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  v1::MeasureSpec request;
  request.set_id(spec);
  REPSCORE_ASSIGN_OR_RETURN(const v1::MeasureDescription measure,
                            client->DescribeMeasure(request));
  if (session.json()) {
    PrintDocument(ToJson(measure));
  } else {
    PrintOne(measure);
  }
  return absl::OkStatus();
}

}  // namespace

void AddMeasuresCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "measures", "Measures of the server, or the details of one");
  const auto spec = std::make_shared<std::string>();
  const std::string help =
      "A measure's id, alias or specification, for instance rsa(rdm=cosine)";
  command->add_option("SPEC", *spec, help);
  CLI::App* describe =
      command->add_subcommand("describe", "Details of one measure");
  describe->add_option("SPEC", *spec, help)->required();
  // Runs after the one of a subcommand, for either.
  command->callback([&session, spec] {
    session.command = [&session, spec] {
      return spec->empty() ? List(session) : Describe(session, *spec);
    };
  });
}

}  // namespace repscore::cli
