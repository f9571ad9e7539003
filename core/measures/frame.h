// Rows through their singular values, for measures that are functions of the
// spectrum: partial whitening and canonical correlations.
//
//   X = V diag(s) O' over the singular values above rounding,
//   E = V diag(s z),  z = z(s) the gain of every direction.
//
// E E' = h(K) with h(w) = w z^2 of the eigenvalues w = s^2 of K = XX'.
#ifndef REPSCORE_CORE_MEASURES_FRAME_H_
#define REPSCORE_CORE_MEASURES_FRAME_H_

#include <cstdint>

#include "core/backend/backend.h"
#include "core/measures/host.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// a'b or ab' or ab in new memory, float64.
Matrix Multiply(
    Backend& backend, Op a_op, const Matrix& a, Op b_op, const Matrix& b);

/// a diag(factors), in new memory.
Matrix ScaledColumns(Backend& backend,
                     const Matrix& a,
                     const Eigen::VectorXd& factors);

/// Thin singular value decomposition of rows X [n x p], rank r.
struct Frame {
  Matrix left;             ///< V [n x r]
  Eigen::VectorXd values;  ///< s, largest first
  Matrix right;            ///< O' [r x p]

  int64_t rank() const { return values.size(); }
};

/// Singular values below max(n, p) eps s_1 are left out. `removed_norm` is the
/// norm of the means that were taken off the rows: what centring leaves of
/// constant columns is rounding of it.
Frame FrameOf(Backend& backend, const Matrix& rows, double removed_norm);

/// Frame of the centred rows of one side; needs its rows and means.
Frame CentredFrame(const Statistics& statistics, Side side);

/// d f / dX [n x p] of f(C), C = E'F, where `cross_adjoint` is d f / dC, F does
/// not depend on X, and quotients(i, j) = (h(w_i) - h(w_j)) / (w_i - w_j), or
/// h'(w_i) where the two are equal:
///   T = F (df/dC)',  U = V'T
///   dX = V (quotients o U diag(1/z)) O' + (I - VV') T diag(z) O'
/// No eigenvalue gaps appear in it; null directions of X stay null.
Matrix FramePullBack(Backend& backend,
                     const Frame& frame,
                     const Eigen::VectorXd& gains,
                     const Eigen::MatrixXd& quotients,
                     const Matrix& other,
                     const Eigen::MatrixXd& cross_adjoint);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_FRAME_H_
