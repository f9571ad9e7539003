// Matched Gaussians: rows with a given spectrum and random geometry (Cloos et
// al. 2024, appendix A).
#ifndef REPSCORE_CORE_ANALYSIS_SURROGATE_H_
#define REPSCORE_CORE_ANALYSIS_SURROGATE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "core/backend/backend.h"
#include "core/measures/reference.h"

namespace repscore {

/// Column-centred rows [n x q] float64 with exactly the principal-component
/// variances of the reference: Z = U S V' of centred standard normals with S
/// replaced by the reference's singular values. Use from the reference's
/// backend's thread.
Matrix MatchedGaussian(const Reference& reference, uint64_t seed);

/// The same for singular values `values` (largest first, at most
/// min(rows - 1, features) that are not 0): [rows x features].
Matrix GaussianWithSpectrum(Backend& backend,
                            int64_t rows,
                            int64_t features,
                            absl::Span<const double> values,
                            uint64_t seed);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_SURROGATE_H_
