// The covariance of measurement noise between conditions, by which whitened
// comparisons of RDMs weigh distances that share a condition.
#ifndef REPSCORE_CORE_MEASURES_RDM_NOISE_H_
#define REPSCORE_CORE_MEASURES_RDM_NOISE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/host_algebra.h"
#include "core/measures/rdm.h"

namespace repscore {

/// Sigma_k [c x c] of c conditions; its scale does not matter.
struct ConditionNoise {
  enum class Kind {
    kIdentity,
    kDiagonal,     ///< of given variances
    kRepetitions,  ///< of the reference's folds about their mean
  };
  Kind kind = Kind::kIdentity;
  std::vector<double> variances;  ///< kDiagonal, above 0
  /// kRepetitions: (1 - s) Sigma + s tr(Sigma) / (c - 1) I, after centring.
  double shrinkage = 0.0;

  /// "identity", "diagonal(v1,v2,...)", "repetitions(0.1)". InvalidArgument
  /// starts with "noise".
  static absl::StatusOr<ConditionNoise> Parse(std::string_view text);
  std::string ToString() const;
  bool is_identity() const { return kind == Kind::kIdentity; }
};

/// W = (H Sigma_k H)^(+1/2) [c x c], the root of the pseudo-inverse of the
/// projected covariance (Diedrichsen et al. 2021): whitened comparators see
/// W K W of the centred Gram K of an RDM. `reference` is an RDM of repeated
/// measurements for kRepetitions. InvalidArgument when the covariance is
/// singular or of another number of conditions.
absl::StatusOr<Eigen::MatrixXd> WhiteningOf(Backend& backend,
                                            const ConditionNoise& noise,
                                            const Rdm& reference);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_RDM_NOISE_H_
