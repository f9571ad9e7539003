// What the reference says of itself: agreement of halves of its repetitions,
// and the score of its average over conditions. Machinery of context.h.
#ifndef REPSCORE_CORE_ANALYSIS_CEILING_H_
#define REPSCORE_CORE_ANALYSIS_CEILING_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/analysis/resampling.h"
#include "core/backend/host_algebra.h"
#include "core/data/dataset.h"
#include "core/measures/reference.h"

namespace repscore {

/// Empty when `dataset` is the average of two or more presentations of every
/// condition, else why not.
std::string WhyNoHalves(const Dataset& dataset);

/// Random halves of the presentations of every condition; the odd one goes to
/// either. Immutable; holds the presentations as float64.
class RandomHalves {
 public:
  /// Requires an empty WhyNoHalves. The dataset must outlive this.
  RandomHalves(const Dataset& dataset, uint64_t seed);

  /// Averages of both halves [q x n], the same for the same split.
  std::array<Eigen::MatrixXd, 2> Draw(int64_t split) const;

 private:
  const Dataset& dataset_;
  const uint64_t seed_;
  /// Conditions of the original, by condition of the average.
  const std::vector<std::vector<int64_t>> presentations_;
  Eigen::MatrixXd all_;
};

/// measure(first half, second half) for random halves. Requires an empty
/// WhyNoHalves.
absl::StatusOr<DrawnScores> ScoreHalves(const Reference& reference,
                                        const Resampler& resampler,
                                        int64_t splits,
                                        uint64_t seed,
                                        const Continue& keep_going);

/// Scores of the reference's average over conditions in every time bin,
/// repeated for every condition, as the candidate.
Values ScoreConditionAverage(const Reference& reference,
                             const Resampler& resampler,
                             std::string& failure);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_CEILING_H_
