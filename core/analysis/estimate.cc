#include "core/analysis/estimate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

#include "core/base/text.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr int64_t kBytes = 8;
// As ScoreStream takes and keeps rows.
constexpr int64_t kBlockBytes = int64_t{4} << 20;
constexpr int64_t kFewestBlockRows = 256;
constexpr int64_t kKeptElements = int64_t{8} << 20;
// A fold rule that needs labels to count its folds.
constexpr int64_t kUnknownFolds = 5;
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

/// What ScoreStream will do.
struct StreamPlan {
  ProblemSize size;
  StatisticsNeeds needs;
  bool from_rows = false;
  bool keeps_rows = false;
  /// Folds whose moments are held; 0 without fold moments.
  int64_t folds = 0;
  bool reorders = false;
};

int64_t FoldCount(const FoldRule& rule, int64_t rows) {
  const absl::StatusOr<Folds> folds =
      rule.Assign({.rows = rows, .conditions = rows});
  return folds.ok() ? folds->count : kUnknownFolds;
}

StreamPlan PlanOf(const ProblemSize& size,
                  absl::Span<const std::shared_ptr<const Measure>> measures) {
  StreamPlan plan;
  plan.size = size;
  plan.size.space = ChooseSpace(size.rows, size.candidate_features);
  plan.size.reference_features = std::min(size.rows, size.reference_features);
  for (const auto& measure : measures) {
    plan.needs |= measure->Needs(plan.size);
  }
  if (plan.needs.full_reference) {
    plan.size.reference_features = size.reference_features;
  }
  for (const auto& measure : measures) {
    if (const FoldRule* rule = measure->fold_rule(); rule != nullptr) {
      const StatisticsNeeds own = measure->Needs(plan.size);
      if (own.fold_gram || own.fold_reference_gram) {
        plan.folds += FoldCount(*rule, size.rows);
      }
      plan.reorders |= rule->kind() != FoldRule::Kind::kRowsContiguous &&
                       rule->kind() != FoldRule::Kind::kNone &&
                       rule->kind() != FoldRule::Kind::kLeaveOneOut;
    }
  }
  plan.from_rows = plan.size.space == Space::kSample || plan.needs.kernel ||
                   plan.needs.reference_kernel || plan.needs.candidate_rows;
  plan.keeps_rows =
      plan.from_rows || size.rows * size.candidate_features <= kKeptElements;
  return plan;
}

bool Mentions(const MeasureInfo& info, std::string_view text) {
  return info.cost.find(text) != std::string_view::npos;
}

/// Side of the square matrix that a measure factors; 0 for none.
int64_t FactorSide(const MeasureInfo& info, const ProblemSize& size) {
  const bool sample = size.space == Space::kSample;
  if (Mentions(info, sample ? "n^3" : "p^3")) {
    return sample ? size.rows : size.candidate_features;
  }
  return 0;
}

/// Work beside the statistics, from the measure's claim of its cost.
double MeasureFlops(const Measure& measure, const ProblemSize& size) {
  const MeasureInfo& info = measure.info();
  const Sizes s(size);
  double flops = 0.0;
  if (const auto side = static_cast<double>(FactorSide(info, size));
      side > 0.0) {
    const double fits =
        measure.fold_rule() != nullptr && size.space == Space::kFeature
            ? static_cast<double>(FoldCount(*measure.fold_rule(), size.rows))
            : 1.0;
    // Cholesky and two solves for the reference's columns.
    flops += fits * side * side * (side / 3.0 + 2.0 * s.q);
  }
  if (Mentions(info, "SVD of p x")) {
    const double narrow = std::min(s.p, s.q);
    flops += kSvdFlops * std::max(s.p, s.q) * narrow * narrow;
  } else if (Mentions(info, "SVD")) {
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
Flops ScoreFlops(const StreamPlan& plan,
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

Flops ContextFlops(const StreamPlan& plan,
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
  AddScaled(halves, ScoreFlops(PlanOf(self, measures), measures, false), flops);
  return flops;
}

/// Matrices that are there together in one phase.
class Phase {
 public:
  void Add(std::string what, int64_t elements, int64_t copies = 1) {
    if (elements > 0 && copies > 0) {
      items_.push_back(
          {.what = std::move(what), .bytes = kBytes * elements * copies});
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

/// Kept rows and what outlives the stream: in every phase after the rows.
Phase Lasting(const StreamPlan& plan) {
  const int64_t n = plan.size.rows;
  const int64_t p = plan.size.candidate_features;
  const int64_t q = plan.size.reference_features;
  Phase phase;
  if (plan.keeps_rows) {
    phase.Add("candidate rows as they came, n x p", n * p);
  }
  if (!plan.from_rows) {
    // One cell per fold of one rule; at least one.
    const int64_t cells = std::max<int64_t>(1, plan.folds);
    phase.Add("moments while rows arrive, p x (p + q)", p * (p + q), cells);
    phase.Add("reference moments while rows arrive, q x q",
              plan.needs.fold_reference_gram ? q * q : 0,
              cells);
  }
  if (plan.needs.reference_gram) {
    phase.Add("reference Gram matrix, q x q", q * q);
  }
  if (plan.needs.reference_kernel) {
    phase.Add("reference kernel, n x n", n * n);
  }
  return phase;
}

Phase WhileRowsArrive(const StreamPlan& plan) {
  const int64_t p = plan.size.candidate_features;
  const int64_t rows = std::min(
      plan.size.rows, std::max(kFewestBlockRows, kBlockBytes / (kBytes * p)));
  Phase phase = Lasting(plan);
  phase.Add("blocks of rows that arrive", rows * p, plan.from_rows ? 2 : 4);
  return phase;
}

Phase WhileRowsAreLaidOut(const StreamPlan& plan) {
  const int64_t n = plan.size.rows;
  const int64_t p = plan.size.candidate_features;
  const int64_t q = plan.size.reference_features;
  Phase phase = Lasting(plan);
  if (!plan.from_rows) {
    phase.Add("moments p x (p + q)", p * (p + q), 1 + plan.folds);
  }
  phase.Add("candidate rows transposed, n x p", plan.keeps_rows ? n * p : 0);
  phase.Add("candidate rows centred, n x p", plan.keeps_rows ? n * p : 0);
  if (plan.from_rows && plan.reorders) {
    phase.Add("reference rows by fold, n x q", n * q);
  }
  return phase;
}

Phase WhileMomentsAreCentred(const StreamPlan& plan) {
  Phase phase = Lasting(plan);
  if (!plan.from_rows) {
    const int64_t p = plan.size.candidate_features;
    const int64_t q = plan.size.reference_features;
    phase.Add("moments p x (p + q)", p * (p + q), 2 + plan.folds);
  }
  return phase;
}

Phase WhileMeasuring(
    const StreamPlan& plan,
    absl::Span<const std::shared_ptr<const Measure>> measures) {
  const int64_t n = plan.size.rows;
  const int64_t p = plan.size.candidate_features;
  const int64_t q = plan.size.reference_features;
  const bool sample = plan.size.space == Space::kSample;
  Phase phase = Lasting(plan);
  phase.Add("candidate rows centred, n x p", plan.keeps_rows ? n * p : 0);
  if (plan.from_rows && plan.reorders) {
    phase.Add("reference rows by fold, n x q", n * q);
  }
  if (!plan.from_rows || plan.folds > 0) {
    phase.Add("moments p x (p + q)", p * (p + q), 1 + plan.folds);
  } else {
    phase.Add("Gram matrix p x p", plan.needs.gram || !sample ? p * p : 0);
    phase.Add("cross product p x q", plan.needs.cross ? p * q : 0);
  }
  phase.Add("kernel n x n", plan.needs.kernel || sample ? n * n : 0);
  int64_t factor = 0;
  for (const auto& measure : measures) {
    const int64_t side = FactorSide(measure->info(), plan.size);
    factor = std::max(factor, side * side);
    if (Mentions(measure->info(), "SVD of p x")) {
      factor = std::max(factor, 3 * p * q);
    }
  }
  phase.Add("factors", factor);
  return phase;
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
    double gemm_rate) {
  const StreamPlan plan = PlanOf(size, measures);
  ScoreEstimate estimate;
  estimate.space = std::string(SpaceName(plan.size.space));
  estimate.streams = !plan.keeps_rows;
  for (const Phase& phase : {WhileRowsArrive(plan),
                             WhileRowsAreLaidOut(plan),
                             WhileMomentsAreCentred(plan),
                             WhileMeasuring(plan, measures)}) {
    if (phase.bytes() > estimate.peak_bytes) {
      estimate.peak_bytes = phase.bytes();
      estimate.memory = phase.items();
    }
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
