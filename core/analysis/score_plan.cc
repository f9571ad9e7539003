#include "core/analysis/score_plan.h"

#include <algorithm>
#include <map>
#include <string>

namespace repscore {
namespace {

// Rows are taken in blocks of this many bytes (as float64) whatever the chunks,
// so that the result does not depend on how they are cut.
constexpr int64_t kBlockBytes = int64_t{4} << 20;
constexpr int64_t kFewestBlockRows = 256;
constexpr int64_t kBytes = 8;

}  // namespace

int64_t BlockRows(int64_t rows, int64_t features) {
  return std::min(
      rows, std::max(kFewestBlockRows, kBlockBytes / (kBytes * features)));
}

ScorePlan PlanScore(const ProblemSize& size,
                    absl::Span<const std::shared_ptr<const Measure>> measures,
                    const ContextRequest& context) {
  ScorePlan plan;
  plan.size = size;
  plan.size.space = ChooseSpace(size.rows, size.candidate_features);
  plan.size.reference_features = std::min(size.rows, size.reference_features);
  for (const auto& measure : measures) {
    plan.needs |= measure->Needs(plan.size);
  }
  if (plan.needs.full_reference) {
    plan.size.reference_features = size.reference_features;
  }
  // Folds by rule: two measures with one rule share them.
  std::map<std::string, int64_t> counts;
  for (const auto& measure : measures) {
    if (const FoldRule* rule = measure->fold_rule(); rule != nullptr) {
      const StatisticsNeeds own = measure->Needs(plan.size);
      if (own.fold_gram || own.fold_reference_gram) {
        counts[rule->ToString()] = rule->CountAmong(size.rows);
      }
      plan.reorders |= rule->kind() != FoldRule::Kind::kRowsContiguous &&
                       rule->kind() != FoldRule::Kind::kNone &&
                       rule->kind() != FoldRule::Kind::kLeaveOneOut;
    }
  }
  int64_t last = 0;
  for (const auto& [rule, count] : counts) {
    plan.cells = std::min(size.rows, plan.cells * count);
    plan.folds += count;
    last = count;
  }
  plan.from_rows = plan.size.space == Space::kSample || plan.needs.kernel ||
                   plan.needs.reference_kernel || plan.needs.candidate_rows;
  plan.keeps_rows = plan.from_rows || !context.empty() ||
                    size.rows * size.candidate_features <= kKeptElements;
  if (plan.folds > 0) {
    // The last rule's folds take over the memory of cells.
    plan.moment_sets =
        1 + plan.folds + (plan.from_rows ? 1 : plan.cells - last);
  }
  return plan;
}

bool CostMentions(const MeasureInfo& info, std::string_view term) {
  return info.cost.find(term) != std::string_view::npos;
}

int64_t FactorSide(const MeasureInfo& info, const ProblemSize& size) {
  if (size.space == Space::kFeature) {
    return CostMentions(info, "p^3") ? size.candidate_features : 0;
  }
  // What is p^3 by features is n^3 by rows, unless the claim says otherwise.
  const bool factors =
      CostMentions(info, "n^3") ||
      (CostMentions(info, "p^3") && !CostMentions(info, "p > n"));
  return factors ? size.rows : 0;
}

}  // namespace repscore
