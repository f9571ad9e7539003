// Which values two measures can have together, from candidates that were
// optimised towards targets over both (Cloos et al. 2024, section 5).
//
// Pure functions; thread-safe.
#ifndef REPSCORE_CORE_ANALYSIS_ALLOWED_RANGE_H_
#define REPSCORE_CORE_ANALYSIS_ALLOWED_RANGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace repscore {

/// How two measures constrain each other.
enum class Coupling {
  kUnspecified,         ///< too few targets to tell
  kIndependent,         ///< nearly the whole range is reached
  kCoupled,             ///< each bounds the other
  kFirstImpliesSecond,  ///< a high first forces the second up, not conversely
  kSecondImpliesFirst,  ///< the converse
  kUndecided,           ///< members were still on their way
};

/// A bound that theory puts on a pair of measures.
struct TheoreticalBound {
  /// For instance "cka / sqrt(r_x r_y) <= nbs^2".
  std::string formula;
  std::string source;
  /// Points on it, by rising first.
  std::vector<double> first;
  std::vector<double> second;
  /// Largest violation by any point of the traces; 0 when it holds everywhere.
  double violation = 0.0;
};

struct AllowedRange {
  /// Canonical specifications.
  std::string first_measure;
  std::string second_measure;
  /// End points, in the order of the targets: the frontier.
  std::vector<double> first;
  std::vector<double> second;
  /// Area of the end points' convex hull over that of the targets', at most 1.
  double area_share = 0.0;
  Coupling coupling = Coupling::kUnspecified;
  /// Least second (first) measure of any trace point whose first (second) is at
  /// least 0.9; empty where none got there.
  std::optional<double> second_given_high_first = std::nullopt;
  std::optional<double> first_given_high_second = std::nullopt;
  /// Members that were still coming nearer to their targets.
  int64_t unsettled = 0;
  std::vector<TheoreticalBound> bounds = {};
};

/// A point in the plane of two measures.
struct RangePoint {
  double first = 0.0;
  double second = 0.0;
};

struct RangeInput {
  /// Canonical specifications of two measures.
  std::string first_measure;
  std::string second_measure;
  /// Targets and where their members ended, in the same order.
  std::vector<RangePoint> targets;
  std::vector<RangePoint> ends;
  /// The points that each member passed, its end not needed among them.
  std::vector<std::vector<RangePoint>> paths;
  /// Ranks of both sides, for bounds: at most min(n - 1, columns).
  int64_t candidate_rank = 0;
  int64_t reference_rank = 0;
};

/// The classification takes targets of which one coordinate lies in the upper
/// fifth of its axis and the other in the lower fifth, and asks how far the low
/// one was forced up where the high one was reached (within a tenth):
/// forced = (end - target) / length of the axis, the least over such targets,
/// infinite where none reached its high coordinate. Neither above 0.2:
/// independent; one more than twice the other: that one's height implies the
/// other; else coupled. A member is unsettled where the last tenth of its path
/// brought it more than 0.01 of the axes nearer: what such a member was forced
/// to is a bound from above only, and without others the answer is undecided.
/// It is the slope test of the paper,
/// (1 - s2) / (1 - s1) from targets (.95, 0) and (0, .95), in other words.
AllowedRange ComputeAllowedRange(const RangeInput& input);

/// Known bounds of a pair, measured against `paths`: CKA and NBS (or their
/// angular forms): cka / sqrt(r_x r_y) <= nbs^2 <= min(r_x, r_y) cka (Harvey et
/// al. 2023; Cloos et al. 2024). Empty for other pairs.
std::vector<TheoreticalBound> TheoreticalBounds(const RangeInput& input);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_ALLOWED_RANGE_H_
