// Linear assignment by shortest augmenting paths (Jonker and Volgenant 1987).
#ifndef REPSCORE_CORE_MEASURES_ASSIGNMENT_H_
#define REPSCORE_CORE_MEASURES_ASSIGNMENT_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "core/backend/host_algebra.h"

namespace repscore {

/// Pairs (row, column) of a smallest sum of `cost` [m x n], finite: every row
/// or every column, whichever are fewer, is in exactly one pair. In the order
/// of the fewer side; the same for the same costs. min(m, n)^2 max(m, n)
/// operations at worst.
std::vector<std::pair<int64_t, int64_t>> SolveAssignment(
    const Eigen::MatrixXd& cost);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_ASSIGNMENT_H_
