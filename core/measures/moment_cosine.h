// Cosines of functions of moments and row norms: what squared Euclidean RDMs
// and unbiased kernels come down to (no n x n in feature space).
#ifndef REPSCORE_CORE_MEASURES_MOMENT_COSINE_H_
#define REPSCORE_CORE_MEASURES_MOMENT_COSINE_H_

#include "absl/status/statusor.h"
#include "core/measures/measure.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// F(X, Y) = cross |X'Y|^2 + norms a.b + sums (1'a)(1'b) of centred rows with
/// squared norms a_i = |x_i|^2, b_i = |y_i|^2.
struct MomentForm {
  double cross = 1.0;
  double norms = 0.0;
  double sums = 0.0;
  /// v = F(X, Y) / (sqrt(F(X, X) F(Y, Y)) + added)
  double added = 0.0;
  /// v = 0 where F(X, X) F(Y, Y) <= 0, which is InvalidArgument otherwise.
  bool zero_when_undefined = false;
};

/// What EvaluateMomentForm reads.
StatisticsNeeds MomentFormNeeds(Space space);

/// The cosine v with its adjoint; the same in both spaces.
absl::StatusOr<Evaluation> EvaluateMomentForm(const MomentForm& form,
                                              const Statistics& statistics,
                                              AdjointRequest request);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_MOMENT_COSINE_H_
