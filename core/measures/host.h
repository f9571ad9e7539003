// Rows of statistics on the host, for measures whose work is combinatorial or
// small: ranks, assignments, neighbours, small factors.
#ifndef REPSCORE_CORE_MEASURES_HOST_H_
#define REPSCORE_CORE_MEASURES_HOST_H_

#include "core/backend/host_algebra.h"
#include "core/statistics/statistics.h"

namespace repscore {

enum class Side { kCandidate, kReference };

/// Column-centred rows of one side [n x features].
Eigen::MatrixXd CentredRows(const Statistics& statistics, Side side);

/// Rows of one side as they were before centring; needs `means`.
Eigen::MatrixXd RawRows(const Statistics& statistics, Side side);

/// Adds a derivative by raw rows of one side to `adjoint`: its centred part
/// goes to the rows, its column sums to the means.
void AddRawRows(Backend& backend,
                Side side,
                const Eigen::MatrixXd& derivative,
                Adjoint& adjoint);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_HOST_H_
