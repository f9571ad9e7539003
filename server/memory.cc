#include "server/memory.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/statistics/statistics.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr double kDouble = 8.0;
constexpr double kMebibyte = 1024.0 * 1024.0;
/// Candidate, gradient and both Adam moments.
constexpr double kRunMatrices = 4.0;

absl::Status CheckFits(double bytes, int64_t limit, const char* what) {
  if (bytes <= static_cast<double>(limit)) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kResourceExhausted,
               "HOST_MEMORY",
               absl::StrFormat("%s needs at least %.1f MiB, the limit of one "
                               "request is %.1f MiB",
                               what,
                               bytes / kMebibyte,
                               static_cast<double>(limit) / kMebibyte));
}

}  // namespace

absl::Status CheckScoreMemory(const Dataset& dataset,
                              const ArraySpec& candidate,
                              const Measures& measures,
                              int64_t limit) {
  const ProblemSize size = {
      .rows = dataset.rows(),
      .candidate_features = FeatureCount(candidate),
      .reference_features = dataset.features(),
      .space = ChooseSpace(dataset.rows(), FeatureCount(candidate))};
  StatisticsNeeds needs;
  for (const auto& measure : measures) {
    needs |= measure->Needs(size);
  }
  const auto n = static_cast<double>(size.rows);
  const auto p = static_cast<double>(size.candidate_features);
  const auto q = static_cast<double>(size.reference_features);
  double elements = n * q;
  elements += needs.gram ? p * p : 0.0;
  elements += needs.cross ? p * q : 0.0;
  elements += needs.kernel ? n * n : 0.0;
  elements += size.space == Space::kSample ? n * p : 0.0;
  return CheckFits(elements * kDouble, limit, "the score");
}

absl::Status CheckRunMemory(const Dataset& dataset,
                            const OptimizationPlan& plan,
                            int64_t limit) {
  int64_t features = dataset.features();
  if (const auto* start = std::get_if<HostArray>(&plan.start)) {
    features = FeatureCount(start->spec);
  } else if (const auto* gaussian = std::get_if<GaussianStart>(&plan.start);
             gaussian->features > 0) {
    features = gaussian->features;
  }
  const auto n = static_cast<double>(dataset.rows());
  const auto p = static_cast<double>(features);
  const auto q = static_cast<double>(dataset.features());
  const auto size = static_cast<double>(ScalarSize(plan.storage));
  const bool in_feature_space =
      ChooseSpace(dataset.rows(), features) == Space::kFeature;
  const double factors = in_feature_space ? p * p + p * q : n * n;
  return CheckFits(kRunMatrices * n * p * size + (factors + n * q) * kDouble,
                   limit,
                   "the run");
}

}  // namespace repscore::server
