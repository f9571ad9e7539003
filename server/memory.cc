#include "server/memory.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/measures/registry.h"
#include "core/statistics/statistics.h"
#include "server/reference_cache.h"

namespace repscore::server {
namespace {

constexpr double kDouble = 8.0;
// Beyond every budget, within int64_t.
constexpr double kMostBytes = 1e18;
constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr int64_t kMostFeatures = int64_t{1} << 30;
/// Candidate, next candidate and both Adam moments.
constexpr double kRunMatrices = 4.0;
constexpr double kPairMatrices = 3.0;
constexpr double kDecodingCopies = 4.0;
constexpr double kDecodingFactors = 4.0;
// Of the message that a stream reads while others wait.
constexpr int64_t kMessageBytes = int64_t{1} << 20;
// Matrices that a refusal names.
constexpr size_t kNamedItems = 3;

int64_t ToBytes(double bytes) {
  return static_cast<int64_t>(std::min(bytes, kMostBytes));
}

/// Of one member beside its state.
struct MemberWork {
  /// Statistics of a step and their derivatives, also by the rows.
  double step = 0.0;
  /// The float64 scores at the end.
  double finish = 0.0;
};

MemberWork MemberWorkOf(const Dataset& dataset,
                        const OptimizationPlan& plan,
                        int64_t features) {
  if (features > kMostFeatures) {
    // Its state alone is beyond every budget; products of sizes would overflow.
    return {};
  }
  Measures measures;
  const auto add = [&measures](const MeasureRequest& request) {
    // A wrong one is refused elsewhere.
    if (auto measure = CreateMeasure(request, "measure"); measure.ok()) {
      measures.push_back(*std::move(measure));
    }
  };
  for (const ObjectiveTerm& term : plan.terms) {
    add(term.measure);
  }
  for (const MeasureRequest& request : plan.tracked) {
    add(request);
  }
  const ScoreEstimate estimate = EstimateOf(
      dataset,
      {.type = DataType::kFloat64, .shape = {dataset.rows(), features}},
      measures,
      {},
      {},
      1.0);
  const auto n = static_cast<double>(dataset.rows());
  const auto p = static_cast<double>(features);
  const auto q = static_cast<double>(dataset.features());
  const auto peak = static_cast<double>(estimate.peak_bytes);
  const double rows = n * p * kDouble;
  const bool in_feature_space =
      ChooseSpace(dataset.rows(), features) == Space::kFeature;
  // By the statistics, in float64 and in the rows' type.
  const double derivatives =
      (in_feature_space ? p * p + p * q : n * n) *
      (kDouble + static_cast<double>(ScalarSize(plan.storage)));
  // Where many threads take blocks of columns, these are all of the gradient.
  const double gradient = n * p * static_cast<double>(ScalarSize(plan.storage));
  // A score that streams holds no rows; the run does.
  return {
      .step = (estimate.streams ? peak : std::max(0.0, peak - rows)) +
              derivatives + gradient,
      .finish = estimate.streams ? peak + rows : peak,
  };
}

}  // namespace

CallMemory CallMemoryOf(const ArraySpec& candidate,
                        size_t request_bytes,
                        bool by_row_ids) {
  const int64_t bytes = RowCount(candidate) * FeatureCount(candidate) *
                        ElementSize(candidate.type);
  CallMemory call;
  if (request_bytes > 0) {
    call.kept_bytes = static_cast<int64_t>(request_bytes);
  } else {
    call.arriving_bytes =
        std::min(bytes, static_cast<int64_t>(kMaxQueuedBytes) + kMessageBytes);
  }
  if (by_row_ids) {
    call.arriving_bytes += 2 * bytes;
  }
  return call;
}

ScoreEstimate EstimateOf(const Dataset& dataset,
                         const ArraySpec& candidate,
                         const Measures& measures,
                         const ContextRequest& context,
                         const CallMemory& call,
                         double gemm_rate) {
  const ProblemSize size = {
      .rows = dataset.rows(),
      .candidate_features = FeatureCount(candidate),
      .reference_features = dataset.features(),
      .space = ChooseSpace(dataset.rows(), FeatureCount(candidate))};
  return EstimateScore(size, measures, context, gemm_rate, call);
}

JobNeeds ScoreNeeds(const Dataset& dataset,
                    const ArraySpec& candidate,
                    const Measures& measures,
                    const ContextRequest& context,
                    const CallMemory& call) {
  const ScoreEstimate estimate =
      EstimateOf(dataset, candidate, measures, context, call, 1.0);
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
  JobNeeds needs;
  needs.memory = {.work_bytes = estimate.peak_bytes,
                  .kept_key = ReferenceKey(dataset),
                  .kept_bytes = ReferenceBytes(dataset)};
  needs.what = parts.empty() ? "the score" : parts + ")";
  needs.is_long = !context.empty();
  return needs;
}

JobNeeds RunNeeds(const Dataset& dataset, const OptimizationPlan& plan) {
  int64_t features = dataset.features();
  double given_bytes = 0.0;
  if (const auto* start = std::get_if<HostArray>(&plan.start)) {
    features = FeatureCount(start->spec);
    // The plan's, and the copy that a member starts from.
    given_bytes = 2.0 * static_cast<double>(start->data.size());
  } else if (const auto* gaussian = std::get_if<GaussianStart>(&plan.start);
             gaussian != nullptr && gaussian->features > 0) {
    features = gaussian->features;
  }
  const auto n = static_cast<double>(dataset.rows());
  const auto p = static_cast<double>(features);
  const auto q = static_cast<double>(dataset.features());
  const auto size = static_cast<double>(ScalarSize(plan.storage));
  // L-BFGS keeps two differences per pair in place of Adam's moments.
  const double matrices =
      plan.lbfgs.has_value()
          ? kRunMatrices + 2.0 * static_cast<double>(plan.lbfgs->memory)
          : kRunMatrices;
  const double moved = plan.moves == Moves::kBoth ? p + q : p;
  const double state = matrices * n * moved * size;
  // The next iterate is not part of a checkpoint.
  const double checkpoint = (matrices - 1.0) * n * moved * size;
  const double candidate = n * p * kDouble;
  const double members = static_cast<double>(std::max(
      {int64_t{1}, plan.restarts, static_cast<int64_t>(plan.targets.size())}));
  const MemberWork work = MemberWorkOf(dataset, plan, features);
  const double start = 2.0 * candidate;
  // The last checkpoint may still be on its way to the disk at the end.
  const double later = members * checkpoint +
                       std::max(work.step, members * candidate + work.finish);
  JobNeeds needs;
  needs.memory = {.work_bytes = ToBytes(members * state + given_bytes +
                                        n * q * size + std::max(start, later)),
                  .kept_key = ReferenceKey(dataset),
                  .kept_bytes = ReferenceBytes(dataset)};
  needs.what = "the run";
  return needs;
}

JobNeeds ExperimentNeeds(const Dataset& dataset,
                         const Measures& measures,
                         double copies) {
  JobNeeds needs =
      ScoreNeeds(dataset, dataset.description.spec, measures, {}, {});
  const double rows = static_cast<double>(dataset.rows()) *
                      static_cast<double>(dataset.features()) * kDouble;
  needs.memory.work_bytes += ToBytes(copies * rows);
  needs.what = "the experiment";
  needs.is_long = true;
  return needs;
}

JobNeeds DecodingNeeds(const Dataset& dataset, int64_t features) {
  const auto n = static_cast<double>(dataset.rows());
  const auto p = static_cast<double>(features);
  const auto q = static_cast<double>(dataset.features());
  // Rows, in order, by bin, whitened in both precisions; a Hessian, its factor
  // and their inverse.
  const double side = std::max(p, q);
  const double inner = std::min(n, side);
  JobNeeds needs;
  needs.memory = {
      .work_bytes = ToBytes(kDouble * (kDecodingCopies * n * side + n * p +
                                       kDecodingFactors * inner * inner)),
      .kept_key = ReferenceKey(dataset),
      .kept_bytes = ReferenceBytes(dataset)};
  needs.what = "the decoding";
  needs.is_long = true;
  return needs;
}

JobNeeds SystemsNeeds(const std::vector<System>& systems) {
  double bytes = 0.0;
  double widest = 0.0;
  for (const System& system : systems) {
    const auto n = static_cast<double>(RowCount(system.rows.spec));
    const auto p = static_cast<double>(FeatureCount(system.rows.spec));
    bytes += kDouble * n * p;
    widest = std::max(widest, kDouble * std::min(n * n, p * p));
  }
  JobNeeds needs;
  // One Gram matrix or kernel of either side, and their product.
  needs.memory.work_bytes = ToBytes(bytes + kPairMatrices * widest);
  needs.what = "the comparison";
  needs.is_long = true;
  return needs;
}

}  // namespace repscore::server
