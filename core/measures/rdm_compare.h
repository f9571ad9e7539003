// Comparisons of two RDMs by the entries above their diagonals.
#ifndef REPSCORE_CORE_MEASURES_RDM_COMPARE_H_
#define REPSCORE_CORE_MEASURES_RDM_COMPARE_H_

#include <array>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/measures/host.h"
#include "core/measures/measure.h"
#include "core/measures/rdm.h"

namespace repscore {

enum class Comparator {
  kCosine,
  kPearson,
  kSpearman,         ///< average ranks
  kRhoA,             ///< 12 sum x y / (m^3 - m) of centred average ranks
  kKendallTauA,      ///< (concordant - discordant) / (m (m - 1) / 2)
  kKendallTauB,      ///< the same over pairs that are not tied
  kWhitenedCosine,   ///< cosine of -W HDH W/2, W = H for unit noise
  kWhitenedPearson,  ///< the same of RDMs without their means
  kBures,            ///< normalised Bures similarity of -HDH/2
};

/// Values of the parameter `compare`, in the order of Comparator.
inline constexpr std::array<std::string_view, 9> kComparators = {
    "cosine",
    "pearson",
    "spearman",
    "rho_a",
    "kendall_tau_a",
    "kendall_tau_b",
    "whitened_cosine",
    "whitened_pearson",
    "bures"};

/// The comparator sees the order of entries only.
bool IsRankComparator(Comparator comparator);

/// Fewest conditions with a defined value.
int64_t FewestConditions(Comparator comparator);

struct RdmComparison {
  double value = 0.0;
  /// d value / d D_ij of the pair i < j, symmetric with a zero diagonal; empty
  /// where not asked for, or where the comparator has no derivative.
  Eigen::MatrixXd candidate_weights;
  Eigen::MatrixXd reference_weights;
};

/// The comparator weighs distances by their covariance.
bool IsWhitened(Comparator comparator);

/// InvalidArgument when an RDM is constant where it must vary. `whitening` [c x
/// c] is of rdm_noise.h, for whitened comparators; empty for unit noise.
absl::StatusOr<RdmComparison> CompareRdms(Backend& backend,
                                          Comparator comparator,
                                          const Rdm& candidate,
                                          const Rdm& reference,
                                          const Eigen::MatrixXd& whitening,
                                          AdjointRequest request);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_RDM_COMPARE_H_
