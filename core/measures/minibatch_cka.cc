// Minibatch CKA (Nguyen et al. 2021): debiased CKA whose three inner products
// are sums over batches of rows, divided once at the end. K_b, L_b are the
// kernels of the rows of batch b, U is U-centring:
//
//   f(X, Y) = sum_b <U(K_b), U(L_b)>,  v = f(X, Y) / sqrt(f(X, X) f(Y, Y))
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr int64_t kLargestBatch = int64_t{1} << 20;
// Self-terms this small against their kernels are rounding.
constexpr double kSmallestSelfTerm =
    64 * std::numeric_limits<double>::epsilon();

/// Rows of every batch, in the order of the statistics.
std::vector<std::vector<int64_t>> BatchesOf(const Folds& folds) {
  std::vector<std::vector<int64_t>> batches(static_cast<size_t>(folds.count));
  for (size_t i = 0; i < folds.fold_of_row.size(); ++i) {
    if (const int32_t batch = folds.fold_of_row[i]; batch >= 0) {
      batches[static_cast<size_t>(batch)].push_back(static_cast<int64_t>(i));
    }
  }
  return batches;
}

/// The rows of one batch of one side.
struct Batch {
  Matrix rows;     ///< [b x features]
  Matrix centred;  ///< U(K_b) [b x b]
};

/// Adds |K_b|^2 to `before`.
Batch MakeBatch(Backend& backend,
                const Matrix& rows,
                const std::vector<int64_t>& indices,
                double& before) {
  const auto size = static_cast<int64_t>(indices.size());
  const Matrix gathered = backend.Allocate(size, rows.cols(), rows.type());
  backend.GatherRows(rows, indices, gathered);
  Batch batch;
  batch.rows = Widened(backend, gathered);
  batch.centred = KernelOf(backend, batch.rows);
  before += backend.Dot(batch.centred, batch.centred);
  backend.UCentre(batch.centred);
  return batch;
}

class MinibatchCka final : public Measure {
 public:
  MinibatchCka(const MeasureInfo& info, int64_t batch, std::string id)
      : Measure(std::move(id)),
        info_(info),
        batch_(batch),
        rule_(FoldRule::RowBatches(batch)) {}

  const MeasureInfo& info() const override { return info_; }
  const FoldRule* fold_rule() const override { return &rule_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    return needs;
  }

  absl::Status CheckSize(const ProblemSize& size) const override {
    REPSCORE_RETURN_IF_ERROR(Measure::CheckSize(size));
    if (size.rows < batch_) {
      return absl::InvalidArgumentError(
          StrCat("cka.minibatch: a batch of ",
                 batch_,
                 " rows needs at least as many; candidate and reference have ",
                 size.rows));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    const std::vector<std::vector<int64_t>> batches =
        BatchesOf(statistics.folds.at(rule_.ToString()).folds);
    std::vector<Batch> candidate;
    std::vector<Batch> reference;
    double cross = 0.0;
    double own = 0.0;
    double other = 0.0;
    double own_before = 0.0;
    double other_before = 0.0;
    for (const std::vector<int64_t>& indices : batches) {
      const Batch x =
          MakeBatch(backend, statistics.candidate_rows, indices, own_before);
      const Batch y =
          MakeBatch(backend, statistics.reference_rows, indices, other_before);
      const std::vector<double> dots = backend.Dots({{{x.centred, y.centred},
                                                      {x.centred, x.centred},
                                                      {y.centred, y.centred}}});
      cross += dots[0];
      own += dots[1];
      other += dots[2];
      if (request.candidate || request.reference) {
        candidate.push_back(x);
        reference.push_back(y);
      }
    }
    constexpr double kFloor = kSmallestSelfTerm * kSmallestSelfTerm;
    if (!(own > kFloor * own_before)) {
      return Equidistant("candidate");
    }
    if (!(other > kFloor * other_before)) {
      return Equidistant("reference");
    }
    const double scale = 1.0 / (std::sqrt(own) * std::sqrt(other));
    Evaluation result;
    result.value = std::clamp(cross * scale, -1.0, 1.0);
    if (request.candidate) {
      result.adjoint.candidate_rows = Derivative(statistics,
                                                 batches,
                                                 candidate,
                                                 -result.value / own,
                                                 reference,
                                                 scale);
    }
    if (request.reference) {
      result.adjoint.reference_rows = Derivative(statistics,
                                                 batches,
                                                 reference,
                                                 -result.value / other,
                                                 candidate,
                                                 scale);
    }
    return result;
  }

 private:
  static absl::Status Equidistant(std::string_view side) {
    return absl::InvalidArgumentError(
        StrCat(side,
               ": in every batch all rows are equidistant, so that "
               "cka.minibatch is undefined"));
  }

  /// dX_b = 2 (scale U(L_b) + own_factor U(K_b)) X_b, 0 outside the batches.
  static Matrix Derivative(const Statistics& statistics,
                           const std::vector<std::vector<int64_t>>& batches,
                           const std::vector<Batch>& own,
                           double own_factor,
                           const std::vector<Batch>& other,
                           double scale) {
    Backend& backend = *statistics.backend;
    const int64_t n = statistics.size.rows;
    const int64_t features = own.front().rows.cols();
    const Matrix stacked = backend.Allocate(n, features, kDouble);
    backend.Fill(0.0, stacked);
    // Rows outside the batches take from the rows that stay 0.
    std::vector<int64_t> source(static_cast<size_t>(n), n - 1);
    int64_t first = 0;
    for (size_t b = 0; b < batches.size(); ++b) {
      const auto size = static_cast<int64_t>(batches[b].size());
      const Matrix weights = Scaled(backend, 2.0 * scale, other[b].centred);
      backend.Axpby(2.0 * own_factor, own[b].centred, 1.0, weights);
      backend.Gemm(Op::kNone,
                   Op::kNone,
                   1.0,
                   weights,
                   own[b].rows,
                   0.0,
                   stacked.Rows(first, size));
      for (int64_t i = 0; i < size; ++i) {
        source[static_cast<size_t>(batches[b][static_cast<size_t>(i)])] =
            first + i;
      }
      first += size;
    }
    Matrix derivative = backend.Allocate(n, features, kDouble);
    backend.GatherRows(stacked, source, derivative);
    return derivative;
  }

  const MeasureInfo& info_;
  const int64_t batch_;
  const FoldRule rule_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeMinibatchCka(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t batch,
                            parameters.Integer("batch", 4, kLargestBatch));
  return std::make_shared<MinibatchCka>(info, batch, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> MinibatchCkaFamily() {
  return {
      {{.id = "cka.minibatch",
        .aliases = {"cka_minibatch"},
        .summary = "debiased CKA from sums over batches of rows; may be "
                   "negative",
        .orientation = Orientation::kScore,
        .lowest = -1.0,
        .highest = 1.0,
        .symmetric = true,
        .metric = false,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters = {{.name = "batch",
                        .default_value = "10",
                        .description =
                            "rows of a batch, at least 4, in stored order; a "
                            "last batch that is not full is left out"}},
        .minimum_rows = 4,
        .source = "Nguyen, Raghu & Kornblith 2021, Do wide and deep networks "
                  "learn the same things?",
        .examples = {"cka.minibatch(batch=5)"},
        .cost = "n batch (p + q)",
        .known_as = {"google-research efficient_CKA: minibatch CKA"}},
       MakeMinibatchCka}};
}

}  // namespace repscore
