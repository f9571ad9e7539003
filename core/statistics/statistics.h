// The narrow waist: what measures see of two sets of rows, and the derivatives
// they give back.
//
// X [n x p] is the column-centred candidate, Y [n x q] the column-centred
// reference. Feature space: Gram matrices A = X'X, B = Y'Y and the cross
// product M = X'Y, per fold where there are folds. Sample space: kernels
// K = XX', L = YY'. All small matrices are float64.
#ifndef REPSCORE_CORE_STATISTICS_STATISTICS_H_
#define REPSCORE_CORE_STATISTICS_STATISTICS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/backend/backend.h"
#include "core/backend/matrix.h"
#include "core/statistics/folds.h"
#include "core/statistics/memo.h"

namespace repscore {

enum class Space { kFeature, kSample };

/// "feature" or "sample".
std::string_view SpaceName(Space space);

/// Where a pair of these sizes is compared: feature space for p <= n. The one
/// place that decides.
Space ChooseSpace(int64_t rows, int64_t candidate_features);

struct ProblemSize {
  int64_t rows = 0;                ///< n
  int64_t candidate_features = 0;  ///< p
  int64_t reference_features = 0;  ///< q
  Space space = Space::kFeature;
};

/// Which parts of Statistics are to be there.
struct StatisticsNeeds {
  bool gram = false;              ///< A
  bool cross = false;             ///< M
  bool reference_gram = false;    ///< B
  bool kernel = false;            ///< K
  bool reference_kernel = false;  ///< L
  bool row_norms = false;         ///< |x_i|^2, |y_i|^2 and their products
  bool candidate_rows = false;    ///< X itself
  bool reference_rows = false;    ///< Y itself
  /// Y with its own columns: a rotated stand-in would change the value.
  bool full_reference = false;
  bool means = false;                ///< column means of both sides
  bool fold_gram = false;            ///< A of every fold
  bool fold_reference_gram = false;  ///< B of every fold
  /// A must be accumulated in float64 though rows are float32.
  bool exact_gram = false;

  StatisticsNeeds& operator|=(const StatisticsNeeds& other);
  /// Of the swapped pair.
  StatisticsNeeds Swapped() const;
};

/// Moments of the rows of one fold, of globally centred data.
struct FoldMoments {
  int64_t rows = 0;
  Matrix candidate_sum;                 ///< s = X_f'1 [p x 1]
  Matrix reference_sum;                 ///< t = Y_f'1 [q x 1]
  Matrix gram;                          ///< X_f'X_f [p x p]
  Matrix cross;                         ///< X_f'Y_f [p x q]
  Matrix reference_gram;                ///< Y_f'Y_f [q x q]
  double candidate_norm_squared = 0.0;  ///< |X_f|^2
  double reference_norm_squared = 0.0;  ///< |Y_f|^2
};

/// factor * a in new memory; empty for an empty a.
Matrix Scaled(Backend& backend, double factor, const Matrix& a);

/// `a` in float64: itself or a copy.
Matrix Widened(Backend& backend, const Matrix& a);

/// into += from; parts that `into` lacks are copied.
void AddFoldMoments(Backend& backend,
                    const FoldMoments& from,
                    FoldMoments& into);

/// into += from, copying when `into` is empty. Does nothing for an empty
/// `from`.
void AddInto(Backend& backend, const Matrix& from, Matrix& into);

struct FoldedMoments {
  Folds folds;
  std::vector<FoldMoments> moments;
};

/// a_i = |x_i|^2 and b_i = |y_i|^2 of centred rows.
struct RowNorms {
  double candidate_squared = 0.0;  ///< a.a
  double reference_squared = 0.0;  ///< b.b
  double product = 0.0;            ///< a.b
  Matrix candidate;                ///< a [n x 1]; empty when rows were not kept
  Matrix reference;                ///< b [n x 1]; empty when rows were not kept
};

struct Statistics {
  Backend* backend = nullptr;
  ProblemSize size;
  double candidate_norm_squared = 0.0;  ///< |X|^2 = tr A
  double reference_norm_squared = 0.0;  ///< |Y|^2 = tr B
  Matrix gram;
  Matrix cross;
  Matrix reference_gram;
  Matrix kernel;
  Matrix reference_kernel;
  RowNorms row_norms;
  /// X and Y; empty when they were not kept.
  Matrix candidate_rows;
  Matrix reference_rows;
  /// What centring removed, [p x 1] and [q x 1]: row i was x_i + means.
  Matrix candidate_means;
  Matrix reference_means;
  /// By FoldRule::ToString().
  std::map<std::string, FoldedMoments> folds;
  /// Row i is row original_rows[i] of the dataset; empty for the same order.
  std::vector<int64_t> original_rows;
  /// For measures to keep results in, where it is worth it: of this pair, and
  /// of the candidate alone, which hold for every other reference too.
  std::shared_ptr<Memo> memo;
  std::shared_ptr<Memo> candidate_memo;
  /// Asked between the parts of a long computation, from the backend's thread;
  /// not-OK stops it. Empty: nobody waits.
  std::function<absl::Status()> keep_going;

  /// The same pair with the roles of the sides exchanged.
  Statistics Swapped() const;
};

/// What a fixed reference contributes; empty parts are computed.
struct ReferenceConstants {
  double norm_squared = -1.0;
  Matrix gram;
  Matrix kernel;
  Matrix row_norms;
};

/// d value / d FoldMoments.
struct FoldMomentsAdjoint {
  Matrix candidate_sum;
  Matrix reference_sum;
  Matrix gram;
  Matrix cross;
  Matrix reference_gram;
  double candidate_norm_squared = 0.0;
  double reference_norm_squared = 0.0;
};

/// d value / d Statistics. Empty matrices are zero; Gram and kernel parts are
/// symmetric. The rows get
///   dX = 2 X (A + c I) + Y M' + 2 diag(a) X + 2 K X     (bars left out)
///   dY = 2 Y (B + d I) + X M  + 2 diag(b) Y + 2 L Y + direct
/// plus the fold parts in the rows of each fold; column means of all that are
/// removed, and 1/n of the derivative by the means is added.
struct Adjoint {
  double candidate_norm_squared = 0.0;
  double reference_norm_squared = 0.0;
  Matrix gram;
  Matrix cross;
  Matrix reference_gram;
  Matrix kernel;
  Matrix reference_kernel;
  Matrix candidate_row_norms;  ///< [n x 1]
  Matrix reference_row_norms;  ///< [n x 1]
  Matrix candidate_rows;       ///< direct d value / dX [n x p]
  Matrix reference_rows;       ///< direct d value / dY [n x q]
  Matrix candidate_means;      ///< [p x 1]
  Matrix reference_means;      ///< [q x 1]
  std::map<std::string, std::vector<FoldMomentsAdjoint>> folds;

  /// this += factor * other, in new memory where parts would be shared.
  void AddScaled(Backend& backend, double factor, const Adjoint& other);
  Adjoint Swapped(Backend& backend) const;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_STATISTICS_STATISTICS_H_
