// repscore pairwise

#include <algorithm>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/csv.h"
#include "client/cli/device_flag.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/matrix_file.h"
#include "client/cli/measure_flags.h"
#include "client/cli/score_table.h"
#include "client/cli/session.h"
#include "client/cli/systems.h"
#include "client/cli/table.h"
#include "client/cli/terminal_line.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct PairwiseFlags {
  std::vector<std::string> systems;
  MeasureFlags measures;
  std::string known_file;
  bool csv = false;
  std::string device;
};

// Brings the systems that are known to the front, in the order in which they
// are known, and gives their positions there.
std::vector<int> MoveKnownToFront(const v1::PairwiseResult& known,
                                  std::vector<v1::System>& systems) {
  std::map<std::string, int> position_of;
  for (int i = 0; i < known.names_size(); ++i) {
    position_of.emplace(known.names(i), i);
  }
  const auto position = [&](const v1::System& system) {
    const auto found = position_of.find(system.name());
    return found == position_of.end() ? std::numeric_limits<int>::max()
                                      : found->second;
  };
  std::stable_sort(systems.begin(),
                   systems.end(),
                   [&](const v1::System& a, const v1::System& b) {
                     return position(a) < position(b);
                   });
  std::vector<int> positions;
  for (const v1::System& system : systems) {
    if (position_of.contains(system.name())) {
      positions.push_back(position(system));
    }
  }
  return positions;
}

// Those of the flags, or of the known matrices.
absl::StatusOr<std::vector<v1::MeasureSpec>> MeasuresOf(
    const PairwiseFlags& flags, const v1::PairwiseResult& known) {
  MeasureFlags measures = flags.measures;
  if (measures.ids.empty()) {
    for (const v1::PairwiseMatrix& matrix : known.matrices()) {
      measures.ids.push_back(matrix.measure());
    }
  }
  if (measures.ids.empty()) {
    return UsageError("--measure is required without --known");
  }
  return MakeMeasures(measures);
}

// Adds rows and columns `positions` of the known matrices.
absl::Status AddKnown(client::Client& client,
                      const v1::PairwiseResult& known,
                      const std::vector<int>& positions,
                      v1::ComparePairwiseRequest& request) {
  if (positions.empty()) {
    return absl::OkStatus();
  }
  request.set_known_systems(static_cast<int32_t>(positions.size()));
  for (const v1::MeasureSpec& measure : request.measures()) {
    REPSCORE_ASSIGN_OR_RETURN(const v1::PairwiseMatrix matrix,
                              FindMatrix(client, known, measure));
    v1::PairwiseMatrix& item = *request.add_known();
    item.set_measure(matrix.measure());
    for (const int row : positions) {
      for (const int column : positions) {
        item.add_values(matrix.values(row * known.names_size() + column));
      }
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> MatrixRow(const v1::PairwiseResult& result,
                                   const v1::PairwiseMatrix& matrix,
                                   int row,
                                   std::string (*format)(double)) {
  std::vector<std::string> cells = {result.names(row)};
  const int size = result.names_size();
  for (int column = 0; column < size; ++column) {
    cells.push_back(format(matrix.values(row * size + column)));
  }
  return cells;
}

void PrintTables(const v1::PairwiseResult& result) {
  std::vector<std::string> header = {"system"};
  std::vector<size_t> right;
  for (const std::string& name : result.names()) {
    right.push_back(header.size());
    header.push_back(name);
  }
  for (int i = 0; i < result.matrices_size(); ++i) {
    const v1::PairwiseMatrix& matrix = result.matrices(i);
    Table table(header, right);
    for (int row = 0; row < result.names_size(); ++row) {
      table.AddRow(MatrixRow(result, matrix, row, FormatNumber));
    }
    std::cout << (i == 0 ? "" : "\n") << matrix.measure() << '\n'
              << table.ToString();
  }
  PrintProvenance("", result.provenance());
}

void PrintCsv(const v1::PairwiseResult& result) {
  std::vector<std::string> header = {"measure", "system"};
  header.insert(header.end(), result.names().begin(), result.names().end());
  std::cout << CsvLine(header);
  for (const v1::PairwiseMatrix& matrix : result.matrices()) {
    for (int row = 0; row < result.names_size(); ++row) {
      std::vector<std::string> cells =
          MatrixRow(result, matrix, row, FormatExactly);
      cells.insert(cells.begin(), matrix.measure());
      std::cout << CsvLine(cells);
    }
  }
}

absl::StatusOr<v1::PairwiseResult> Compute(
    client::Client& client, const v1::ComparePairwiseRequest& request) {
  TerminalLine line;
  return client.ComparePairwise(
      request, [&line](const v1::PairwiseProgress& progress) {
        if (line.IsDue()) {
          line.Show(absl::StrCat(
              "pair ", progress.pairs_done(), " of ", progress.pairs_total()));
        }
        return true;
      });
}

absl::Status Pairwise(Session& session, const PairwiseFlags& flags) {
  if (flags.csv && session.json()) {
    return UsageError("--csv excludes --json");
  }
  v1::PairwiseResult known;
  if (!flags.known_file.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(known, ReadPairwise(flags.known_file));
  }
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::MeasureSpec> measures,
                            MeasuresOf(flags, known));
  REPSCORE_ASSIGN_OR_RETURN(std::vector<v1::System> systems,
                            ReadSystems(flags.systems));
  const std::vector<int> positions = MoveKnownToFront(known, systems);
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_RETURN_IF_ERROR(CheckFitsMessage(*client, systems));
  v1::ComparePairwiseRequest request;
  request.set_device(flags.device);
  request.mutable_measures()->Assign(measures.begin(), measures.end());
  for (v1::System& system : systems) {
    *request.add_systems() = std::move(system);
  }
  REPSCORE_RETURN_IF_ERROR(AddKnown(*client, known, positions, request));
  REPSCORE_ASSIGN_OR_RETURN(const v1::PairwiseResult result,
                            Compute(*client, request));
  if (session.json()) {
    PrintDocument(ToJson(result));
  } else if (flags.csv) {
    PrintCsv(result);
  } else {
    PrintTables(result);
  }
  return absl::OkStatus();
}

}  // namespace

void AddPairwiseCommand(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("pairwise", "Score all pairs of several systems");
  const auto flags = std::make_shared<PairwiseFlags>();
  command->add_option("SYSTEM", flags->systems, kSystemHelp)->required();
  AddMeasureFlags(*command, flags->measures)
      ->description(
          "A symmetric measure, as often as wanted [those of --known]");
  command->add_option("--known",
                      flags->known_file,
                      "FILE.json from 'pairwise --json': pairs of systems of "
                      "the same names in it are not computed again. They come "
                      "first in the result");
  command->add_flag("--csv", flags->csv, "Write CSV with exact numbers");
  AddDeviceFlag(*command, flags->device);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Pairwise(session, *flags); };
  });
}

}  // namespace repscore::cli
