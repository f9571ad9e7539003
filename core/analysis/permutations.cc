// Null distribution by permuted references: what does not change is computed
// once; several draws share one product.
#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "core/analysis/resampling.h"
#include "core/analysis/score_plan.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Permuted references that stand side by side in one product, and what the
// products take: more than the caches hold costs more than it brings.
constexpr int64_t kBatchBytes = int64_t{4} << 20;
constexpr int64_t kMostInBatch = 32;

/// The statistics of one pair, and of the same pair with permuted references.
class PermutedStatistics {
 public:
  PermutedStatistics(Backend& backend,
                     const RowPair& pair,
                     const RowOrder& order,
                     const StatisticsNeeds& needs)
      : backend_(backend),
        pair_(pair),
        order_(order),
        needs_(needs),
        inverse_(order.Inverse()),
        base_(ComputeStatistics(backend, pair, order, needs, {})) {
    // Rows that a measure did not ask for must not contradict the rest.
    base_.reference_rows = {};
    if (!needs.candidate_rows) {
      base_.candidate_rows = {};
    }
    base_.candidate_memo = std::make_shared<Memo>();
    by_fold_ = needs.fold_gram || needs.fold_reference_gram;
    moves_rows_ = needs.cross || needs.reference_rows || by_fold_;
  }

  /// How many draws one batch may hold.
  int64_t batch_size() const {
    int64_t products = needs_.cross ? 1 : 0;
    if (by_fold_) {
      products = static_cast<int64_t>(order_.cells().size());
    }
    const int64_t bytes = pair_.reference.bytes() +
                          products * pair_.candidate.cols() *
                              pair_.reference.cols() * ScalarSize(kDouble);
    return std::clamp<int64_t>(
        kBatchBytes / std::max<int64_t>(1, bytes), 1, kMostInBatch);
  }

  /// `permutations` of rows in the dataset's order: row i gets the reference of
  /// row permutation[i].
  std::vector<Statistics> Of(
      absl::Span<const std::vector<int64_t>> permutations) const {
    const auto count = static_cast<int64_t>(permutations.size());
    const int64_t q = pair_.reference.cols();
    std::vector<std::vector<int64_t>> ordered;
    for (const std::vector<int64_t>& permutation : permutations) {
      ordered.push_back(Ordered(permutation));
    }
    Matrix references;
    // X'Y of every draw, of all rows or by cell.
    std::vector<Matrix> crosses;
    if (moves_rows_) {
      references =
          backend_.Allocate(pair_.reference.rows(), count * q, kDouble);
      for (int64_t i = 0; i < count; ++i) {
        backend_.GatherRows(pair_.reference,
                            ordered[static_cast<size_t>(i)],
                            references.Columns(i * q, q));
      }
    }
    if (by_fold_) {
      for (const RowOrder::Cell& cell : order_.cells()) {
        crosses.push_back(CrossOf(pair_.candidate.Rows(cell.first, cell.count),
                                  references.Rows(cell.first, cell.count)));
      }
    } else if (needs_.cross) {
      crosses.push_back(CrossOf(pair_.candidate, references));
    }
    std::vector<Statistics> all;
    for (int64_t i = 0; i < count; ++i) {
      Statistics statistics = base_;
      statistics.memo = std::make_shared<Memo>();
      const std::vector<int64_t>& rows = ordered[static_cast<size_t>(i)];
      if (by_fold_) {
        FoldsOf(references.Columns(i * q, q), crosses, i * q, statistics);
      } else if (needs_.cross) {
        statistics.cross = crosses.front().Columns(i * q, q);
      }
      if (needs_.reference_rows) {
        statistics.reference_rows = references.Columns(i * q, q);
      }
      if (needs_.reference_kernel) {
        statistics.reference_kernel = Permuted(base_.reference_kernel, rows);
      }
      if (needs_.row_norms) {
        RowNorms& norms = statistics.row_norms;
        norms.reference =
            backend_.Allocate(base_.row_norms.reference.rows(), 1, kDouble);
        backend_.GatherRows(base_.row_norms.reference, rows, norms.reference);
        norms.product = backend_.Dot(norms.candidate, norms.reference);
      }
      all.push_back(std::move(statistics));
    }
    return all;
  }

 private:
  /// The permutation between positions of the row order.
  std::vector<int64_t> Ordered(const std::vector<int64_t>& permutation) const {
    std::vector<int64_t> out;
    out.reserve(permutation.size());
    for (const int64_t row : order_.permutation()) {
      const int64_t from = permutation[static_cast<size_t>(row)];
      out.push_back(inverse_[static_cast<size_t>(from)]);
    }
    return out;
  }

  Matrix Permuted(const Matrix& kernel,
                  const std::vector<int64_t>& rows) const {
    const int64_t n = kernel.rows();
    Matrix once = backend_.Allocate(n, n, kDouble);
    backend_.GatherRows(kernel, rows, once);
    const Matrix turned = backend_.Allocate(n, n, kDouble);
    backend_.Transpose(once, turned);
    backend_.GatherRows(turned, rows, once);
    return once;
  }

  Matrix CrossOf(const Matrix& candidate, const Matrix& references) const {
    Matrix cross =
        backend_.Allocate(candidate.cols(), references.cols(), kDouble);
    backend_.Gemm(
        Op::kTranspose, Op::kNone, 1.0, candidate, references, 0.0, cross);
    return cross;
  }

  /// Moments of every fold: the candidate's parts stay. `crosses` by cell, of
  /// which this draw's columns start at `first`.
  void FoldsOf(const Matrix& reference,
               absl::Span<const Matrix> crosses,
               int64_t first,
               Statistics& statistics) const {
    for (auto& [rule, folded] : statistics.folds) {
      for (FoldMoments& moments : folded.moments) {
        moments.reference_sum = {};
        moments.cross = {};
        moments.reference_gram = {};
        moments.reference_norm_squared = 0.0;
      }
    }
    statistics.cross = {};
    for (size_t c = 0; c < order_.cells().size(); ++c) {
      const RowOrder::Cell& cell = order_.cells()[c];
      const Matrix rows = reference.Rows(cell.first, cell.count);
      FoldMoments part;
      part.reference_sum = backend_.Allocate(rows.cols(), 1, kDouble);
      backend_.ColumnSums(rows, part.reference_sum);
      part.cross = crosses[c].Columns(first, rows.cols());
      if (needs_.fold_reference_gram) {
        part.reference_gram = GramOf(backend_, rows, true);
      }
      part.reference_norm_squared = backend_.Dot(rows, rows);
      for (const auto& [rule, fold] : cell.folds) {
        if (fold >= 0) {
          AddFoldMoments(
              backend_,
              part,
              statistics.folds[rule].moments[static_cast<size_t>(fold)]);
        }
      }
      AddInto(backend_, part.cross, statistics.cross);
    }
  }

  Backend& backend_;
  const RowPair& pair_;
  const RowOrder& order_;
  const StatisticsNeeds needs_;
  const std::vector<int64_t> inverse_;
  Statistics base_;
  bool by_fold_ = false;
  bool moves_rows_ = false;
};

}  // namespace

absl::StatusOr<DrawnScores> Resampler::ScorePermutations(
    const Sides& sides,
    int64_t draws,
    uint64_t seed,
    const Continue& keep_going) const {
  const Plan plan = PlanFor(rows_,
                            sides.candidate.cols(),
                            sides.compressed.cols(),
                            sides.reference.cols());
  const RowOrder order(rows_, folds_);
  RowPair pair;
  pair.candidate = order.Apply(backend_, sides.candidate);
  pair.candidate_means = sides.candidate_means;
  pair.reference = order.Apply(
      backend_, plan.needs.full_reference ? sides.reference : sides.compressed);
  pair.exact_reference = pair.reference;
  pair.reference_means = sides.reference_means;
  const PermutedStatistics permuted(backend_, pair, order, plan.needs);
  const bool sums_singular_values =
      plan.needs.cross &&
      std::any_of(measures_.begin(), measures_.end(), [](const auto& measure) {
        return CostMentions(measure->info(), "SVD of p x");
      });
  DrawnScores scores;
  for (int64_t first = 0; first < draws; first += permuted.batch_size()) {
    REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
    std::vector<std::vector<int64_t>> batch;
    const int64_t end = std::min(draws, first + permuted.batch_size());
    for (int64_t draw = first; draw < end; ++draw) {
      const uint64_t stream =
          RandomStream(RandomUse::kPermutation, static_cast<uint64_t>(draw));
      batch.push_back(RowsOf(Philox(seed, stream).Permutation(conditions_)));
    }
    for (const Statistics& statistics : permuted.Of(batch)) {
      REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
      if (sums_singular_values) {
        RememberNuclearNorm(statistics);
      }
      scores.draws.push_back(Evaluate(statistics, scores.failure));
    }
  }
  return scores;
}

}  // namespace repscore
