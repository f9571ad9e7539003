#include "core/analysis/score_stream.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "core/analysis/score_plan.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/data/row_matching.h"
#include "core/measures/companion.h"
#include "core/measures/registry.h"
#include "core/measures/spectral.h"
#include "core/statistics/moments.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

absl::Status InField(std::string_view field, const absl::Status& status) {
  return {status.code(), StrCat(field, ": ", status.message())};
}

int64_t BytesOf(const ArraySpec& spec) {
  return RowCount(spec) * FeatureCount(spec) * ElementSize(spec.type);
}

absl::Status TooManyBytes(const ArraySpec& spec) {
  return absl::InvalidArgumentError(StrCat("candidate.data: has more than the ",
                                           BytesOf(spec),
                                           " bytes of ",
                                           ToString(spec)));
}

absl::Status MissingBytes(int64_t received, const ArraySpec& spec) {
  return absl::InvalidArgumentError(StrCat("candidate.data: has ",
                                           received,
                                           " bytes, but ",
                                           ToString(spec),
                                           " takes ",
                                           BytesOf(spec)));
}

class ScoreStreamImpl final : public ScoreStream {
 public:
  ScoreStreamImpl(std::shared_ptr<const Reference> reference,
                  std::vector<std::shared_ptr<const Measure>> measures,
                  const ArraySpec& candidate,
                  ScoreOptions options)
      : reference_(std::move(reference)),
        backend_(reference_->backend()),
        measures_(std::move(measures)),
        spec_(candidate),
        options_(std::move(options)),
        rows_(RowCount(candidate)),
        features_(FeatureCount(candidate)) {}

  absl::Status Prepare() {
    if (options_.companions) {
      REPSCORE_RETURN_IF_ERROR(AddCompanions());
    }
    size_.rows = rows_;
    size_.candidate_features = features_;
    size_.space = ChooseSpace(rows_, features_);
    size_.reference_features = ReferenceRows().cols();
    const auto add_needs = [this](const auto& measures) {
      for (const auto& measure : measures) {
        if (measure != nullptr) {
          needs_ |= measure->Needs(size_);
        }
      }
    };
    add_needs(measures_);
    add_needs(companions_);
    if (needs_.full_reference) {
      // What else is needed depends on how many columns that has.
      size_.reference_features = ReferenceRows().cols();
      add_needs(measures_);
      add_needs(companions_);
    }
    size_.reference_features = ReferenceRows().cols();
    std::map<std::string, Folds> folds;
    for (size_t i = 0; i < measures_.size(); ++i) {
      const Measure& measure = *measures_[i];
      const std::string field = StrCat("measures[", i, "].id");
      const absl::Status fits = measure.CheckSize(size_);
      if (!fits.ok()) {
        return InField(field, fits);
      }
      if (const FoldRule* rule = measure.fold_rule(); rule != nullptr) {
        absl::StatusOr<Folds> assigned =
            rule->Assign(LayoutOf(reference_->dataset()));
        if (!assigned.ok()) {
          return InField(field, assigned.status());
        }
        folds[rule->ToString()] = *std::move(assigned);
      }
    }
    from_rows_ = size_.space == Space::kSample || needs_.kernel ||
                 needs_.reference_kernel || needs_.candidate_rows;
    keeps_rows_ = from_rows_ || !options_.context.empty() ||
                  rows_ * features_ <= kKeptElements;
    folds_ = folds;
    if (!from_rows_) {
      accumulator_.emplace(backend_, ReferenceRows(), std::move(folds), needs_);
    }
    block_bytes_ = static_cast<size_t>(BlockRows(rows_, features_) * features_ *
                                       ElementSize(spec_.type));
    return absl::OkStatus();
  }

  absl::Status Append(absl::Span<const std::byte> bytes) override {
    return Guarded([&]() -> absl::Status {
      received_ += static_cast<int64_t>(bytes.size());
      if (received_ > ExpectedBytes()) {
        return TooManyBytes(spec_);
      }
      while (!bytes.empty()) {
        const size_t taken =
            std::min(bytes.size(), block_bytes_ - pending_.size());
        pending_.insert(pending_.end(),
                        bytes.begin(),
                        bytes.begin() + static_cast<std::ptrdiff_t>(taken));
        bytes.remove_prefix(taken);
        if (pending_.size() == block_bytes_) {
          REPSCORE_RETURN_IF_ERROR(TakeBlock());
        }
      }
      return absl::OkStatus();
    });
  }

  absl::StatusOr<ScoreReport> Finish() override {
    return Guarded([&]() -> absl::StatusOr<ScoreReport> {
      if (received_ != ExpectedBytes()) {
        return MissingBytes(received_, spec_);
      }
      if (!pending_.empty()) {
        REPSCORE_RETURN_IF_ERROR(TakeBlock());
      }
      pending_ = {};
      block_ = {};
      if (keeps_rows_) {
        means_ = backend_.Allocate(features_, 1, kDouble);
        backend_.CentreColumns(kept_, means_);
      }
      Statistics statistics = from_rows_ ? FromRows() : FromMoments();
      statistics.memo = std::make_shared<Memo>();
      statistics.keep_going = options_.keep_going;
      if (std::isnan(statistics.candidate_norm_squared)) {
        return absl::InternalError("candidate: " + std::string(kNanFromDevice));
      }
      if (!HasVariance(
              statistics.candidate_norm_squared, largest_, rows_, features_)) {
        return absl::InvalidArgumentError(
            StrCat("candidate: has no variance over its ", rows_, " rows"));
      }
      return Report(statistics);
    });
  }

 private:
  const Matrix& ReferenceRows() const {
    return reference_->Rows(needs_.full_reference);
  }

  int64_t ExpectedBytes() const { return BytesOf(spec_); }

  absl::Status TakeBlock() {
    const auto elements =
        pending_.size() / static_cast<size_t>(ElementSize(spec_.type));
    const int64_t count = static_cast<int64_t>(elements) / features_;
    block_.resize(elements);
    ConvertToDouble(spec_.type, pending_, absl::MakeSpan(block_));
    pending_.clear();
    REPSCORE_RETURN_IF_ERROR(
        CheckFinite(block_, features_, rows_taken_, "candidate.data"));
    for (const double value : block_) {
      largest_ = std::max(largest_, std::abs(value));
    }
    if (accumulator_.has_value()) {
      accumulator_->Append(block_, count);
    }
    if (keeps_rows_) {
      if (kept_.empty()) {
        kept_ = backend_.Allocate(rows_, features_, kDouble);
      }
      const Matrix block = backend_.Allocate(features_, count, kDouble);
      backend_.Upload(block_, block);
      backend_.Transpose(block, kept_.Rows(rows_taken_, count));
    }
    rows_taken_ += count;
    return absl::OkStatus();
  }

  Statistics FromMoments() {
    Statistics statistics =
        std::move(*accumulator_).Finish(reference_->Constants(needs_));
    accumulator_.reset();
    statistics.candidate_means = means_;
    statistics.candidate_rows = kept_;
    return statistics;
  }

  Statistics FromRows() {
    StatisticsNeeds needs = needs_;
    // For the effective dimensionality.
    (size_.space == Space::kSample ? needs.kernel : needs.gram) = true;
    const RowOrder order(rows_, folds_);
    RowPair pair;
    pair.candidate_means = means_;
    pair.candidate = order.Apply(backend_, kept_);
    if (options_.context.empty()) {
      kept_ = {};
    }
    pair.reference = order.Apply(backend_, ReferenceRows());
    pair.exact_reference = pair.reference;
    pair.reference_means = reference_->means();
    ReferenceConstants constants;
    if (order.is_identity()) {
      constants = reference_->Constants(needs);
    }
    return ComputeStatistics(backend_, pair, order, needs, constants);
  }

  /// Fills companions_, one per measure; those that fit no rows are left out.
  absl::Status AddCompanions() {
    for (const auto& measure : measures_) {
      companions_.emplace_back();
      const std::optional<std::string> id = DebiasedCompanion(*measure);
      if (id.has_value()) {
        REPSCORE_ASSIGN_OR_RETURN(companions_.back(),
                                  CreateMeasure({.id = *id}, "companion"));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ScoreReport> Report(const Statistics& statistics) const {
    ScoreReport report;
    const Matrix& products =
        size_.space == Space::kFeature ? statistics.gram : statistics.kernel;
    report.candidate = {.rows = rows_,
                        .features = features_,
                        .effective_dimensionality = ParticipationRatio(
                            statistics.candidate_norm_squared,
                            backend_.Dot(products, products))};
    report.reference = {
        .rows = reference_->rows(),
        .features = reference_->features(),
        .effective_dimensionality = reference_->effective_dimensionality()};
    for (const std::shared_ptr<const Measure>& measure : measures_) {
      REPSCORE_ASSIGN_OR_RETURN(ScoreResult score,
                                EvaluateMeasure(*measure, statistics));
      report.scores.push_back(std::move(score));
    }
    for (const std::shared_ptr<const Measure>& companion : companions_) {
      report.companions.emplace_back();
      if (companion != nullptr && companion->CheckSize(size_).ok()) {
        REPSCORE_ASSIGN_OR_RETURN(report.companions.back(),
                                  EvaluateMeasure(*companion, statistics));
      }
    }
    if (!options_.context.empty()) {
      std::vector<double> values;
      std::vector<UnitScores> units;
      for (const ScoreResult& score : report.scores) {
        values.push_back(score.value);
        units.push_back(score.units);
      }
      REPSCORE_ASSIGN_OR_RETURN(report.contexts,
                                ComputeContext(*reference_,
                                               measures_,
                                               values,
                                               units,
                                               {kept_, means_},
                                               options_.context,
                                               options_.keep_going));
    }
    return report;
  }

  const std::shared_ptr<const Reference> reference_;
  Backend& backend_;
  const std::vector<std::shared_ptr<const Measure>> measures_;
  const ArraySpec spec_;
  const ScoreOptions options_;
  /// One per measure, null without one; empty when they are not wanted.
  std::vector<std::shared_ptr<const Measure>> companions_;
  const int64_t rows_;
  const int64_t features_;
  ProblemSize size_;
  StatisticsNeeds needs_;
  std::map<std::string, Folds> folds_;
  std::optional<MomentsAccumulator> accumulator_;
  size_t block_bytes_ = 0;
  std::vector<std::byte> pending_;
  std::vector<double> block_;
  /// Rows that are kept [n x p], centred once all have come; empty when none
  /// are kept, and when the statistics hold them in another order.
  Matrix kept_;
  /// What centring removed [p x 1].
  Matrix means_;
  /// Statistics are made of resident rows, not of streamed moments.
  bool from_rows_ = false;
  bool keeps_rows_ = false;
  int64_t received_ = 0;
  int64_t rows_taken_ = 0;
  double largest_ = 0.0;
};

/// Keeps all bytes, then puts the rows into the dataset's order.
class MatchedStream final : public ScoreStream {
 public:
  MatchedStream(std::shared_ptr<const Reference> reference,
                std::vector<std::shared_ptr<const Measure>> measures,
                const ArraySpec& candidate,
                ScoreOptions options)
      : reference_(std::move(reference)),
        measures_(std::move(measures)),
        options_(std::move(options)) {
    candidate_.spec = candidate;
  }

  absl::Status Append(absl::Span<const std::byte> bytes) override {
    const int64_t expected = BytesOf(candidate_.spec);
    if (static_cast<int64_t>(candidate_.data.size() + bytes.size()) >
        expected) {
      return TooManyBytes(candidate_.spec);
    }
    candidate_.data.insert(candidate_.data.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  }

  absl::StatusOr<ScoreReport> Finish() override {
    const auto received = static_cast<int64_t>(candidate_.data.size());
    if (received != BytesOf(candidate_.spec)) {
      return MissingBytes(received, candidate_.spec);
    }
    REPSCORE_ASSIGN_OR_RETURN(
        HostArray matched,
        MatchRows(
            reference_->dataset(), candidate_, options_.row_ids, "row_ids"));
    candidate_.data = {};
    options_.row_ids.clear();
    REPSCORE_ASSIGN_OR_RETURN(
        const std::unique_ptr<ScoreStream> stream,
        Create(reference_, measures_, matched.spec, options_));
    REPSCORE_RETURN_IF_ERROR(stream->Append(matched.data));
    matched.data = {};
    return stream->Finish();
  }

 private:
  const std::shared_ptr<const Reference> reference_;
  const std::vector<std::shared_ptr<const Measure>> measures_;
  ScoreOptions options_;
  HostArray candidate_;
};

}  // namespace

absl::StatusOr<ScoreResult> EvaluateMeasure(const Measure& measure,
                                            const Statistics& statistics) {
  REPSCORE_ASSIGN_OR_RETURN(
      Evaluation evaluation,
      measure.Evaluate(statistics, AdjointRequest{}, Accuracy::kExact));
  if (!std::isfinite(evaluation.value)) {
    return absl::InternalError(
        StrCat(measure.id(), " is not finite for finite rows"));
  }
  ScoreResult score;
  score.measure = measure.id();
  score.value = evaluation.value;
  score.warnings = std::move(evaluation.warnings);
  score.error = evaluation.error;
  score.units = std::move(evaluation.units);
  const StatisticsNeeds needs = measure.Needs(statistics.size);
  score.space = std::string(SpaceName(needs.kernel || needs.reference_kernel
                                          ? Space::kSample
                                          : Space::kFeature));
  if (const FoldRule* rule = measure.fold_rule(); rule != nullptr) {
    score.fold_digest = statistics.folds.at(rule->ToString()).folds.digest;
  }
  return score;
}

absl::Status CheckRowCount(const Reference& reference,
                           int64_t rows,
                           std::string_view field) {
  if (rows == reference.rows()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat(field,
                                           ": has ",
                                           rows,
                                           " rows, but ",
                                           reference.dataset().name,
                                           " has ",
                                           reference.rows()));
}

absl::StatusOr<std::unique_ptr<ScoreStream>> ScoreStream::Create(
    std::shared_ptr<const Reference> reference,
    std::vector<std::shared_ptr<const Measure>> measures,
    const ArraySpec& candidate,
    ScoreOptions options) {
  return Guarded([&]() -> absl::StatusOr<std::unique_ptr<ScoreStream>> {
    REPSCORE_RETURN_IF_ERROR(
        CheckedByteSize(candidate, "candidate.spec").status());
    REPSCORE_RETURN_IF_ERROR(ValidateContext(options.context));
    if (!options.row_ids.empty()) {
      return std::unique_ptr<ScoreStream>(
          std::make_unique<MatchedStream>(std::move(reference),
                                          std::move(measures),
                                          candidate,
                                          std::move(options)));
    }
    REPSCORE_RETURN_IF_ERROR(
        CheckRowCount(*reference, RowCount(candidate), "candidate.spec.shape"));
    auto stream = std::make_unique<ScoreStreamImpl>(std::move(reference),
                                                    std::move(measures),
                                                    candidate,
                                                    std::move(options));
    REPSCORE_RETURN_IF_ERROR(stream->Prepare());
    return std::unique_ptr<ScoreStream>(std::move(stream));
  });
}

}  // namespace repscore
