#include "client/cli/run_tables.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/range_table.h"
#include "client/cli/table.h"
#include "client/cli/threshold_tables.h"

namespace repscore::cli {
namespace {

void PrintBlock(const std::string& text) {
  if (!text.empty()) {
    std::cout << '\n' << text;
  }
}

std::string YesOrNo(bool value) {
  return value ? "yes" : "no";
}

void PrintSummary(const RunStory& story) {
  const v1::RunResult& result = story.result;
  const v1::Run& run = result.run();
  Listing listing;
  listing.Add("state", FormatEnum(run.state()));
  listing.Add("stopped by", FormatEnum(run.stop_reason()));
  listing.Add(
      "steps",
      absl::StrFormat("%d in %.3g s", run.step(), story.elapsed_seconds));
  if (result.members_size() > 1) {
    listing.Add("best member", absl::StrCat(result.best_member()));
  }
  listing.Add(
      "candidate",
      absl::StrCat(
          FormatShape(result.candidate()), "  ", result.candidate_digest()));
  std::cout << listing.ToString();
}

std::string ScoreTable(const v1::RunResult& result) {
  Table table({"measure", "score"}, {1});
  for (const v1::Score& score : result.scores()) {
    table.AddRow({score.measure(), FormatNumber(score.value())});
  }
  return table.empty() ? "" : table.ToString();
}

std::string VerdictTable(const v1::RunResult& result) {
  Table table({"goal", "value", "residual", "reached"}, {1, 2});
  for (const v1::GoalVerdict& verdict : result.verdicts()) {
    table.AddRow({verdict.measure(),
                  FormatNumber(verdict.value()),
                  FormatNumber(verdict.residual()),
                  YesOrNo(verdict.reached())});
  }
  return table.empty() ? "" : table.ToString();
}

// Longest name of a measure in the head of a table.
constexpr size_t kLongestName = 12;

// Names of measures in the head of a table, numbers where names are long.
std::vector<std::string> HeadNames(
    const google::protobuf::RepeatedPtrField<std::string>& measures) {
  std::vector<std::string> names = ShortNames(measures);
  const bool fit =
      std::all_of(names.begin(), names.end(), [](const auto& name) {
        return name.size() <= kLongestName;
      });
  for (size_t i = 0; !fit && i < names.size(); ++i) {
    names[i] = absl::StrCat("#", i + 1);
  }
  return names;
}

// What a member came to, as the last cells of its line.
void AddOutcome(const v1::MemberResult& member,
                size_t scores,
                bool with_verdict,
                std::vector<std::string>& cells) {
  for (int i = 0; i < static_cast<int>(scores); ++i) {
    cells.push_back(
        i < member.scores_size() ? FormatFixed(member.scores(i).value()) : "");
  }
  if (with_verdict) {
    double residual = 0.0;
    bool reached = true;
    for (const v1::GoalVerdict& verdict : member.verdicts()) {
      residual = std::max(residual, verdict.residual());
      reached = reached && verdict.reached();
    }
    cells.insert(cells.end(), {FormatFixed(residual), YesOrNo(reached)});
  }
  cells.insert(
      cells.end(),
      {absl::StrCat(member.steps()), FormatEnum(member.stop_reason())});
}

std::vector<std::string> MemberHeader(const std::vector<std::string>& names,
                                      size_t targets) {
  std::vector<std::string> header = {"member"};
  for (size_t i = 0; i < targets; ++i) {
    header.push_back(absl::StrCat(
        "target ", targets == names.size() ? names[i] : absl::StrCat(i + 1)));
  }
  if (targets == 0) {
    header.emplace_back("seed");
  }
  header.insert(header.end(), names.begin(), names.end());
  if (targets > 0) {
    header.insert(header.end(), {"residual", "reached"});
  }
  header.insert(header.end(), {"steps", "stopped by"});
  return header;
}

// What tells a member from the others, and then what it came to: its seed, or
// its targets with what became of them.
std::string MemberTable(const RunStory& story) {
  const v1::RunStarted& started = story.started;
  const std::vector<std::string> names = HeadNames(started.run().measures());
  const auto targets = static_cast<size_t>(
      started.members().empty() ? 0 : started.members(0).targets_size());
  std::vector<std::string> header = MemberHeader(names, targets);
  const size_t width = header.size();
  Table table(std::move(header), ColumnsBetween(0, width - 1));
  for (const v1::MemberResult& member : story.result.members()) {
    const v1::MemberStart start = member.member() < started.members_size()
                                      ? started.members(member.member())
                                      : v1::MemberStart();
    std::vector<std::string> cells = {absl::StrCat(member.member())};
    for (size_t i = 0; i < targets; ++i) {
      const auto index = static_cast<int>(i);
      cells.push_back(index < start.targets_size()
                          ? FormatFixed(start.targets(index))
                          : "");
    }
    if (targets == 0) {
      cells.push_back(absl::StrCat(start.seed()));
    }
    AddOutcome(member, names.size(), targets > 0, cells);
    table.AddRow(std::move(cells));
  }
  return table.ToString();
}

// Full names of measures that are shortened in tables.
std::string Legend(const v1::RunStarted& started) {
  const auto& measures = started.run().measures();
  const std::vector<std::string> names = HeadNames(measures);
  Listing legend;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string& measure = measures.at(static_cast<int>(i));
    if (names[i] != measure) {
      legend.Add(names[i], absl::StrCat("= ", measure));
    }
  }
  return legend.ToString();
}

std::string SnapshotTable(const std::vector<v1::Snapshot>& snapshots) {
  Table table({"member", "passed", "score", "step", "snapshot"}, {0, 1, 2, 3});
  for (const v1::Snapshot& snapshot : snapshots) {
    table.AddRow({absl::StrCat(snapshot.member()),
                  FormatNumber(snapshot.threshold()),
                  FormatFixed(snapshot.score()),
                  absl::StrCat(snapshot.step()),
                  snapshot.name()});
  }
  return table.empty() ? "" : table.ToString();
}

void PrintThresholds(const RunStory& story, bool with_components) {
  std::vector<const ComponentThresholds*> components;
  std::vector<const LabelThresholds*> labels;
  for (const v1::MemberResult& member : story.result.members()) {
    components.push_back(&member.component_thresholds());
    labels.push_back(&member.label_thresholds());
  }
  const auto best = story.accuracy.find(story.result.best_member());
  PrintBlock(LabelTable(
      story.started.labels(),
      best == story.accuracy.end() ? std::vector<double>() : best->second,
      labels));
  if (with_components) {
    PrintBlock(ComponentTable(components));
  }
}

}  // namespace

void PrintRun(const RunStory& story, bool thresholds) {
  const v1::RunResult& result = story.result;
  PrintSummary(story);
  PrintBlock(ScoreTable(result));
  if (result.members_size() > 1) {
    PrintBlock(MemberTable(story));
    PrintBlock(Legend(story.started));
  } else if (result.run().kind() == v1::RUN_KIND_JOINT_OPTIMIZE) {
    PrintBlock(VerdictTable(result));
  }
  if (result.has_allowed_range()) {
    PrintBlock(RangeListing(result.allowed_range()));
  }
  PrintThresholds(story, thresholds);
  PrintBlock(SnapshotTable(story.snapshots));
  for (const v1::Score& score : result.scores()) {
    for (const v1::Warning& warning : score.warnings()) {
      std::cout << FormatWarning(score.measure(), warning);
    }
  }
}

}  // namespace repscore::cli
