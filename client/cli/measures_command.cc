// repscore measures

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
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
  listing.Add("source", measure.source());
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

bool IsCalled(const v1::MeasureDescription& measure, const std::string& id) {
  return measure.id() == id || measure.canonical() == id ||
         std::find(measure.aliases().begin(), measure.aliases().end(), id) !=
             measure.aliases().end();
}

absl::Status Measures(Session& session, const std::string& id) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureDescription> measures,
                            client->ListMeasures());
  if (id.empty()) {
    if (session.json()) {
      PrintList("measures", measures);
    } else {
      PrintAll(measures);
    }
    return absl::OkStatus();
  }
  const auto found =
      std::find_if(measures.begin(), measures.end(), [&](const auto& measure) {
        return IsCalled(measure, id);
      });
  if (found == measures.end()) {
    return absl::NotFoundError(absl::StrCat(
        "no measure '", id, "'; 'repscore measures' lists what there is"));
  }
  if (session.json()) {
    PrintDocument(ToJson(*found));
  } else {
    PrintOne(*found);
  }
  return absl::OkStatus();
}

}  // namespace

void AddMeasuresCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "measures", "Measures of the server, or the details of one");
  const auto id = std::make_shared<std::string>();
  command->add_option("ID", *id, "A measure's id or alias");
  command->callback([&session, id] {
    session.command = [&session, id] { return Measures(session, *id); };
  });
}

}  // namespace repscore::cli
