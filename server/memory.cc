#include "server/memory.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

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
// Matrices that a refusal names.
constexpr size_t kNamedItems = 3;

absl::Status CheckFits(double bytes, int64_t limit, const std::string& what) {
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

ScoreEstimate EstimateOf(const Dataset& dataset,
                         const ArraySpec& candidate,
                         const Measures& measures,
                         const ContextRequest& context,
                         double gemm_rate) {
  const ProblemSize size = {
      .rows = dataset.rows(),
      .candidate_features = FeatureCount(candidate),
      .reference_features = dataset.features(),
      .space = ChooseSpace(dataset.rows(), FeatureCount(candidate))};
  return EstimateScore(size, measures, context, gemm_rate);
}

absl::Status CheckScoreMemory(const Dataset& dataset,
                              const ArraySpec& candidate,
                              const Measures& measures,
                              const ContextRequest& context,
                              int64_t limit) {
  const ScoreEstimate estimate =
      EstimateOf(dataset, candidate, measures, context, 1.0);
  std::vector<MemoryItem> items = estimate.memory;
  std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) {
    return a.bytes > b.bytes;
  });
  std::string parts;
  for (size_t i = 0; i < std::min(kNamedItems, items.size()); ++i) {
    absl::StrAppend(
        &parts,
        i == 0 ? "the score (" : ", ",
        items[i].what,
        absl::StrFormat(": %.1f MiB",
                        static_cast<double>(items[i].bytes) / kMebibyte));
  }
  return CheckFits(static_cast<double>(estimate.peak_bytes),
                   limit,
                   parts.empty() ? "the score" : parts + ")");
}

absl::Status CheckRunMemory(const Dataset& dataset,
                            const OptimizationPlan& plan,
                            int64_t limit) {
  int64_t features = dataset.features();
  if (const auto* start = std::get_if<HostArray>(&plan.start)) {
    features = FeatureCount(start->spec);
  } else if (const auto* gaussian = std::get_if<GaussianStart>(&plan.start);
             gaussian != nullptr && gaussian->features > 0) {
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
