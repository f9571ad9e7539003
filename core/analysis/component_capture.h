// How well a candidate captures each principal component of the reference.
#ifndef REPSCORE_CORE_ANALYSIS_COMPONENT_CAPTURE_H_
#define REPSCORE_CORE_ANALYSIS_COMPONENT_CAPTURE_H_

#include <vector>

#include "core/backend/backend.h"

namespace repscore {

/// R2_i = |Q'u_i|^2 in [0, 1] for every column u_i of `components` [n x k], Q
/// an orthonormal basis of the centred `candidate` [n x p] (Cloos et al. 2024,
/// section 4). A random candidate gives about p / (n - 1). Both matrices have
/// the same scalar type; the factorisation is float64.
std::vector<double> ComponentCapture(Backend& backend,
                                     const Matrix& candidate,
                                     const Matrix& components);

/// The same from products that a step has made already: `gram` = X'X [p x p]
/// and `cross` = X'U [p x k], both float64, whatever they were accumulated in.
/// False, with nothing written, when the Gram matrix is too near to singular
/// for that: the rows must be asked.
bool ComponentCaptureFromProducts(Backend& backend,
                                  const Matrix& gram,
                                  const Matrix& cross,
                                  std::vector<double>& captured);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_COMPONENT_CAPTURE_H_
