#include "core/analysis/estimate.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/analysis/estimate_memory.h"
#include "core/analysis/score_plan.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr int64_t kBytes = 8;
// Factorisations run at this share of the rate of products.
constexpr double kFactorRate = 1.0 / 3.0;
// Rows are read, converted and centred at about this rate.
constexpr double kBytesPerSecond = 1e9;
// SVD of a tall matrix [a x b], flops over a b^2.
constexpr double kSvdFlops = 12.0;

/// Sizes as floating point numbers, for flops.
struct Sizes {
  double n;
  double p;
  double q;
  explicit Sizes(const ProblemSize& size)
      : n(static_cast<double>(size.rows)),
        p(static_cast<double>(size.candidate_features)),
        q(static_cast<double>(size.reference_features)) {}
};

/// Work beside the statistics, from the measure's claim of its cost.
double MeasureFlops(const Measure& measure, const ProblemSize& size) {
  const MeasureInfo& info = measure.info();
  const Sizes s(size);
  double flops = 0.0;
  if (const auto side = static_cast<double>(FactorSide(info, size));
      side > 0.0) {
    const double fits =
        measure.fold_rule() != nullptr && size.space == Space::kFeature
            ? static_cast<double>(measure.fold_rule()->CountAmong(size.rows))
            : 1.0;
    // Cholesky and two solves for the reference's columns.
    flops += fits * side * side * (side / 3.0 + 2.0 * s.q);
  }
  if (CostMentions(info, "SVD of p x")) {
    const double narrow = std::min(s.p, s.q);
    flops += kSvdFlops * std::max(s.p, s.q) * narrow * narrow;
  } else if (CostMentions(info, "SVD")) {
    const double left = std::min(s.n, s.p);
    const double right = std::min(s.n, s.q);
    flops += kSvdFlops * (std::max(s.n, s.p) * left * left +
                          std::max(s.n, s.q) * right * right);
  }
  return flops;
}

struct Flops {
  double products = 0.0;
  double factors = 0.0;
};

/// `given`: the reference's own products are there already.
Flops ScoreFlops(const ScorePlan& plan,
                 absl::Span<const std::shared_ptr<const Measure>> measures,
                 bool given) {
  const Sizes s(plan.size);
  const bool streams = !plan.from_rows;
  const bool by_fold = plan.folds > 0;
  Flops flops;
  if (streams || plan.needs.gram || by_fold) {
    flops.products += s.n * s.p * s.p;
  }
  if (streams || plan.needs.cross || by_fold) {
    flops.products += 2.0 * s.n * s.p * s.q;
  }
  if ((plan.needs.reference_gram && !given) || plan.needs.fold_reference_gram) {
    flops.products += s.n * s.q * s.q;
  }
  if (plan.needs.kernel || plan.size.space == Space::kSample) {
    flops.products += s.n * s.n * s.p;
  }
  if (plan.needs.reference_kernel && !given) {
    flops.products += s.n * s.n * s.q;
  }
  for (const auto& measure : measures) {
    flops.factors += MeasureFlops(*measure, plan.size);
  }
  return flops;
}

void AddScaled(double factor, const Flops& from, Flops& into) {
  into.products += factor * from.products;
  into.factors += factor * from.factors;
}

Flops ContextFlops(const ScorePlan& plan,
                   absl::Span<const std::shared_ptr<const Measure>> measures,
                   const ContextRequest& context) {
  Flops flops;
  AddScaled(static_cast<double>(context.bootstrap_draws),
            ScoreFlops(plan, measures, false),
            flops);
  // Of every permutation only the cross product is new.
  const Sizes s(plan.size);
  Flops draw;
  if (plan.needs.cross || plan.folds > 0) {
    draw.products = 2.0 * s.n * s.p * s.q;
  }
  for (const auto& measure : measures) {
    draw.factors += MeasureFlops(*measure, plan.size);
  }
  AddScaled(static_cast<double>(context.permutations), draw, flops);
  // The reference against itself.
  ProblemSize self = plan.size;
  self.candidate_features = self.reference_features;
  double halves = context.baseline ? 1.0 : 0.0;
  if (!context.supplied_ceiling.has_value()) {
    halves += static_cast<double>(context.ceiling_splits);
  }
  AddScaled(halves,
            ScoreFlops(PlanScore(self, measures, {}), measures, false),
            flops);
  return flops;
}

}  // namespace

double MeasureGemmRate(Backend& backend) {
  constexpr int64_t kSize = 512;
  constexpr double kSeconds = 0.2;
  const Matrix a = backend.Allocate(kSize, kSize, kDouble);
  const Matrix b = backend.Allocate(kSize, kSize, kDouble);
  const Matrix c = backend.Allocate(kSize, kSize, kDouble);
  backend.Fill(0.5, a);
  backend.Fill(0.25, b);
  const double flops = 2.0 * std::pow(static_cast<double>(kSize), 3);
  const auto once = [&] {
    backend.Gemm(Op::kNone, Op::kNone, 1.0, a, b, 0.0, c);
    // A device's products are done when a scalar of them is here.
    return backend.Trace(c);
  };
  once();
  const auto start = std::chrono::steady_clock::now();
  double done = 0.0;
  double elapsed = 0.0;
  while (elapsed < kSeconds) {
    once();
    done += flops;
    elapsed =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
  }
  return done / elapsed;
}

ScoreEstimate EstimateScore(
    const ProblemSize& size,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const ContextRequest& context,
    double gemm_rate,
    const CallMemory& call) {
  const ScorePlan plan = PlanScore(size, measures, context);
  ScoreEstimate estimate;
  estimate.space = std::string(SpaceName(plan.size.space));
  estimate.streams = !plan.keeps_rows;
  estimate.memory = MostMemory(plan, measures, context, call);
  for (const MemoryItem& item : estimate.memory) {
    estimate.peak_bytes += item.bytes;
  }
  Flops flops = ScoreFlops(plan, measures, false);
  AddScaled(1.0, ContextFlops(plan, measures, context), flops);
  estimate.flops = flops.products + flops.factors;
  const double read = static_cast<double>(kBytes * plan.size.rows) *
                      static_cast<double>(plan.size.candidate_features);
  estimate.seconds =
      (flops.products + flops.factors / kFactorRate) / gemm_rate +
      read / kBytesPerSecond;
  return estimate;
}

}  // namespace repscore
