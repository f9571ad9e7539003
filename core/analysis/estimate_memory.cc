#include "core/analysis/estimate_memory.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/measures/ridge_folds.h"

namespace repscore {
namespace {

constexpr int64_t kBytes = 8;
// Matrices beside its own that an eigendecomposition works in (dsyevd).
constexpr int64_t kEigenWork = 2;
// What the BLAS packs of the operands of a large product, for all threads;
// the first product leaves it behind.
constexpr int64_t kProductElements = int64_t{1} << 20;
// As permutations.cc holds permuted references side by side.
constexpr int64_t kDrawBatchBytes = int64_t{4} << 20;

/// Matrices that are there together in one phase.
class Phase {
 public:
  void Add(std::string what, int64_t elements, int64_t copies = 1) {
    AddBytes(std::move(what), kBytes * elements * copies);
  }
  void AddBytes(std::string what, int64_t bytes) {
    if (bytes > 0) {
      items_.push_back({.what = std::move(what), .bytes = bytes});
    }
  }
  int64_t bytes() const {
    int64_t sum = 0;
    for (const MemoryItem& item : items_) {
      sum += item.bytes;
    }
    return sum;
  }
  std::vector<MemoryItem> items() const { return items_; }

 private:
  std::vector<MemoryItem> items_;
};

/// What is there in every phase.
Phase Lasting(const ScorePlan& plan, const CallMemory& call) {
  const int64_t n = plan.size.rows;
  const int64_t p = plan.size.candidate_features;
  const int64_t q = plan.size.reference_features;
  Phase phase;
  phase.AddBytes("the request", call.kept_bytes);
  if (plan.keeps_rows) {
    phase.Add("candidate rows, n x p", n * p);
  }
  phase.Add("work space of products", std::min(n * p, kProductElements));
  // Of the effective dimensionality, if of no measure.
  phase.Add("reference Gram matrix, q x q", q * q);
  if (plan.needs.reference_kernel) {
    phase.Add("reference kernel, n x n", n * n);
  }
  return phase;
}

Phase WhileRowsArrive(const ScorePlan& plan, const CallMemory& call) {
  const int64_t p = plan.size.candidate_features;
  const int64_t q = plan.size.reference_features;
  const int64_t rows = BlockRows(plan.size.rows, p);
  Phase phase = Lasting(plan, call);
  phase.AddBytes("messages that wait", call.arriving_bytes);
  // As it came and as float64; shifted and transposed for the moments;
  // transposed for the rows that are kept.
  phase.Add("blocks of rows that arrive",
            rows * p,
            2 + (plan.from_rows ? 0 : 2) + (plan.keeps_rows ? 1 : 0));
  if (!plan.from_rows) {
    phase.Add("reference rows of a block", rows * q);
    phase.Add(
        "moments while rows arrive, p x (p + q)", p * (p + q), plan.cells);
    phase.Add("reference moments while rows arrive, q x q",
              plan.needs.fold_reference_gram ? q * q : 0,
              plan.cells);
  }
  return phase;
}

/// Statistics that measures share; rows in the order of folds.
Phase WithStatistics(const ScorePlan& plan,
                     const ContextRequest& context,
                     const CallMemory& call) {
  const int64_t n = plan.size.rows;
  const int64_t p = plan.size.candidate_features;
  const int64_t q = plan.size.reference_features;
  const bool sample = plan.size.space == Space::kSample;
  const bool reorders = plan.from_rows && plan.reorders;
  Phase phase = Lasting(plan, call);
  phase.Add("candidate rows by fold, n x p",
            reorders && !context.empty() ? n * p : 0);
  phase.Add("reference rows by fold, n x q", reorders ? n * q : 0);
  if (!plan.from_rows || plan.folds > 0) {
    phase.Add("moments p x (p + q)", p * (p + q), plan.moment_sets);
    phase.Add("reference moments q x q",
              plan.needs.fold_reference_gram ? q * q : 0,
              plan.moment_sets);
  } else {
    phase.Add("Gram matrix p x p", plan.needs.gram || !sample ? p * p : 0);
    phase.Add("cross product p x q", plan.needs.cross ? p * q : 0);
  }
  phase.Add("kernel n x n", plan.needs.kernel || sample ? n * n : 0);
  return phase;
}

/// Rows in two orders at once.
Phase WhileRowsAreLaidOut(const ScorePlan& plan, const CallMemory& call) {
  const int64_t n = plan.size.rows;
  Phase phase = Lasting(plan, call);
  if (plan.from_rows && plan.reorders) {
    phase.Add("candidate rows by fold, n x p",
              n * plan.size.candidate_features);
    phase.Add("reference rows by fold, n x q",
              n * plan.size.reference_features);
  }
  return phase;
}

/// Singular vectors of the cross product and LAPACK's work space (dgesdd),
/// with two transposes where it is wide.
int64_t CrossSvdElements(const ProblemSize& size) {
  const int64_t tall =
      std::max(size.candidate_features, size.reference_features);
  const int64_t narrow =
      std::min(size.candidate_features, size.reference_features);
  const int64_t transposes =
      size.candidate_features < size.reference_features ? 2 : 0;
  return (3 + transposes) * tall * narrow + 5 * narrow * narrow;
}

/// Beside the statistics.
int64_t WorkElements(const Measure& measure, const ProblemSize& size) {
  const MeasureInfo& info = measure.info();
  const int64_t n = size.rows;
  const int64_t p = size.candidate_features;
  const int64_t q = size.reference_features;
  const StatisticsNeeds needs = measure.Needs(size);
  if (const auto known = measure.WorkElements(size); known.has_value()) {
    return *known;
  }
  if (CostMentions(info, "SVD of p x")) {
    return CrossSvdElements(size);
  }
  if (CostMentions(info, "SVD of each side")) {
    const int64_t left = std::min(n, p);
    const int64_t right = std::min(n, q);
    return 2 * n * p + left * (p + kEigenWork * left) + 2 * n * q +
           right * (q + kEigenWork * right);
  }
  const int64_t side = FactorSide(info, size);
  if (side == 0) {
    return 0;
  }
  const bool by_fold = measure.fold_rule() != nullptr;
  if (size.space == Space::kSample) {
    // An inverse by Cholesky, or eigenvectors.
    const bool solves = CostMentions(info, "folds");
    return solves ? (by_fold ? 3 : 1) * side * side + 2 * n * q
                  : (1 + kEigenWork) * side * side;
  }
  if (needs.fold_gram && by_fold) {
    // Of the folds that are fitted together the held-out Gram matrix and the
    // factor, four cross products, and one matrix in the making.
    const int64_t together =
        std::min(measure.fold_rule()->CountAmong(n), FoldsAtOnce(p, q));
    return together * (2 * side * side + 4 * p * q) + side * side;
  }
  return side * side + 2 * p * q;
}

Phase WhileMeasuring(const ScorePlan& plan,
                     absl::Span<const std::shared_ptr<const Measure>> measures,
                     const ContextRequest& context,
                     const CallMemory& call) {
  Phase phase = WithStatistics(plan, context, call);
  int64_t most = 0;
  for (const auto& measure : measures) {
    most = std::max(most, WorkElements(*measure, plan.size));
  }
  phase.Add("factors and work space", most);
  return phase;
}

/// Statistics of draws beside those of the score.
Phase WhileDrawing(const ScorePlan& plan,
                   absl::Span<const std::shared_ptr<const Measure>> measures,
                   const ContextRequest& context,
                   const CallMemory& call) {
  const int64_t n = plan.size.rows;
  const int64_t p = plan.size.candidate_features;
  const int64_t q = plan.size.reference_features;
  Phase phase = WhileMeasuring(plan, measures, context, call);
  if (context.bootstrap_draws > 0 || context.permutations > 0) {
    phase.Add(
        "rows of a draw, n x (p + q)",
        context.bootstrap_draws > 0 || plan.reorders ? n * (p + q) : n * q);
    phase.Add("statistics of a draw",
              plan.size.space == Space::kSample ? n * n : p * (p + q),
              1 + plan.folds);
  }
  if (context.permutations > 0) {
    phase.AddBytes("permuted references",
                   std::max(kBytes * n * q, kDrawBatchBytes));
  }
  return phase;
}

}  // namespace

std::vector<MemoryItem> MostMemory(
    const ScorePlan& plan,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const ContextRequest& context,
    const CallMemory& call) {
  Phase most;
  for (const Phase& phase : {WhileRowsArrive(plan, call),
                             WhileRowsAreLaidOut(plan, call),
                             WhileDrawing(plan, measures, context, call)}) {
    if (phase.bytes() > most.bytes()) {
      most = phase;
    }
  }
  return most.items();
}

}  // namespace repscore
