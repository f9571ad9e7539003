#include "client/cli/calibration_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/landmark_table.h"
#include "client/cli/table.h"
#include "client/cli/threshold_tables.h"

namespace repscore::cli {
namespace {

constexpr int kShownPoints = 12;

// Whether similarity rises with the measure's value.
bool IsRising(const v1::MeasureCalibration& calibration) {
  const auto& points = calibration.points();
  return points.empty() || points.rbegin()->score() >= points.begin()->score();
}

// Components whose threshold (half way to 1) is no better than `score`.
std::vector<int> CapturedAt(const v1::MeasureCalibration& calibration,
                            double score) {
  const bool rising = IsRising(calibration);
  std::vector<int> captured;
  for (const auto& threshold : calibration.component_thresholds()) {
    const double at = threshold.midpoint_to_one();
    if (threshold.has_midpoint_to_one() &&
        (rising ? at <= score : at >= score)) {
      captured.push_back(threshold.component());
    }
  }
  return captured;
}

// "1-3, 5"; the first few ranges when there are many.
std::string FormatRanges(const std::vector<int>& numbers) {
  constexpr size_t kShown = 3;
  std::vector<std::string> ranges;
  for (size_t first = 0; first < numbers.size();) {
    size_t last = first;
    while (last + 1 < numbers.size() &&
           numbers[last + 1] == numbers[last] + 1) {
      ++last;
    }
    ranges.push_back(first == last
                         ? absl::StrCat(numbers[first])
                         : absl::StrCat(numbers[first], "-", numbers[last]));
    first = last + 1;
  }
  if (ranges.size() > kShown) {
    ranges.resize(kShown);
    ranges.emplace_back("...");
  }
  return ranges.empty() ? "none" : absl::StrJoin(ranges, ", ");
}

// Indices of the points to show: the first, the last, and evenly in between.
std::vector<int> ShownPoints(int points, bool all) {
  std::vector<int> shown;
  const int count = all ? points : std::min(points, kShownPoints);
  shown.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    shown.push_back(count == 1 ? 0 : i * (points - 1) / (count - 1));
  }
  return shown;
}

std::string PointTable(const v1::MeasureCalibration& calibration, bool all) {
  std::vector<std::string> header = {"score", "steps", "runs", "components"};
  for (const v1::DecodedLabel& label : calibration.labels()) {
    header.insert(header.end(), {label.label(), "sd"});
  }
  std::vector<size_t> right = ColumnsBetween(0, 3);
  for (const size_t column : ColumnsBetween(4, header.size())) {
    right.push_back(column);
  }
  Table table(std::move(header), right);
  for (const int index : ShownPoints(calibration.points_size(), all)) {
    const v1::CalibrationPoint& point = calibration.points(index);
    std::vector<std::string> cells = {
        FormatFixed(point.score()),
        absl::StrFormat("%.0f", point.steps()),
        absl::StrCat(point.runs()),
        FormatRanges(CapturedAt(calibration, point.score()))};
    for (int i = 0; i < point.accuracy_size(); ++i) {
      cells.push_back(absl::StrFormat("%.3f", point.accuracy(i)));
      cells.push_back(i < point.accuracy_deviation_size()
                          ? absl::StrFormat("%.3f", point.accuracy_deviation(i))
                          : "");
    }
    table.AddRow(std::move(cells));
  }
  return table.ToString();
}

}  // namespace

std::string CalibrationText(const v1::MeasureCalibration& calibration,
                            const CalibrationDetail& detail) {
  std::string text = absl::StrCat(calibration.measure(),
                                  "\n",
                                  calibration.runs(),
                                  calibration.runs() == 1 ? " run" : " runs",
                                  " from noise: components captured (half way "
                                  "to 1), labels decoded\n\n",
                                  PointTable(calibration, detail.all));
  const auto append = [&](const std::string& block) {
    absl::StrAppend(&text, block.empty() ? "" : "\n", block);
  };
  append(
      LabelTable(calibration.labels(), {}, {&calibration.label_thresholds()}));
  if (!calibration.landmarks().empty()) {
    append(LandmarkTable(calibration.landmarks()));
  }
  if (detail.thresholds) {
    append(ComponentTable({&calibration.component_thresholds()}));
  }
  return text;
}

}  // namespace repscore::cli
