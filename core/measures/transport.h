// Optimal transport between two uniform measures of finitely many points.
#ifndef REPSCORE_CORE_MEASURES_TRANSPORT_H_
#define REPSCORE_CORE_MEASURES_TRANSPORT_H_

#include <cstdint>
#include <vector>

#include "core/backend/host_algebra.h"

namespace repscore {

struct Shipment {
  int64_t source = 0;
  int64_t sink = 0;
  double mass = 0.0;
};

/// A plan of smallest cost [m x n], finite, that takes 1/m from every row to
/// every column's 1/n. Exact: successive shortest paths with whole units, one
/// assignment for m = n. About (m + n) m n operations.
std::vector<Shipment> SolveTransport(const Eigen::MatrixXd& cost);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_TRANSPORT_H_
