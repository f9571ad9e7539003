#include "core/analysis/thresholds.h"

#include <algorithm>

namespace repscore {
namespace {

// Share of the way from chance to the recording's accuracy that counts as
// decodable (Cloos et al. 2024, figure 3).
constexpr double kDecodableShare = 0.9;

}  // namespace

std::optional<double> FirstCrossing(absl::Span<const double> x,
                                    absl::Span<const double> y,
                                    double level) {
  if (y.empty()) {
    return std::nullopt;
  }
  if (y[0] >= level) {
    return x[0];
  }
  for (size_t t = 1; t < y.size(); ++t) {
    if (y[t - 1] < level && y[t] >= level) {
      const double share = (level - y[t - 1]) / (y[t] - y[t - 1]);
      return x[t - 1] + share * (x[t] - x[t - 1]);
    }
  }
  return std::nullopt;
}

std::vector<ComponentThreshold> ComponentThresholds(
    absl::Span<const double> scores,
    absl::Span<const std::vector<double>> component_r2,
    absl::Span<const double> variance_shares) {
  std::vector<ComponentThreshold> thresholds;
  std::vector<double> curve(component_r2.size());
  for (size_t i = 0; i < variance_shares.size(); ++i) {
    ComponentThreshold& threshold = thresholds.emplace_back();
    threshold.component = static_cast<int64_t>(i) + 1;
    threshold.variance_share = variance_shares[i];
    if (curve.empty()) {
      continue;
    }
    for (size_t t = 0; t < curve.size(); ++t) {
      curve[t] = component_r2[t][i];
    }
    const double start = curve.front();
    threshold.midpoint_to_one = FirstCrossing(scores, curve, (start + 1) / 2);
    const double most = *std::max_element(curve.begin(), curve.end());
    if (most > start) {
      threshold.midpoint_to_max =
          FirstCrossing(scores, curve, (start + most) / 2);
    }
  }
  return thresholds;
}

std::vector<LabelThreshold> LabelThresholds(
    absl::Span<const double> scores,
    absl::Span<const std::vector<double>> decoding,
    absl::Span<const DecodedLabel> labels) {
  std::vector<LabelThreshold> thresholds;
  for (size_t i = 0; i < labels.size(); ++i) {
    LabelThreshold& threshold = thresholds.emplace_back();
    threshold.label = labels[i].label;
    const double rise = labels[i].reference_accuracy - labels[i].chance;
    if (!(rise > 0.0)) {
      continue;
    }
    std::vector<double> decoded_scores;
    std::vector<double> accuracies;
    for (size_t t = 0; t < decoding.size(); ++t) {
      if (!decoding[t].empty()) {
        decoded_scores.push_back(scores[t]);
        accuracies.push_back(decoding[t][i]);
      }
    }
    threshold.score = FirstCrossing(
        decoded_scores, accuracies, labels[i].chance + kDecodableShare * rise);
  }
  return thresholds;
}

}  // namespace repscore
