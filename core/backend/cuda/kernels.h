// Our own kernels, as host functions that launch them. Shapes fit; the caller
// has checked. Where a matrix may be of either scalar type it says so, else it
// is float64. Factors that differ from step to step are read from the device,
// so that work that was recorded once serves them all.
#ifndef REPSCORE_CORE_BACKEND_CUDA_KERNELS_H_
#define REPSCORE_CORE_BACKEND_CUDA_KERNELS_H_

#include <cuda_runtime.h>

#include <array>
#include <cstdint>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cuda/launcher.h"
#include "core/backend/matrix.h"

namespace repscore::cuda {

// Elements. Matrices of Copy to MirrorLower are of either type.

/// Copies, converting.
cudaError_t CopyElements(const Launcher& on,
                         const Matrix& in,
                         const Matrix& out);
cudaError_t FillElements(const Launcher& on, double value, const Matrix& out);
/// out row i = in row first[i]; `indices` is on the device.
cudaError_t GatherElements(const Launcher& on,
                           const Matrix& in,
                           const int64_t* indices,
                           const Matrix& out);
/// Elements first, first + 1, ... of a matrix, column by column, from and to
/// contiguous memory of its scalar type.
cudaError_t Unpack(const Launcher& on,
                   const void* packed,
                   int64_t first,
                   int64_t count,
                   const Matrix& out);
cudaError_t Pack(const Launcher& on,
                 const Matrix& in,
                 int64_t first,
                 int64_t count,
                 void* packed);
/// b = alpha a + beta b; beta = 0 overwrites.
cudaError_t AddScaled(const Launcher& on,
                      const double* alpha,
                      const Matrix& a,
                      const double* beta,
                      const Matrix& b);
/// c = alpha a b' + beta c of two vectors, each a column or a row, of c's type;
/// beta = 0 overwrites.
cudaError_t AddOuterProduct(const Launcher& on,
                            const double* alpha,
                            const Matrix& a,
                            const Matrix& b,
                            const double* beta,
                            const Matrix& c);
/// out = in', of one type.
cudaError_t TransposeElements(const Launcher& on,
                              const Matrix& in,
                              const Matrix& out);
/// The upper triangle from the lower one.
cudaError_t MirrorLower(const Launcher& on, const Matrix& a);
/// out_ij = offset_j, or out_ij += offset_j; out of either type.
cudaError_t SetOffsets(const Launcher& on,
                       const Matrix& offset,
                       bool add,
                       const Matrix& out);

/// a_ii = keep a_ii + value
cudaError_t ChangeDiagonal(const Launcher& on,
                           double keep,
                           const double* value,
                           const Matrix& a);
/// diagonal [n x 1] of a
cudaError_t CopyDiagonal(const Launcher& on,
                         const Matrix& a,
                         const Matrix& diagonal);
cudaError_t ScaleRowsBy(const Launcher& on,
                        const Matrix& weights,
                        const Matrix& a,
                        const Matrix& out);
cudaError_t ScaleColumnsBy(const Launcher& on,
                           const Matrix& weights,
                           const Matrix& a,
                           const Matrix& out);
/// out = a / squared^(1/4), squared [1 x 1]; a and out of either type.
cudaError_t DivideByFourthRoot(const Launcher& on,
                               const Matrix& squared,
                               const Matrix& a,
                               const Matrix& out);
cudaError_t Distances(const Launcher& on,
                      const Matrix& kernel,
                      const Matrix& diagonal,
                      double relative_floor,
                      const Matrix& out);
cudaError_t MapElements(const Launcher& on,
                        Function function,
                        const double* scale,
                        const Matrix& in,
                        const Matrix& out);
cudaError_t MultiplyElements(const Launcher& on,
                             const double* alpha,
                             const Matrix& a,
                             const Matrix& b,
                             const Matrix& out);
/// out = R' of the upper triangle R of `factored`; square.
cudaError_t TransposeUpper(const Launcher& on,
                           const Matrix& factored,
                           const Matrix& out);

// Sums.

/// a of either type.
cudaError_t SumColumns(const Launcher& on, const Matrix& a, const Matrix& sums);
/// out [m x 1] = alpha op(a) x + beta out, all of one type of the two; op is
/// the transpose where `transposed`, x a column or a row. beta = 0 overwrites.
/// For small ones: where op(a) is a its rows are read, element by element.
cudaError_t MultiplyVector(const Launcher& on,
                           bool transposed,
                           const double* alpha,
                           const Matrix& a,
                           const Matrix& x,
                           const double* beta,
                           const Matrix& out);
/// Removes column means, twice, and writes them; a of either type.
cudaError_t RemoveMeans(const Launcher& on,
                        const Matrix& a,
                        const Matrix& means);
/// Chunks of columns that partial sums of rows are kept for.
int64_t RowSumChunks(int64_t cols);
/// a of either type; partial [n x RowSumChunks].
cudaError_t SquaredRowNorms(const Launcher& on,
                            const Matrix& a,
                            const Matrix& partial,
                            const Matrix& norms);

/// One sum of products of equally spaced elements, column by column. A null b
/// sums a.
struct DotTerm {
  const void* a = nullptr;
  const void* b = nullptr;
  ScalarType type = ScalarType::kFloat64;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t step = 1;      ///< from one element of a column to the next
  int64_t a_stride = 0;  ///< from one column to the next
  int64_t b_stride = 0;
};
/// All of a term, for keys.
std::array<int64_t, 8> WordsOf(const DotTerm& term);
DotTerm DotOf(const Matrix& a, const Matrix& b);
DotTerm TraceOf(const Matrix& a);
/// Partial sums that Dots needs room for.
int64_t DotSegments(const std::vector<DotTerm>& terms);
/// results[t] of every term, all in few launches.
cudaError_t SumDots(const Launcher& on,
                    const std::vector<DotTerm>& terms,
                    const Matrix& partial,
                    const Matrix& results);

/// sums [n x 1], total [1 x 1] are scratch.
cudaError_t DoubleCentreKernel(const Launcher& on,
                               const Matrix& kernel,
                               const Matrix& sums,
                               const Matrix& total);
cudaError_t UCentreKernel(const Launcher& on,
                          const Matrix& kernel,
                          const Matrix& sums,
                          const Matrix& total);
cudaError_t LaplacianOf(const Launcher& on,
                        const Matrix& weights,
                        const Matrix& out);
/// verdict[0] = how many pivots are at most relative_floor of `diagonal`, or
/// not finite, plus `info` of the factorisation, an int.
cudaError_t JudgePivots(const Launcher& on,
                        const Matrix& factor,
                        const Matrix& diagonal,
                        double relative_floor,
                        const Matrix& info,
                        const Matrix& verdict);

// The way back to the rows.

/// What changes from step to step without changing the work.
struct StepFactors {
  double beta1;
  double beta2;
  double epsilon;
  double step_size;
  double second_scale;
  double own_scale;
};

/// Elementwise terms of G; empty matrices are absent.
struct GradientTerms {
  Matrix own;
  Matrix row_weights;
  Matrix direct;
  Matrix means;
};
/// Adds own_scale own and the terms to the products in `gradient`, of own's
/// type, and removes column means.
cudaError_t FinishGradient(const Launcher& on,
                           const GradientTerms& terms,
                           const double* own_scale,
                           const Matrix& gradient);

struct AdamMatrices {
  const StepFactors* factors = nullptr;  ///< on the device
  Matrix first;
  Matrix second;
  Matrix next;  ///< comes with the products
  Matrix means;
  Matrix norms;  ///< [p x 2]: |g|^2 and |next|^2 of every column
};
/// As FinishGradient in the place of `next`, then one step of Adam from it.
cudaError_t FinishStep(const Launcher& on,
                       const GradientTerms& terms,
                       const AdamMatrices& adam);

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_KERNELS_H_
