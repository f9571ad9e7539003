#include "core/analysis/pairwise.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "core/analysis/score_stream.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/reference.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Gram matrices and kernels of all systems are kept up to this many bytes.
constexpr int64_t kCachedBytes = int64_t{1} << 30;

absl::Status In(const std::string& field, const absl::Status& status) {
  return {status.code(), StrCat(field, ": ", status.message())};
}

/// One system on the backend.
struct Resident {
  Matrix rows;        ///< [n x p], centred
  Matrix compressed;  ///< [n x min(n, p)] with the same kernel
  Matrix means;       ///< [p x 1]
  double norm_squared = 0.0;
  /// Kept when there is room.
  Matrix gram;
  Matrix compressed_gram;
  Matrix kernel;
};

class Comparison {
 public:
  Comparison(Backend& backend,
             absl::Span<const std::shared_ptr<const Measure>> measures)
      : backend_(backend), measures_(measures) {}

  /// Uploads and checks all systems.
  absl::Status Load(absl::Span<const System> systems) {
    for (size_t i = 0; i < systems.size(); ++i) {
      const std::string field = StrCat("systems[", i, "]");
      REPSCORE_RETURN_IF_ERROR(LoadOne(systems[i].rows, field));
      if (residents_[i].rows.rows() != residents_[0].rows.rows()) {
        return absl::InvalidArgumentError(StrCat(field,
                                                 ": has ",
                                                 residents_[i].rows.rows(),
                                                 " rows, but systems[0] has ",
                                                 residents_[0].rows.rows()));
      }
    }
    const ArraySpec& spec = systems[0].rows.spec;
    rows_ = RowCount(spec);
    const int64_t conditions = spec.shape.size() == 3 ? spec.shape[1] : rows_;
    std::map<std::string, Folds> folds;
    for (size_t m = 0; m < measures_.size(); ++m) {
      if (const FoldRule* rule = measures_[m]->fold_rule(); rule != nullptr) {
        absl::StatusOr<Folds> assigned =
            rule->Assign({.rows = rows_, .conditions = conditions});
        if (!assigned.ok()) {
          return In(StrCat("measures[", m, "]"), assigned.status());
        }
        folds[rule->ToString()] = *std::move(assigned);
      }
    }
    order_.emplace(rows_, std::move(folds));
    int64_t bytes = 0;
    for (Resident& system : residents_) {
      system.rows = order_->Apply(backend_, system.rows);
      system.compressed = backend_.CompressColumns(system.rows);
      const int64_t p = system.rows.cols();
      bytes += 8 * (rows_ * rows_ + p * p);
    }
    caches_ = bytes <= kCachedBytes;
    return absl::OkStatus();
  }

  /// Values of all measures of systems i and j.
  absl::StatusOr<std::vector<double>> Compare(size_t i, size_t j) {
    // The narrower side as the candidate: fewer features to accumulate.
    const bool turned = residents_[j].rows.cols() < residents_[i].rows.cols();
    Resident& candidate = residents_[turned ? j : i];
    Resident& reference = residents_[turned ? i : j];
    ProblemSize size;
    size.rows = rows_;
    size.candidate_features = candidate.rows.cols();
    size.reference_features = reference.compressed.cols();
    size.space = ChooseSpace(rows_, size.candidate_features);
    StatisticsNeeds needs;
    for (const auto& measure : measures_) {
      needs |= measure->Needs(size);
    }
    if (needs.full_reference) {
      size.reference_features = reference.rows.cols();
    }
    RowPair pair;
    pair.candidate = candidate.rows;
    pair.reference =
        needs.full_reference ? reference.rows : reference.compressed;
    pair.exact_reference = pair.reference;
    pair.candidate_means = candidate.means;
    pair.reference_means = reference.means;
    const Statistics statistics =
        StatisticsOf(pair, needs, candidate, reference);
    std::vector<double> values;
    for (size_t m = 0; m < measures_.size(); ++m) {
      REPSCORE_RETURN_IF_ERROR(
          Explained(i, j, m, measures_[m]->CheckSize(size)));
      absl::StatusOr<ScoreResult> score =
          EvaluateMeasure(*measures_[m], statistics);
      REPSCORE_RETURN_IF_ERROR(Explained(i, j, m, score.status()));
      values.push_back(score->value);
    }
    return values;
  }

 private:
  absl::Status LoadOne(const HostArray& array, const std::string& field) {
    REPSCORE_ASSIGN_OR_RETURN(const int64_t bytes,
                              CheckedByteSize(array.spec, field));
    if (static_cast<int64_t>(array.data.size()) != bytes) {
      return absl::InvalidArgumentError(StrCat(field,
                                               ": has ",
                                               array.data.size(),
                                               " bytes, but ",
                                               ToString(array.spec),
                                               " takes ",
                                               bytes));
    }
    const int64_t n = RowCount(array.spec);
    const int64_t p = FeatureCount(array.spec);
    std::vector<double> values(static_cast<size_t>(n * p));
    ConvertToDouble(array.spec.type, array.data, absl::MakeSpan(values));
    REPSCORE_RETURN_IF_ERROR(CheckFinite(values, p, 0, field));
    double largest = 0.0;
    for (const double value : values) {
      largest = std::max(largest, std::abs(value));
    }
    Resident system;
    const Matrix transposed = backend_.Allocate(p, n, kDouble);
    backend_.Upload(values, transposed);
    system.rows = backend_.Allocate(n, p, kDouble);
    backend_.Transpose(transposed, system.rows);
    system.means = backend_.Allocate(p, 1, kDouble);
    backend_.CentreColumns(system.rows, system.means);
    system.norm_squared = backend_.Dot(system.rows, system.rows);
    if (!HasVariance(system.norm_squared, largest, n, p)) {
      return absl::InvalidArgumentError(
          StrCat(field, ": has no variance over its ", n, " rows"));
    }
    residents_.push_back(std::move(system));
    return absl::OkStatus();
  }

  absl::Status Explained(size_t i,
                         size_t j,
                         size_t m,
                         const absl::Status& status) const {
    return status.ok() ? status
                       : In(StrCat("systems[",
                                   i,
                                   "] and systems[",
                                   j,
                                   "], ",
                                   measures_[m]->id()),
                            status);
  }

  const Matrix& GramFor(const Matrix& rows, Matrix& cached) {
    if (cached.empty()) {
      cached = GramOf(backend_, rows, true);
    }
    return cached;
  }

  Statistics StatisticsOf(const RowPair& pair,
                          const StatisticsNeeds& needs,
                          Resident& candidate,
                          Resident& reference) {
    ReferenceConstants constants;
    constants.norm_squared = reference.norm_squared;
    StatisticsNeeds left = needs;
    if (!caches_) {
      return ComputeStatistics(backend_, pair, *order_, left, constants);
    }
    const auto kernel_of = [this](Resident& system) {
      if (system.kernel.empty()) {
        system.kernel = KernelOf(backend_, system.compressed);
      }
      return system.kernel;
    };
    const bool full = pair.reference.cols() == reference.rows.cols();
    if (needs.reference_gram) {
      constants.gram = GramFor(
          pair.reference, full ? reference.gram : reference.compressed_gram);
    }
    if (needs.reference_kernel) {
      constants.kernel = kernel_of(reference);
    }
    left.gram = false;
    left.kernel = false;
    Statistics statistics =
        ComputeStatistics(backend_, pair, *order_, left, constants);
    if (needs.gram) {
      statistics.gram = GramFor(candidate.rows, candidate.gram);
    }
    if (needs.kernel) {
      statistics.kernel = kernel_of(candidate);
    }
    return statistics;
  }

  Backend& backend_;
  const absl::Span<const std::shared_ptr<const Measure>> measures_;
  std::vector<Resident> residents_;
  std::optional<RowOrder> order_;
  int64_t rows_ = 0;
  bool caches_ = false;
};

absl::Status CheckRequest(
    absl::Span<const System> systems,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    int64_t known_systems,
    absl::Span<const PairwiseMatrix> known) {
  if (systems.empty()) {
    return absl::InvalidArgumentError("systems: there are none");
  }
  if (measures.empty()) {
    return absl::InvalidArgumentError("measures: there are none");
  }
  for (size_t m = 0; m < measures.size(); ++m) {
    if (!measures[m]->info().symmetric) {
      return absl::InvalidArgumentError(
          StrCat("measures[",
                 m,
                 "]: ",
                 measures[m]->id(),
                 " is not symmetric, so that pairs have no one value"));
    }
  }
  if (known_systems < 0 ||
      known_systems > static_cast<int64_t>(systems.size())) {
    return absl::InvalidArgumentError(StrCat(
        "known_systems: ", known_systems, " of ", systems.size(), " systems"));
  }
  if (known_systems == 0) {
    return absl::OkStatus();
  }
  if (known.size() != measures.size()) {
    return absl::InvalidArgumentError(StrCat("known: ",
                                             known.size(),
                                             " matrices for ",
                                             measures.size(),
                                             " measures"));
  }
  for (size_t m = 0; m < measures.size(); ++m) {
    if (known[m].measure != measures[m]->id()) {
      return absl::InvalidArgumentError(StrCat("known[",
                                               m,
                                               "]: is of ",
                                               known[m].measure,
                                               ", but measures[",
                                               m,
                                               "] is ",
                                               measures[m]->id()));
    }
    if (static_cast<int64_t>(known[m].values.size()) !=
        known_systems * known_systems) {
      return absl::InvalidArgumentError(StrCat("known[",
                                               m,
                                               "]: ",
                                               known[m].values.size(),
                                               " values for ",
                                               known_systems,
                                               " systems"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PairwiseMatrix>> ComparePairwise(
    Backend& backend,
    absl::Span<const System> systems,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    int64_t known_systems,
    absl::Span<const PairwiseMatrix> known,
    const std::function<absl::Status(int64_t done, int64_t total)>& progress) {
  using Result = absl::StatusOr<std::vector<PairwiseMatrix>>;
  return Guarded([&]() -> Result {
    REPSCORE_RETURN_IF_ERROR(
        CheckRequest(systems, measures, known_systems, known));
    const size_t k = systems.size();
    const auto old = static_cast<size_t>(known_systems);
    std::vector<PairwiseMatrix> matrices(measures.size());
    for (size_t m = 0; m < measures.size(); ++m) {
      matrices[m].measure = measures[m]->id();
      matrices[m].values.resize(k * k);
      for (size_t i = 0; i < old; ++i) {
        std::copy_n(
            known[m].values.begin() + static_cast<std::ptrdiff_t>(i * old),
            old,
            matrices[m].values.begin() + static_cast<std::ptrdiff_t>(i * k));
      }
    }
    Comparison comparison(backend, measures);
    REPSCORE_RETURN_IF_ERROR(comparison.Load(systems));
    const auto total =
        static_cast<int64_t>((k * (k + 1) - old * (old + 1)) / 2);
    int64_t done = 0;
    for (size_t j = old; j < k; ++j) {
      for (size_t i = 0; i <= j; ++i) {
        REPSCORE_ASSIGN_OR_RETURN(const std::vector<double> values,
                                  comparison.Compare(i, j));
        for (size_t m = 0; m < measures.size(); ++m) {
          matrices[m].values[i * k + j] = values[m];
          matrices[m].values[j * k + i] = values[m];
        }
        if (progress) {
          REPSCORE_RETURN_IF_ERROR(progress(++done, total));
        }
      }
    }
    return matrices;
  });
}

}  // namespace repscore
