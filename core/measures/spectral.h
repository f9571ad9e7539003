// Inverses and ranks of symmetric positive semidefinite matrices.
#ifndef REPSCORE_CORE_MEASURES_SPECTRAL_H_
#define REPSCORE_CORE_MEASURES_SPECTRAL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/backend/backend.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// (A + shift I)^-1 of a symmetric positive semidefinite A [p x p] float64; the
/// pseudo-inverse where that is singular (shift 0 and A of lower rank).
/// Cholesky where it is safe, else eigenvectors.
class PositiveFactor {
 public:
  /// `singular`: A is known to be, so that with shift 0 only eigenvectors will
  /// do: a column of mere rounding passes for a small one in Cholesky.
  PositiveFactor(Backend& backend,
                 const Matrix& a,
                 double shift,
                 bool singular = false);

  /// Factors of many A_i + shift_i I at once, the shifts all positive or all 0.
  /// `make(i)` returns A_i in memory that the factor may use up; it is called
  /// again for a matrix that Cholesky does not do for.
  static std::vector<std::shared_ptr<const PositiveFactor>> Batch(
      Backend& backend,
      absl::Span<const double> shifts,
      const std::function<Matrix(size_t)>& make);

  /// (A_i + shift_i I)^+ b_i of many factors of one backend, in new memory.
  static std::vector<Matrix> SolveBatch(
      absl::Span<const std::shared_ptr<const PositiveFactor>> factors,
      absl::Span<const Matrix> b);

  /// (A + shift I)^+ b in new memory.
  Matrix Solve(const Matrix& b) const;

  /// Rank that was found; p where A + shift I is positive definite.
  int64_t rank() const { return rank_; }

 private:
  explicit PositiveFactor(Backend& backend) : backend_(backend) {}
  /// From eigenvectors, where Cholesky does not do.
  void UseSpectrum(const Matrix& shifted);

  Backend& backend_;
  int64_t rank_ = 0;
  Matrix cholesky_;
  /// V diag(w)^-1/2 of the kept eigenpairs.
  Matrix scaled_vectors_;
};

/// The candidate's kernel, of products in float64 whatever the rows are: for
/// what tells its directions from rounding.
Matrix ExactKernel(const Statistics& statistics);

/// The factor of A + shift I in feature space, of K + shift I in sample space;
/// kept for other references.
std::shared_ptr<const PositiveFactor> CandidateFactor(
    const Statistics& statistics, Space space, double shift);

/// Polar factor of M and the sum of its singular values, kept for other
/// measures of the pair. The factor is shared: read it only.
struct CrossPolar {
  double nuclear_norm = 0.0;
  Matrix factor;  ///< [p x r]
  /// As PolarNorm::fine.
  bool fine = true;
};
std::shared_ptr<const CrossPolar> PolarOfCross(const Statistics& statistics,
                                               PolarMethod method);

/// Sum of the singular values of `a` float64, to about `tolerance` of itself:
/// from the smaller Gram matrix where that keeps so many digits, else by SVD.
double NuclearNorm(Backend& backend, const Matrix& a, double tolerance);

/// Sum of the singular values of M, of a polar factor that the pair has already
/// or of NuclearNorm, as good as a step of an optimisation needs it.
double NuclearNormOfCross(const Statistics& statistics);

/// Keeps the sum of the singular values of M for the measures of the pair
/// instead of what PolarOfCross would find: its factor is empty. For pairs of
/// which no adjoint will be asked; needs a memo.
void RememberNuclearNorm(const Statistics& statistics);

/// Eigenpairs of a symmetric positive semidefinite matrix above rounding.
struct Spectrum {
  Matrix vectors;              ///< [n x rank]
  std::vector<double> values;  ///< ascending
};
Spectrum PositiveSpectrum(Backend& backend, const Matrix& a);

/// Participation ratio (sum w)^2 / sum w^2 from tr A and |A|^2: the number of
/// equal eigenvalues with the same ratio.
double ParticipationRatio(double trace, double squared_norm);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_SPECTRAL_H_
