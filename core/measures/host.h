// Matrices of a backend as Eigen matrices on the host, for measures whose work
// is combinatorial or small: ranks, assignments, neighbours, small factors.
#ifndef REPSCORE_CORE_MEASURES_HOST_H_
#define REPSCORE_CORE_MEASURES_HOST_H_

#include <Eigen/Core>

#include "core/backend/backend.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// A float64 copy.
Eigen::MatrixXd ToHost(Backend& backend, const Matrix& matrix);

/// A float64 copy in the backend's memory.
Matrix ToBackend(Backend& backend, const Eigen::MatrixXd& matrix);

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
