// The orthogonal change of basis that makes two square operators most alike.
#ifndef REPSCORE_CORE_MEASURES_OPERATOR_ALIGNMENT_H_
#define REPSCORE_CORE_MEASURES_OPERATOR_ALIGNMENT_H_

#include <cstdint>

#include "core/backend/host_algebra.h"

namespace repscore {

struct AlignmentOptions {
  int64_t restarts = 32;  ///< random starts, of both determinants in turn
  uint64_t seed = 1;
};

struct OperatorAlignment {
  Eigen::MatrixXd rotation;  ///< C [r x r], orthogonal
  double distance = 0.0;     ///< |A - C B C'|
  bool converged = false;
};

/// Minimises |A - C B C'| over orthogonal C of both determinants by a
/// quasi-Newton search on the group from C = I, its reflection, a matching of
/// the eigenvectors of both symmetric parts, and random starts; the best end is
/// returned. Not convex: the global optimum is not certain. The same for
/// exchanged operators.
OperatorAlignment AlignOperators(const Eigen::MatrixXd& a,
                                 const Eigen::MatrixXd& b,
                                 const AlignmentOptions& options);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_OPERATOR_ALIGNMENT_H_
