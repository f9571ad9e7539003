// Parts of RDMs that their files share, and RDMs of repeated measurements.
#ifndef REPSCORE_CORE_MEASURES_RDM_FOLDS_H_
#define REPSCORE_CORE_MEASURES_RDM_FOLDS_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "core/measures/host.h"
#include "core/measures/rdm.h"

namespace repscore {

/// "candidate" or "reference".
std::string_view NameOf(Side side);

/// diag(G 1) - G: of sum over i < j of g_ij (K_ii + K_jj - 2 K_ij) by K.
Eigen::MatrixXd Laplacian(const Eigen::MatrixXd& weights);

/// D_ij = K_ii + K_jj - 2 K_ij
Eigen::MatrixXd DistancesOf(const Eigen::MatrixXd& kernel);

/// As BuildRdm and PullBackRdm, for rules that use folds.
absl::StatusOr<Rdm> BuildFoldRdm(const RdmRule& rule,
                                 const Statistics& statistics,
                                 Side side);
void PullBackFoldRdm(const RdmRule& rule,
                     const Statistics& statistics,
                     Side side,
                     const Rdm& rdm,
                     const Eigen::MatrixXd& weights,
                     Adjoint& adjoint);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_RDM_FOLDS_H_
