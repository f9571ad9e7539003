#include "core/analysis/resampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

Matrix Gathered(Backend& backend,
                const Matrix& in,
                absl::Span<const int64_t> rows) {
  Matrix out =
      backend.Allocate(static_cast<int64_t>(rows.size()), in.cols(), in.type());
  backend.GatherRows(in, rows, out);
  return out;
}

/// Centres in place; the means that `means` held, moved by those removed.
Matrix Recentred(Backend& backend, const Matrix& rows, const Matrix& means) {
  Matrix moved = backend.Allocate(rows.cols(), 1, kDouble);
  backend.CentreColumns(rows, moved);
  if (means.rows() == moved.rows()) {
    backend.Axpby(1.0, means, 1.0, moved);
    return moved;
  }
  return means;
}

/// H K[rows, rows] H: the kernel of the centred subset.
Matrix SubKernel(Backend& backend,
                 const Matrix& kernel,
                 absl::Span<const int64_t> rows) {
  const Matrix tall = Gathered(backend, kernel, rows);
  const Matrix wide = backend.Allocate(kernel.cols(), tall.rows(), kDouble);
  backend.Transpose(tall, wide);
  const Matrix square = Gathered(backend, wide, rows);
  const Matrix means = backend.Allocate(square.cols(), 1, kDouble);
  backend.CentreColumns(square, means);
  Matrix centred = backend.Allocate(square.cols(), square.rows(), kDouble);
  backend.Transpose(square, centred);
  backend.CentreColumns(centred, means);
  return centred;
}

/// The folds of some rows, in ascending order, where every row stays in its
/// fold; folds that lose all their rows go.
Folds Restricted(const Folds& folds, absl::Span<const int64_t> rows) {
  Folds restricted;
  restricted.digest = folds.digest;
  if (folds.is_partition()) {
    std::map<int32_t, int32_t> renamed;
    for (const int64_t row : rows) {
      const int32_t fold = folds.fold_of_row[static_cast<size_t>(row)];
      if (fold >= 0) {
        renamed.emplace(fold, 0);
      }
    }
    for (auto& [fold, name] : renamed) {
      name = restricted.count++;
    }
    for (const int64_t row : rows) {
      const int32_t fold = folds.fold_of_row[static_cast<size_t>(row)];
      restricted.fold_of_row.push_back(fold < 0 ? fold : renamed.at(fold));
    }
    return restricted;
  }
  std::map<int64_t, int64_t> position;
  for (size_t i = 0; i < rows.size(); ++i) {
    position[rows[i]] = static_cast<int64_t>(i);
  }
  const auto kept = [&position](const std::vector<int64_t>& list) {
    std::vector<int64_t> out;
    for (const int64_t row : list) {
      if (const auto at = position.find(row); at != position.end()) {
        out.push_back(at->second);
      }
    }
    return out;
  };
  for (const Split& split : folds.overlapping) {
    Split part = {.train = kept(split.train), .test = kept(split.test)};
    if (!part.test.empty()) {
      restricted.overlapping.push_back(std::move(part));
    }
  }
  restricted.count = static_cast<int32_t>(restricted.overlapping.size());
  return restricted;
}

/// False when there is no fold left or one trains on fewer than two rows.
bool Usable(const Folds& folds) {
  if (folds.count == 0) {
    return false;
  }
  if (!folds.is_partition()) {
    return std::all_of(
        folds.overlapping.begin(),
        folds.overlapping.end(),
        [](const Split& split) { return split.train.size() >= 2; });
  }
  const auto rows = static_cast<int64_t>(folds.fold_of_row.size());
  const std::vector<int64_t> sizes = folds.Sizes();
  return std::all_of(sizes.begin(), sizes.end(), [rows](int64_t size) {
    return rows - size >= 2;
  });
}

/// The first `kept` units of a random order, as a mask.
std::vector<bool> DrawUnits(int64_t count,
                            int64_t kept,
                            uint64_t seed,
                            int64_t draw) {
  const std::vector<int64_t> order =
      Philox(seed,
             RandomStream(RandomUse::kSubsample, static_cast<uint64_t>(draw)))
          .Permutation(count);
  std::vector<bool> drawn(static_cast<size_t>(count), false);
  for (int64_t i = 0; i < kept; ++i) {
    drawn[static_cast<size_t>(order[static_cast<size_t>(i)])] = true;
  }
  return drawn;
}

/// Statistics that kernels alone give.
bool NeedsKernelsOnly(const StatisticsNeeds& needs) {
  return !needs.gram && !needs.cross && !needs.reference_gram &&
         !needs.row_norms && !needs.candidate_rows && !needs.reference_rows &&
         !needs.means && !needs.fold_gram && !needs.fold_reference_gram;
}

}  // namespace

uint64_t RandomStream(RandomUse use, uint64_t index) {
  // Above the streams of starts and fold shuffles.
  constexpr unsigned kUseShift = 48;
  return ((uint64_t{0x100} + static_cast<uint64_t>(use)) << kUseShift) + index;
}

Resampler::Resampler(const Reference& reference,
                     absl::Span<const std::shared_ptr<const Measure>> measures)
    : backend_(reference.backend()),
      measures_(measures),
      rows_(reference.rows()),
      conditions_(reference.conditions()) {}

absl::StatusOr<Resampler> Resampler::Create(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures) {
  Resampler resampler(reference, measures);
  for (size_t m = 0; m < measures.size(); ++m) {
    if (const FoldRule* rule = measures[m]->fold_rule(); rule != nullptr) {
      absl::StatusOr<Folds> folds = rule->Assign(LayoutOf(reference.dataset()));
      if (!folds.ok()) {
        return absl::Status(
            folds.status().code(),
            StrCat("measures[", m, "].id: ", folds.status().message()));
      }
      resampler.folds_[rule->ToString()] = *std::move(folds);
    }
  }
  return resampler;
}

Resampler::Plan Resampler::PlanFor(int64_t rows,
                                   int64_t candidate_features,
                                   int64_t compressed_features,
                                   int64_t full_features) const {
  Plan plan;
  plan.size.rows = rows;
  plan.size.candidate_features = candidate_features;
  plan.size.reference_features = compressed_features;
  plan.size.space = ChooseSpace(rows, candidate_features);
  for (const auto& measure : measures_) {
    plan.needs |= measure->Needs(plan.size);
  }
  if (plan.needs.full_reference) {
    plan.size.reference_features = full_features;
  }
  return plan;
}

Values Resampler::Evaluate(const Statistics& statistics,
                           std::string& failure) const {
  Values values;
  for (const auto& measure : measures_) {
    std::optional<double>& value = values.emplace_back();
    absl::Status status = measure->CheckSize(statistics.size);
    if (status.ok()) {
      const absl::StatusOr<Evaluation> evaluation =
          measure->Evaluate(statistics, AdjointRequest{}, Accuracy::kExact);
      status = evaluation.status();
      if (evaluation.ok() && std::isfinite(evaluation->value)) {
        value = evaluation->value;
      }
    }
    if (!value.has_value() && failure.empty()) {
      failure = status.ok() ? StrCat(measure->id(), " is not finite")
                            : StrCat(status.message());
    }
  }
  return values;
}

Values Resampler::ScoreRows(const RowPair& pair,
                            const FoldMap& folds,
                            const Plan& plan,
                            std::string& failure) const {
  for (const auto& [rule, assigned] : folds) {
    if (!Usable(assigned)) {
      failure = StrCat("too few rows are left in folds ", rule);
      return Values(measures_.size());
    }
  }
  const RowOrder order(pair.candidate.rows(), folds);
  RowPair ordered = pair;
  ordered.candidate = order.Apply(backend_, pair.candidate);
  ordered.reference = order.Apply(backend_, pair.reference);
  ordered.exact_reference = ordered.reference;
  return Evaluate(ComputeStatistics(backend_, ordered, order, plan.needs, {}),
                  failure);
}

Values Resampler::Score(const Sides& sides, std::string& failure) const {
  const int64_t q = sides.reference.cols();
  const int64_t least = std::min(rows_, q);
  const Plan plan =
      PlanFor(rows_,
              sides.candidate.cols(),
              sides.compressed.empty() ? least : sides.compressed.cols(),
              q);
  RowPair pair;
  pair.candidate = sides.candidate;
  pair.candidate_means = sides.candidate_means;
  pair.reference_means = sides.reference_means;
  if (plan.needs.full_reference) {
    pair.reference = sides.reference;
  } else if (!sides.compressed.empty()) {
    pair.reference = sides.compressed;
  } else {
    pair.reference = backend_.CompressColumns(sides.reference);
  }
  return ScoreRows(pair, folds_, plan, failure);
}

std::vector<int64_t> Resampler::RowsOf(
    absl::Span<const int64_t> conditions) const {
  std::vector<int64_t> rows;
  for (int64_t first = 0; first < rows_; first += conditions_) {
    for (const int64_t condition : conditions) {
      rows.push_back(first + condition);
    }
  }
  return rows;
}

Values Resampler::ScoreSubset(const Sides& sides,
                              absl::Span<const int64_t> rows,
                              const Matrix& kernel,
                              const Matrix& reference_kernel,
                              std::string& failure) const {
  const auto count = static_cast<int64_t>(rows.size());
  if (count < 2) {
    failure = "a draw has fewer than two rows";
    return Values(measures_.size());
  }
  FoldMap folds;
  for (const auto& [rule, assigned] : folds_) {
    folds[rule] = Restricted(assigned, rows);
  }
  const Plan plan = PlanFor(count,
                            sides.candidate.cols(),
                            sides.compressed.cols(),
                            sides.reference.cols());
  if (!kernel.empty() && plan.size.space == Space::kSample) {
    Statistics statistics;
    statistics.backend = &backend_;
    statistics.size = plan.size;
    statistics.kernel = SubKernel(backend_, kernel, rows);
    statistics.reference_kernel = SubKernel(backend_, reference_kernel, rows);
    statistics.candidate_norm_squared = backend_.Trace(statistics.kernel);
    statistics.reference_norm_squared =
        backend_.Trace(statistics.reference_kernel);
    return Evaluate(statistics, failure);
  }
  RowPair pair;
  pair.candidate = Gathered(backend_, sides.candidate, rows);
  pair.candidate_means =
      Recentred(backend_, pair.candidate, sides.candidate_means);
  pair.reference =
      Gathered(backend_,
               plan.needs.full_reference ? sides.reference : sides.compressed,
               rows);
  pair.reference_means =
      Recentred(backend_, pair.reference, sides.reference_means);
  return ScoreRows(pair, folds, plan, failure);
}

absl::StatusOr<DrawnScores> Resampler::ScoreSubsets(
    const Sides& sides,
    absl::Span<const int64_t> units,
    int64_t unit_count,
    int64_t kept,
    int64_t draws,
    uint64_t seed,
    const Continue& keep_going) const {
  // Kernels of subsets are parts of the kernel of the whole.
  Matrix kernel;
  Matrix reference_kernel;
  const Plan whole = PlanFor(rows_,
                             std::max(rows_ + 1, sides.candidate.cols()),
                             sides.compressed.cols(),
                             sides.reference.cols());
  if (sides.candidate.cols() >= rows_ && folds_.empty() &&
      NeedsKernelsOnly(whole.needs)) {
    kernel = KernelOf(backend_, sides.candidate);
    reference_kernel = KernelOf(backend_, sides.compressed);
  }
  DrawnScores scores;
  for (int64_t draw = 0; draw < draws; ++draw) {
    REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
    const std::vector<bool> drawn = DrawUnits(unit_count, kept, seed, draw);
    std::vector<int64_t> conditions;
    for (size_t c = 0; c < units.size(); ++c) {
      if (drawn[static_cast<size_t>(units[c])]) {
        conditions.push_back(static_cast<int64_t>(c));
      }
    }
    scores.draws.push_back(ScoreSubset(
        sides, RowsOf(conditions), kernel, reference_kernel, scores.failure));
  }
  return scores;
}

}  // namespace repscore
