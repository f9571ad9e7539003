// What losing one principal component of the reference costs (Cloos et al.
// 2024, appendix B.3): simulation, and theory where there is a formula.
//
// Pure functions of the reference; use from its backend's thread.
#ifndef REPSCORE_CORE_ANALYSIS_PERTURBATION_H_
#define REPSCORE_CORE_ANALYSIS_PERTURBATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/context.h"
#include "core/measures/measure.h"
#include "core/measures/reference.h"

namespace repscore {

struct PerturbationRequest {
  /// Leading components, one at a time.
  int64_t components = 10;
  /// Random directions per component, 1 to 1000.
  int64_t draws = 10;
  uint64_t seed = 0;
};

struct ComponentPerturbation {
  /// From 1.
  int64_t component = 1;
  double variance_share = 0.0;
  double mean = 0.0;
  /// Population standard deviation over draws.
  double standard_deviation = 0.0;
  std::optional<double> theory = std::nullopt;
};

struct MeasurePerturbations {
  /// Canonical specification.
  std::string measure;
  std::vector<ComponentPerturbation> components;
};

/// Scores of Y with u_i of Y = U S V' replaced by a random zero-mean unit
/// vector, the rest as it is. InvalidArgument naming "components" or "draws".
absl::StatusOr<std::vector<MeasurePerturbations>> PerturbComponents(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const PerturbationRequest& request,
    const KeepGoing& keep_going);

/// With variances l: 1 - l_i^2 / sum l^2 for CKA, 1 - l_i / sum l for NBS, and
/// the angles and angular scores of both. `component` from 0. Empty for other
/// measures (by MeasureInfo::id).
std::optional<double> PerturbationTheory(std::string_view measure_id,
                                         absl::Span<const double> variances,
                                         int64_t component);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_PERTURBATION_H_
