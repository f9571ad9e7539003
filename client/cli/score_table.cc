#include "client/cli/score_table.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/table.h"

namespace repscore::cli {
namespace {

struct Column {
  std::string header;
  bool (*is_there)(const v1::Score&);
  std::string (*text)(const v1::Score&);
};

std::string FormatInterval(const v1::Score& score) {
  const v1::Interval& interval = score.context().interval();
  return absl::StrCat("[",
                      FormatNumber(interval.lower()),
                      ", ",
                      FormatNumber(interval.upper()),
                      "]");
}

// Everything that may stand beside a score's value.
const std::vector<Column>& AllColumns() {
  using S = v1::Score;
  static const auto* const columns = new std::vector<Column>{
      {"error",
       [](const S& s) { return s.has_error(); },
       [](const S& s) { return FormatNumber(s.error()); }},
      {"interval",
       [](const S& s) { return s.context().has_interval(); },
       FormatInterval},
      {"p",
       [](const S& s) { return s.context().has_null_distribution(); },
       [](const S& s) {
         return FormatNumber(s.context().null_distribution().p_value());
       }},
      {"null mean",
       [](const S& s) { return s.context().has_null_distribution(); },
       [](const S& s) {
         return FormatNumber(s.context().null_distribution().mean());
       }},
      {"ceiling",
       [](const S& s) { return s.context().has_ceiling(); },
       [](const S& s) { return FormatNumber(s.context().ceiling().value()); }},
      {"ceiled",
       [](const S& s) { return s.context().has_ceiled(); },
       [](const S& s) { return FormatNumber(s.context().ceiled()); }},
      {"baseline",
       [](const S& s) { return s.context().has_baseline(); },
       [](const S& s) { return FormatNumber(s.context().baseline()); }},
      {"debiased",
       [](const S& s) { return s.context().has_companion(); },
       [](const S& s) {
         return FormatNumber(s.context().companion().value());
       }}};
  return *columns;
}

// Columns that some score has, the interval's with its confidence.
std::vector<Column> ColumnsOf(const std::vector<CandidateScores>& candidates) {
  std::vector<Column> columns;
  for (Column column : AllColumns()) {
    const v1::Score* first = nullptr;
    for (const auto& [name, scores] : candidates) {
      const auto found =
          std::find_if(scores.begin(), scores.end(), column.is_there);
      if (found != scores.end() && first == nullptr) {
        first = &*found;
      }
    }
    if (first == nullptr) {
      continue;
    }
    if (first->context().has_interval() && column.text == FormatInterval) {
      constexpr double kPercent = 100.0;
      column.header = absl::StrCat(
          FormatNumber(first->context().interval().confidence() * kPercent),
          "% interval");
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

// What the measure was asked for as.
const std::string& Asked(const std::vector<std::string>& measures,
                         const std::vector<v1::Score>& scores,
                         size_t index) {
  return index < measures.size() ? measures[index] : scores[index].measure();
}

// A line per measure, and per candidate when there are several.
void PrintLong(const std::vector<std::string>& measures,
               const std::vector<CandidateScores>& candidates,
               const std::vector<Column>& columns,
               bool with_names) {
  std::vector<std::string> header;
  if (with_names) {
    header.emplace_back("file");
  }
  header.insert(header.end(), {"measure", "score"});
  const size_t first_number = header.size() - 1;
  for (const Column& column : columns) {
    header.push_back(column.header);
  }
  const size_t width = header.size();
  Table table(std::move(header), ColumnsBetween(first_number, width));
  for (const auto& [name, scores] : candidates) {
    for (size_t i = 0; i < scores.size(); ++i) {
      std::vector<std::string> cells;
      if (with_names) {
        cells.push_back(name);
      }
      cells.push_back(Asked(measures, scores, i));
      cells.push_back(FormatNumber(scores[i].value()));
      for (const Column& column : columns) {
        cells.push_back(column.is_there(scores[i]) ? column.text(scores[i])
                                                   : "");
      }
      table.AddRow(std::move(cells));
    }
  }
  std::cout << table.ToString();
}

// A line per candidate, a column per measure.
void PrintWide(const std::vector<std::string>& measures,
               const std::vector<CandidateScores>& candidates) {
  std::vector<std::string> header = {"file"};
  header.insert(header.end(), measures.begin(), measures.end());
  Table table(header, ColumnsBetween(1, header.size()));
  for (const auto& [name, scores] : candidates) {
    std::vector<std::string> cells = {name};
    for (const v1::Score& score : scores) {
      cells.push_back(FormatNumber(score.value()));
    }
    table.AddRow(std::move(cells));
  }
  std::cout << table.ToString();
}

void PrintWarnings(const std::vector<CandidateScores>& candidates,
                   bool with_names) {
  for (const auto& [name, scores] : candidates) {
    for (const v1::Score& score : scores) {
      const v1::Score& companion = score.context().companion();
      for (const v1::Score* item : {&score, &companion}) {
        const std::string subject =
            with_names ? absl::StrCat(name, ": ", item->measure())
                       : item->measure();
        for (const v1::Warning& warning : item->warnings()) {
          std::cout << FormatWarning(subject, warning);
        }
        for (const v1::Warning& note : item->context().notes()) {
          std::cout << FormatNote(subject, note);
        }
      }
    }
  }
}

// What the measures are in full, where that differs from how they were asked
// for.
void PrintLegend(const std::vector<std::string>& measures,
                 const std::vector<v1::Score>& scores) {
  Listing legend;
  for (size_t i = 0; i < scores.size(); ++i) {
    const std::string& asked = Asked(measures, scores, i);
    if (scores[i].measure() != asked) {
      legend.Add(asked, absl::StrCat("= ", scores[i].measure()));
    }
  }
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i].context().has_companion()) {
      legend.Add(absl::StrCat(Asked(measures, scores, i), " debiased"),
                 absl::StrCat("= ", scores[i].context().companion().measure()));
    }
  }
  const std::string text = legend.ToString();
  std::cout << (text.empty() ? "" : "\n") << text;
}

// What scores mean on their dataset, in a sentence each.
void PrintMeanings(const std::vector<std::string>& measures,
                   const std::vector<CandidateScores>& candidates,
                   bool with_names) {
  for (const auto& [name, scores] : candidates) {
    for (size_t i = 0; i < scores.size(); ++i) {
      const v1::CalibrationReading& reading = scores[i].context().calibration();
      if (!reading.statement().empty()) {
        std::cout << '\n'
                  << Wrap(absl::StrCat(with_names ? name + ": " : "",
                                       Asked(measures, scores, i),
                                       ": ",
                                       reading.statement()));
      }
    }
  }
}

}  // namespace

void PrintScores(const std::vector<std::string>& measures,
                 const std::vector<CandidateScores>& candidates,
                 Rows rows) {
  const std::vector<Column> columns = ColumnsOf(candidates);
  if (rows == Rows::kCandidates && columns.empty()) {
    PrintWide(measures, candidates);
  } else {
    PrintLong(measures, candidates, columns, rows == Rows::kCandidates);
  }
  PrintWarnings(candidates, candidates.size() > 1);
  PrintLegend(measures, candidates.front().scores);
  PrintMeanings(measures, candidates, candidates.size() > 1);
}

void PrintProvenance(const std::string& subject,
                     const v1::Provenance& provenance) {
  std::cout << "\n"
            << subject << (subject.empty() ? "" : ", ")
            << FormatEnum(provenance.precision()) << " on "
            << provenance.backend() << ", repscore "
            << provenance.server_version() << '\n';
}

}  // namespace repscore::cli
