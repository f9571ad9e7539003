#include "client/cli/target_walk.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/csv.h"
#include "client/cli/failure.h"
#include "core/base/status_macros.h"

namespace repscore::cli {

void AddWalkFlags(CLI::App& command, WalkFlags& flags) {
  auto* grid = command.add_option(
      "--grid",
      flags.points_per_side,
      "One run per point of a grid with this many values per --target, which "
      "then have no values of their own");
  command
      .add_flag("--boundary",
                flags.boundary,
                "Only the boundary of the grid: 4 (N - 1) points for two "
                "measures")
      ->needs(grid);
  command
      .add_option("--grid-lowest", flags.lowest, "Least value of the grid [0]")
      ->needs(grid);
  command
      .add_option(
          "--grid-highest", flags.highest, "Largest value of the grid [1]")
      ->needs(grid);
  command
      .add_option("--target-list",
                  flags.list_file,
                  "One run per line of FILE.csv, whose first line names the "
                  "measures and whose others have a target value for each")
      ->excludes(grid);
}

v1::TargetGrid MakeGrid(const WalkFlags& flags) {
  v1::TargetGrid grid;
  if (flags.points_per_side.has_value()) {
    grid.set_points_per_side(*flags.points_per_side);
  }
  grid.set_boundary(flags.boundary);
  if (flags.lowest.has_value()) {
    grid.set_lowest(*flags.lowest);
  }
  if (flags.highest.has_value()) {
    grid.set_highest(*flags.highest);
  }
  return grid;
}

absl::StatusOr<TargetTable> ReadTargetTable(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  const auto lines = ParseCsv(text);
  if (!lines.ok()) {
    return WithContext(path, lines.status());
  }
  if (lines->size() < 2) {
    return UsageError(absl::StrCat(
        path, ": expected a line of measures and lines of target values"));
  }
  TargetTable table;
  table.measures = lines->front();
  for (const std::string& measure : table.measures) {
    double number = 0.0;
    if (measure.empty() || absl::SimpleAtod(measure, &number)) {
      return UsageError(absl::StrCat(path,
                                     ": the first line must name the measures, "
                                     "'",
                                     measure,
                                     "' is none"));
    }
  }
  for (size_t i = 1; i < lines->size(); ++i) {
    const std::vector<std::string>& cells = (*lines)[i];
    v1::TargetPoint& point = *table.list.add_points();
    for (const std::string& cell : cells) {
      double value = 0.0;
      if (!absl::SimpleAtod(cell, &value)) {
        return UsageError(absl::StrCat(
            path, ": target ", i, ": '", cell, "' is not a number"));
      }
      point.add_values(value);
    }
    if (cells.size() != table.measures.size()) {
      return UsageError(absl::StrCat(path,
                                     ": target ",
                                     i,
                                     " has ",
                                     cells.size(),
                                     " values for ",
                                     table.measures.size(),
                                     " measures"));
    }
  }
  return table;
}

}  // namespace repscore::cli
