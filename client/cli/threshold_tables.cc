#include "client/cli/threshold_tables.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/table.h"

namespace repscore::cli {
namespace {

// The scores at which the members crossed something.
class Crossings {
 public:
  void Add(std::optional<double> score) {
    ++members_;
    if (score.has_value()) {
      ++reached_;
      sum_ += *score;
    }
  }

  std::string ToString() const {
    if (reached_ == 0) {
      return members_ == 0 ? "" : "not reached";
    }
    std::string text = FormatFixed(sum_ / reached_);
    if (members_ > 1) {
      absl::StrAppend(&text, " (", reached_, " of ", members_, ")");
    }
    return text;
  }

 private:
  int members_ = 0;
  int reached_ = 0;
  double sum_ = 0.0;
};

std::optional<double> ScoreOf(const v1::LabelThreshold& threshold) {
  return threshold.has_score() ? std::optional(threshold.score())
                               : std::nullopt;
}

}  // namespace

std::string ComponentTable(
    const std::vector<const ComponentThresholds*>& members) {
  Table table(
      {"component", "variance share", "half way to 1", "half way to largest"},
      {0, 1, 2, 3});
  for (int i = 0; !members.empty() && i < members.front()->size(); ++i) {
    Crossings to_one;
    Crossings to_max;
    for (const ComponentThresholds* member : members) {
      if (i < member->size()) {
        const v1::ComponentThreshold& threshold = member->at(i);
        to_one.Add(threshold.has_midpoint_to_one()
                       ? std::optional(threshold.midpoint_to_one())
                       : std::nullopt);
        to_max.Add(threshold.has_midpoint_to_max()
                       ? std::optional(threshold.midpoint_to_max())
                       : std::nullopt);
      }
    }
    const v1::ComponentThreshold& first = members.front()->at(i);
    table.AddRow({absl::StrCat(first.component()),
                  FormatShare(first.variance_share()),
                  to_one.ToString(),
                  to_max.ToString()});
  }
  return table.empty() ? "" : table.ToString();
}

std::string LabelTable(const DecodedLabels& labels,
                       const std::vector<double>& accuracy,
                       const std::vector<const LabelThresholds*>& members) {
  Table table({"label", "chance", "accuracy", "recording", "decodes at score"},
              {1, 2, 3, 4});
  for (int i = 0; i < labels.size(); ++i) {
    const v1::DecodedLabel& label = labels[i];
    Crossings crossings;
    for (const LabelThresholds* member : members) {
      for (const v1::LabelThreshold& threshold : *member) {
        if (threshold.label() == label.label()) {
          crossings.Add(ScoreOf(threshold));
        }
      }
    }
    const auto index = static_cast<size_t>(i);
    table.AddRow({label.label(),
                  FormatFixed(label.chance()),
                  index < accuracy.size() ? FormatFixed(accuracy[index]) : "",
                  FormatFixed(label.reference_accuracy()),
                  crossings.ToString()});
  }
  return table.empty() ? "" : table.ToString();
}

}  // namespace repscore::cli
