// Representational dissimilarity matrices: how far apart the rows of one side
// are, and the way back from them to the rows.
#ifndef REPSCORE_CORE_MEASURES_RDM_H_
#define REPSCORE_CORE_MEASURES_RDM_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/measures/host.h"
#include "core/measures/measure.h"
#include "core/statistics/folds.h"
#include "core/statistics/statistics.h"

namespace repscore {

enum class RdmKind {
  kSquaredEuclidean,  ///< |x_i - x_j|^2
  kEuclidean,         ///< |x_i - x_j|
  kCorrelation,       ///< 1 - Pearson r of two rows
  kCosine,            ///< 1 - cosine of two rows
  kMahalanobis,       ///< (x_i - x_j)' P (x_i - x_j) / p of means over folds
  kCrossnobis,  ///< mean over a != b of (x_i - x_j)_a' P (x_i - x_j)_b / p
  kPoisson,     ///< (r_i - r_j) . (log r_i - log r_j) / p of rates r
};

/// How an RDM is built. The noise precision P is the identity, or the inverse
/// of (1 - s) N + s tr(N)/p I with s the shrinkage, where N [p x p] is the
/// covariance of what is left of every fold once the means of its conditions
/// over folds and its own mean are taken out, (c - 1)(M - 1) degrees of freedom
/// for c conditions in M folds. Rates are (x + lambda w) / (1 + w).
struct RdmRule {
  RdmKind kind = RdmKind::kSquaredEuclidean;
  bool whitens = false;       ///< P is estimated
  double shrinkage = 0.0;     ///< s in [0, 1]
  double prior_rate = 1.0;    ///< lambda > 0
  double prior_weight = 0.1;  ///< w > 0
  FoldRule folds;             ///< measurements of mahalanobis and crossnobis

  /// Parses "euclidean", "crossnobis(0.1)", "poisson(1,0.1)" ... with the
  /// numbers filled in where they are left out; without `folds`.
  static absl::StatusOr<RdmRule> Parse(std::string_view text);
  std::string ToString() const;

  /// Folds of `folds` are repeated measurements of the same conditions.
  bool uses_folds() const {
    return kind == RdmKind::kMahalanobis || kind == RdmKind::kCrossnobis;
  }
  /// The mean of the columns matters.
  bool uses_raw_rows() const {
    return kind == RdmKind::kCorrelation || kind == RdmKind::kCosine ||
           kind == RdmKind::kPoisson;
  }
  /// Entries are at least 0 and -D/2, double-centred, is positive
  /// semidefinite.
  bool is_euclidean() const { return kind != RdmKind::kCrossnobis; }

  /// What BuildRdm reads.
  void AddNeeds(StatisticsNeeds& needs) const;
  /// Claims of a comparison of such RDMs that does not see their scale.
  void Claim(MeasureInfo& info) const;
};

struct Rdm {
  /// D [c x c], symmetric with a zero diagonal.
  Eigen::MatrixXd distances;
  /// Entries closer than this differ by rounding only.
  double noise = 0.0;
  /// For the way back: unit rows, rates, or differences from fold means.
  Eigen::MatrixXd rows;
  Eigen::VectorXd lengths;
  std::vector<Eigen::MatrixXd> measurements;
  Eigen::MatrixXd precision;
};

/// InvalidArgument when the rows of `side` have no such RDM.
absl::StatusOr<Rdm> BuildRdm(const RdmRule& rule,
                             const Statistics& statistics,
                             Side side);

/// Adds the derivative of a value to `adjoint`; weights_ij = d value / d D_ij
/// of the pair i < j, symmetric with a zero diagonal. Weights of pairs at
/// Euclidean distance 0 do not count.
void PullBackRdm(const RdmRule& rule,
                 const Statistics& statistics,
                 Side side,
                 const Rdm& rdm,
                 const Eigen::MatrixXd& weights,
                 Adjoint& adjoint);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_RDM_H_
