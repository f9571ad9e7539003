// Mean and spread of the draws of one measure. Pure; thread-safe.
#ifndef REPSCORE_CORE_ANALYSIS_DRAW_STATISTICS_H_
#define REPSCORE_CORE_ANALYSIS_DRAW_STATISTICS_H_

#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "core/analysis/resampling.h"

namespace repscore {

struct DrawStatistics {
  double mean = 0.0;
  /// Population standard deviation; 0 for a single draw.
  double standard_deviation = 0.0;
};

/// Of some numbers, at least one.
inline DrawStatistics StatisticsOf(absl::Span<const double> values) {
  DrawStatistics statistics;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) {
    statistics.mean += value / count;
  }
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - statistics.mean) * (value - statistics.mean);
  }
  statistics.standard_deviation = std::sqrt(squares / count);
  return statistics;
}

/// Draws of one measure that have a value.
inline std::vector<double> DefinedDraws(const DrawnScores& scores,
                                        size_t measure) {
  std::vector<double> values;
  for (const Values& draw : scores.draws) {
    if (draw[measure].has_value()) {
      values.push_back(*draw[measure]);
    }
  }
  return values;
}

/// Of one measure, over the draws in which it is defined; empty for none.
inline std::optional<DrawStatistics> StatisticsOf(const DrawnScores& scores,
                                                  size_t measure) {
  const std::vector<double> values = DefinedDraws(scores, measure);
  if (values.empty()) {
    return std::nullopt;
  }
  return StatisticsOf(values);
}

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_DRAW_STATISTICS_H_
