// Eigen, and the way between a backend's matrices and the host: for problems
// that are small or combinatorial. The one header beside the CPU backend that
// knows a linear algebra library.
#ifndef REPSCORE_CORE_BACKEND_HOST_ALGEBRA_H_
#define REPSCORE_CORE_BACKEND_HOST_ALGEBRA_H_

#include <Eigen/Core>
#include <Eigen/Dense>

#include "absl/types/span.h"
#include "core/backend/backend.h"

namespace repscore {

/// A float64 copy.
Eigen::MatrixXd ToHost(Backend& backend, const Matrix& matrix);

/// values = exp(values), to 4 units in the last place.
void ExpInPlace(absl::Span<double> values);

/// A float64 copy in the backend's memory.
Matrix ToBackend(Backend& backend, const Eigen::MatrixXd& matrix);

}  // namespace repscore

#endif  // REPSCORE_CORE_BACKEND_HOST_ALGEBRA_H_
