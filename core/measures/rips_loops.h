// Persistent homology of a Vietoris-Rips filtration in dimension one: over
// which ranges of distance loops live.
#ifndef REPSCORE_CORE_MEASURES_RIPS_LOOPS_H_
#define REPSCORE_CORE_MEASURES_RIPS_LOOPS_H_

#include "core/backend/host_algebra.h"

namespace repscore {

/// Sum of death - birth over the bars of H1 with coefficients in Z/2. Of
/// `distances` [N x N], symmetric and not necessarily a metric, the lower
/// triangle is read; the diagonal is 0. N^2 operations at least, N^3 where few
/// triangles are born with their longest edge; N^2 memory.
///
/// By cohomology with clearing (de Silva, Morozov & Vejdemo-Johansson 2011;
/// Chen & Kerber 2011) and emergent pairs (Bauer 2021, Ripser).
double SumOfLoops(const Eigen::MatrixXd& distances);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_RIPS_LOOPS_H_
