#include "client/cli/progress_line.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace repscore::cli {
namespace {

// What is shown of a point's worth.
double ValueOf(const v1::TracePoint& point) {
  return point.scores_size() == 1 ? point.scores(0) : point.objective();
}

const char* ValueName(const v1::TracePoint& point) {
  return point.scores_size() == 1 ? "score" : "objective";
}

}  // namespace

void ProgressLine::Begin(const v1::RunStarted& started) {
  started_ = started;
  first_.reset();
  members_.clear();
  decoded_.clear();
}

void ProgressLine::Update(const v1::TracePoint& point) {
  if (!first_.has_value()) {
    first_ = point;
  }
  members_[point.member()] = point;
  if (!point.decoding().empty()) {
    decoded_[point.member()] = point;
  }
  if (line_.IsDue()) {
    line_.Show(Text(point));
  }
}

std::string ProgressLine::Text(const v1::TracePoint& point) const {
  const auto best = std::max_element(
      members_.begin(), members_.end(), [](const auto& a, const auto& b) {
        return a.second.objective() < b.second.objective();
      });
  const v1::TracePoint& shown = best->second;
  std::string text = absl::StrFormat("step %d  ", point.step());
  if (started_.members_size() > 1) {
    const auto worst = std::min_element(
        members_.begin(), members_.end(), [](const auto& a, const auto& b) {
          return a.second.objective() < b.second.objective();
        });
    absl::StrAppendFormat(&text,
                          "%d members  best %s %.6f (member %d)  worst %.6f",
                          started_.members_size(),
                          ValueName(shown),
                          ValueOf(shown),
                          shown.member(),
                          ValueOf(worst->second));
  } else {
    absl::StrAppendFormat(&text, "%s %.6f", ValueName(shown), ValueOf(shown));
  }
  const auto decoded = decoded_.find(shown.member());
  if (decoded != decoded_.end()) {
    const auto& accuracies = decoded->second.decoding();
    for (int i = 0; i < std::min(accuracies.size(), started_.labels_size());
         ++i) {
      absl::StrAppendFormat(
          &text, "  %s %.2f", started_.labels(i).label(), accuracies[i]);
    }
  }
  const double seconds = point.elapsed_seconds() - first_->elapsed_seconds();
  if (seconds > 0.0) {
    const auto steps = static_cast<double>(point.step() - first_->step());
    absl::StrAppendFormat(&text, "  %.3g steps/s", steps / seconds);
  }
  return text;
}

}  // namespace repscore::cli
