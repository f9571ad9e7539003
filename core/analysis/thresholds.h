// At which score an optimisation captures a principal component or a label.
//
// Pure functions of a trace; thread-safe.
#ifndef REPSCORE_CORE_ANALYSIS_THRESHOLDS_H_
#define REPSCORE_CORE_ANALYSIS_THRESHOLDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/analysis/decoding.h"

namespace repscore {

/// The score at which a component is captured (Cloos et al. 2024, section 4):
/// the first upward crossing of half way from its R2 at the start to a maximum,
/// with the score interpolated linearly as a function of R2. Empty where it was
/// never reached.
struct ComponentThreshold {
  /// From 1.
  int64_t component = 1;
  double variance_share = 0.0;
  /// Maximum 1: the published code.
  std::optional<double> midpoint_to_one = std::nullopt;
  /// The largest R2 of the run: the published text. Empty where R2 never rose.
  std::optional<double> midpoint_to_max = std::nullopt;
};

/// The score at which the accuracy for a label is first 90 % of the way from
/// chance to the recording's own, interpolated linearly as a function of
/// accuracy between the points that were decoded. Empty where it was never
/// reached, and where the recording itself is at chance.
struct LabelThreshold {
  std::string label;
  std::optional<double> score = std::nullopt;
};

/// `scores` [t] and `component_r2` [t][k] of trace points in order.
std::vector<ComponentThreshold> ComponentThresholds(
    absl::Span<const double> scores,
    absl::Span<const std::vector<double>> component_r2,
    absl::Span<const double> variance_shares);

/// `decoding` [t][labels]; points with an empty entry are left out.
std::vector<LabelThreshold> LabelThresholds(
    absl::Span<const double> scores,
    absl::Span<const std::vector<double>> decoding,
    absl::Span<const DecodedLabel> labels);

/// x at the first upward crossing of `level` by y, x interpolated linearly as a
/// function of y; the first x where y starts there. Empty for none.
std::optional<double> FirstCrossing(absl::Span<const double> x,
                                    absl::Span<const double> y,
                                    double level);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_THRESHOLDS_H_
