// What a device can do: coarse dense algebra over column-major matrices.
//
// One Backend serves one thread. Operations on rows run in the precision of
// their matrices (kFloat32 multiplies in true float32, unless RoundFactors()
// says otherwise); reductions to scalars
// accumulate in float64; factorisations take kFloat64 only. Shapes must fit
// (a mismatch is a bug and throws). Device failures throw BackendError and
// become a Status at one seam, Guarded().
#ifndef REPSCORE_CORE_BACKEND_BACKEND_H_
#define REPSCORE_CORE_BACKEND_BACKEND_H_

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/backend/matrix.h"

namespace repscore {

/// A failed device operation; carries the Status the caller gets.
class BackendError : public std::exception {
 public:
  explicit BackendError(absl::Status status)
      : status_(std::move(status)), text_(status_.message()) {}
  const absl::Status& status() const { return status_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  absl::Status status_;
  std::string text_;
};

/// The seam between exceptions inside and Status outside: runs `body`, which
/// returns a Status or StatusOr, and turns BackendError and bad_alloc into one.
template <typename Body>
auto Guarded(Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const BackendError& error) {
    return error.status();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of host memory");
  }
}

enum class Op { kNone, kTranspose };

/// What the elements of kFloat32 matrices are rounded to before they are
/// multiplied. Sums are float32 either way.
enum class Rounding {
  kNone,
  kTf32,      ///< TF32: 10 bits after the first
  kBfloat16,  ///< bfloat16: 7 bits
};

/// How a polar factor is found. Devices take what suits them.
enum class PolarMethod {
  kSvd,   ///< as good as a thin SVD
  kGram,  ///< as good as eigenvectors of the smaller Gram matrix, which lose
          ///< digits of small singular values; for steps of an optimisation
};

struct PolarNorm {
  double nuclear = 0.0;  ///< sum of the singular values
  /// Small singular values are held as well as by kSvd.
  bool fine = true;
};

/// Functions of one element; see Backend::Map.
enum class Function {
  kExp,
  kSquareRoot,
  kReciprocal,  ///< 0 at 0
};

/// Gradient of some rows [first, first + count): adds
/// other * other_weights + own * own_weights + 1 * offset'. Empty parts are 0.
struct RowTerms {
  int64_t first = 0;
  int64_t count = 0;
  Matrix other_weights;  ///< [r x p]
  Matrix own_weights;    ///< [p x p]
  Matrix offset;         ///< [p x 1]
};

/// The gradient with respect to the rows of one side,
///   G = C( own_scale * own + diag(row_weights) own + kernel * own + direct
///          + RowTerms ) + 1 means' / n,
/// where C removes column means. Empty parts are 0.
struct PullBackTerms {
  Matrix own;    ///< [n x p]
  Matrix other;  ///< [n x r]
  double own_scale = 0.0;
  Matrix row_weights;  ///< [n x 1]
  Matrix kernel;       ///< [n x n] symmetric
  Matrix direct;       ///< [n x p]
  Matrix means;        ///< [p x 1] float64
  std::vector<RowTerms> rows;
};

/// One step of Adam, upwards: step_size = learning rate / (1 - beta1^t),
/// second_scale = 1 / (1 - beta2^t).
struct AdamCoefficients {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double step_size = 0.0;
  double second_scale = 1.0;
};

struct DeviceMemory {
  int64_t total_bytes = 0;
  int64_t free_bytes = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  /// "cpu", "cuda:0".
  virtual std::string name() const = 0;
  /// CPU threads one operation may use.
  virtual int threads() const = 0;
  /// Of the device, now: host memory for the CPU.
  virtual DeviceMemory memory() const = 0;
  /// Not OK once the device has failed for good: every later operation of this
  /// backend would fail too, whatever it is given.
  virtual absl::Status Health() const { return absl::OkStatus(); }
  /// Another queue of the same device with `threads` CPU threads, for a second
  /// thread. Both may read what either has finished writing.
  virtual std::unique_ptr<Backend> Sibling(int threads) const = 0;

  // Memory.

  /// Uninitialised [rows x cols].
  virtual Matrix Allocate(int64_t rows, int64_t cols, ScalarType type) = 0;
  /// `elements` are column-major, rows * cols of them.
  virtual void Upload(absl::Span<const double> elements, const Matrix& out) = 0;
  virtual void Download(const Matrix& in, absl::Span<double> elements) = 0;
  /// Copies, converting between scalar types.
  virtual void Copy(const Matrix& in, const Matrix& out) = 0;
  virtual void Transpose(const Matrix& in, const Matrix& out) = 0;
  virtual void Fill(double value, const Matrix& out) = 0;
  /// out row i = in row indices[i].
  virtual void GatherRows(const Matrix& in,
                          absl::Span<const int64_t> indices,
                          const Matrix& out) = 0;

  // Products. All matrices of one call have the same scalar type.

  /// Lets products of kFloat32 matrices round their factors from here on, where
  /// the device is faster for it: NVIDIA's tensor cores. kNone at first, in
  /// siblings too; other devices take no notice. Polar factors never do.
  /// Returns what was in force.
  virtual Rounding RoundFactors(Rounding /*rounding*/) {
    return Rounding::kNone;
  }

  /// c = alpha * op(a) op(b) + beta * c. beta = 0 overwrites.
  virtual void Gemm(Op a_op,
                    Op b_op,
                    double alpha,
                    const Matrix& a,
                    const Matrix& b,
                    double beta,
                    const Matrix& c) = 0;
  /// c = alpha * a'a (kTranspose) or alpha * aa' (kNone) + beta * c, both
  /// triangles.
  virtual void Syrk(
      Op op, double alpha, const Matrix& a, double beta, const Matrix& c) = 0;

  // Elementwise.

  /// b = alpha * a + beta * b. Same scalar type.
  virtual void Axpby(double alpha,
                     const Matrix& a,
                     double beta,
                     const Matrix& b) = 0;
  /// a += alpha * I
  virtual void AddDiagonal(double alpha, const Matrix& a) = 0;
  /// out = diag(weights) a, weights [n x 1] float64.
  virtual void ScaleRows(const Matrix& weights,
                         const Matrix& a,
                         const Matrix& out) = 0;
  /// Removes column means in place and writes them to means [p x 1] float64.
  virtual void CentreColumns(const Matrix& a, const Matrix& means) = 0;
  /// U-centring (Szekely & Rizzo 2014) of a symmetric [n x n] kernel in place,
  /// n >= 4.
  virtual void UCentre(const Matrix& kernel) = 0;
  /// H K H with H = I - 11'/n of a symmetric [n x n] kernel, in place.
  virtual void DoubleCentre(const Matrix& kernel) = 0;

  // Elementwise on square matrices, kFloat64; out may be the input.

  /// D_ij = K_ii + K_jj - 2 K_ij, squared distances between the rows that a
  /// symmetric [n x n] kernel is of. Exactly 0 on the diagonal and where it is
  /// at most relative_floor (K_ii + K_jj): repeated rows stay repeated.
  virtual void SquaredDistances(const Matrix& kernel,
                                double relative_floor,
                                const Matrix& out) = 0;
  /// out_ij = function(scale in_ij)
  virtual void Map(Function function,
                   double scale,
                   const Matrix& in,
                   const Matrix& out) = 0;
  /// out_ij = alpha a_ij b_ij
  virtual void Hadamard(double alpha,
                        const Matrix& a,
                        const Matrix& b,
                        const Matrix& out) = 0;
  /// out = diag(W 1) - W for symmetric weights W [n x n]: half the derivative
  /// by the kernel of sum_ij W_ij D_ij over all ordered pairs.
  virtual void Laplacian(const Matrix& weights, const Matrix& out) = 0;
  /// a_ii = value
  virtual void FillDiagonal(double value, const Matrix& a) = 0;

  // Reductions, in float64.

  /// sum of a_ij * b_ij for every pair: the one synchronisation of a step.
  virtual std::vector<double> Dots(
      absl::Span<const std::pair<Matrix, Matrix>> pairs) = 0;
  double Dot(const Matrix& a, const Matrix& b) {
    return Dots({{std::pair<Matrix, Matrix>(a, b)}})[0];
  }
  /// sums [p x 1] float64.
  virtual void ColumnSums(const Matrix& a, const Matrix& sums) = 0;
  /// norms [n x 1] float64: squared Euclidean norm of every row.
  virtual void RowSquaredNorms(const Matrix& a, const Matrix& norms) = 0;
  virtual double Trace(const Matrix& a) = 0;

  // Factorisations, kFloat64.

  /// Cholesky factor of a symmetric matrix in its place, in a form of this
  /// backend's own, for CholeskySolve alone. False when it is not numerically
  /// positive definite: a pivot is below `relative_floor` of its diagonal.
  virtual bool Cholesky(const Matrix& a, double relative_floor) = 0;
  /// b = (L L')^-1 b; factor from Cholesky.
  virtual void CholeskySolve(const Matrix& factor, const Matrix& b) = 0;
  /// Cholesky of many matrices at once, of any sizes and none twice: one
  /// verdict each, and one synchronisation for all of them.
  virtual std::vector<bool> CholeskyBatch(absl::Span<const Matrix> batch,
                                          double relative_floor) = 0;
  /// b[i] = (L_i L_i')^-1 b[i] for many factors at once.
  virtual void CholeskySolveBatch(absl::Span<const Matrix> factors,
                                  absl::Span<const Matrix> b) = 0;
  /// a = V diag(w) V': V replaces a, w is returned in ascending order.
  virtual std::vector<double> SymmetricEigen(const Matrix& a) = 0;
  /// The eigenvalues of a symmetric a, in ascending order; a is destroyed.
  virtual std::vector<double> SymmetricEigenvalues(const Matrix& a) = 0;
  /// Polar factor Q = U V' of a = U S V', restricted to singular values above
  /// rounding (minimal-norm subgradient of the nuclear norm).
  virtual PolarNorm Polar(const Matrix& a,
                          PolarMethod method,
                          const Matrix& q) = 0;
  /// Thin decomposition a = u diag(s) vt of a [m x n] with u [m x k] and
  /// vt [k x n], k = min(m, n); returns s, largest first.
  virtual std::vector<double> Svd(const Matrix& a,
                                  const Matrix& u,
                                  const Matrix& vt) = 0;
  /// [n x min(n, q)] with the same a a': a itself for q <= n, else the
  /// transposed triangular factor of a'.
  virtual Matrix CompressColumns(const Matrix& a) = 0;

  // The way back to the rows.

  /// gradient [n x p] = G of `terms`.
  virtual void PullBack(const PullBackTerms& terms, const Matrix& gradient) = 0;

  struct StepNorms {
    double gradient_squared = 0.0;
    double next_squared = 0.0;
  };
  /// G and one Adam step fused over column blocks: next = own + step, column
  /// means removed from next and added to means [p x 1] float64. first and
  /// second are Adam's moments [n x p], updated in place.
  virtual StepNorms PullBackAdam(const PullBackTerms& terms,
                                 const AdamCoefficients& adam,
                                 const Matrix& first,
                                 const Matrix& second,
                                 const Matrix& next,
                                 const Matrix& means) = 0;
};

/// RoundFactors() for as long as this lives.
class ScopedRounding {
 public:
  ScopedRounding(Backend& backend, Rounding rounding)
      : backend_(backend), before_(backend.RoundFactors(rounding)) {}
  ~ScopedRounding() { backend_.RoundFactors(before_); }
  ScopedRounding(const ScopedRounding&) = delete;
  ScopedRounding& operator=(const ScopedRounding&) = delete;

 private:
  Backend& backend_;
  const Rounding before_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_BACKEND_BACKEND_H_
