#include "core/measures/predictivity.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

Split AllRows(int64_t rows) {
  Split split;
  split.train.resize(static_cast<size_t>(rows));
  std::iota(split.train.begin(), split.train.end(), 0);
  split.test = split.train;
  return split;
}

/// One evaluation: predicts every split and hands the predictions to a score.
class Evaluator {
 public:
  Evaluator(const PredictivityOptions& options,
            const Statistics& statistics,
            PredictorForm form)
      : options_(options),
        rows_(statistics, form),
        features_(statistics.size.candidate_features),
        score_(options.score, rows_.target_floors()) {
    if (!options.folds.in_sample()) {
      folds_ = &statistics.folds.at(options.folds.ToString()).folds;
    }
  }

  absl::StatusOr<Evaluation> Run() {
    if (folds_ == nullptr) {
      REPSCORE_RETURN_IF_ERROR(Predict({AllRows(rows_.rows())}));
    } else if (folds_->leave_one_out &&
               options_.regressor == Regressor::kRidge) {
      PredictLeftOut();
    } else {
      std::vector<Split> splits;
      for (int64_t f = 0; f < folds_->count; ++f) {
        splits.push_back(folds_->SplitAt(f));
      }
      REPSCORE_RETURN_IF_ERROR(Predict(splits));
    }
    REPSCORE_ASSIGN_OR_RETURN(const PredictionSummary summary, score_.Finish());
    Evaluation result;
    result.value = summary.value;
    result.error = summary.error;
    result.units = {
        .values = score_.TakeUnits(),
        .median = options_.score.aggregation == TargetAggregation::kMedian};
    AddWarnings(summary, result.warnings);
    return result;
  }

 private:
  absl::Status Predict(const std::vector<Split>& splits) {
    if (options_.regressor == Regressor::kPls) {
      return PredictByPls(splits);
    }
    for (const Split& split : splits) {
      REPSCORE_RETURN_IF_ERROR(PredictSplit(split));
    }
    return absl::OkStatus();
  }

  absl::Status PredictByPls(absl::Span<const Split> splits) {
    for (const Split& split : splits) {
      if (options_.pls.components > static_cast<int64_t>(split.train.size())) {
        return absl::InvalidArgumentError(
            StrCat("components=",
                   options_.pls.components,
                   " is more than the ",
                   split.train.size(),
                   " training rows of a fold; use fewer components"));
      }
    }
    const auto batch = static_cast<size_t>(
        PlsBatchSize(rows_.columns().cols(), rows_.reference().cols()));
    for (; !splits.empty();
         splits.remove_prefix(std::min(batch, splits.size()))) {
      const absl::Span<const Split> some =
          splits.first(std::min(batch, splits.size()));
      std::vector<TrainingSet> sets;
      for (const Split& split : some) {
        sets.push_back(rows_.Train(split));
      }
      std::vector<MatrixXd> predicted =
          PredictPls(rows_, some, absl::MakeSpan(sets), options_.pls);
      for (size_t s = 0; s < some.size(); ++s) {
        score_.Add(std::move(sets[s].actual),
                   std::move(predicted[s]),
                   std::move(sets[s].centre));
      }
    }
    return absl::OkStatus();
  }

  absl::Status PredictSplit(const Split& split) {
    const auto train = static_cast<int64_t>(split.train.size());
    fewest_train_ = fewest_train_ < 0 ? train : std::min(fewest_train_, train);
    MatrixXd errors;
    if (options_.regressor == Regressor::kRidge &&
        options_.lambda.inner_folds > 0) {
      // Before the split's own rows are laid out: they take as much memory.
      REPSCORE_ASSIGN_OR_RETURN(errors, InnerFoldErrors(split));
    }
    TrainingSet set = rows_.Train(split);
    MatrixXd predicted;
    switch (options_.regressor) {
      case Regressor::kPls:
      case Regressor::kOneToOne:
        predicted = PredictOneToOne(set, rows_.unit_floors());
        break;
      case Regressor::kRidge:
        if (options_.lambda.fixed()) {
          predicted =
              PredictRidge(rows_.backend(), set, options_.lambda.At(0, train));
        } else {
          if (options_.lambda.inner_folds == 0) {
            errors =
                LeaveOneOutErrors(split, SpectrumOf(rows_.backend(), set.gram));
          }
          predicted = PredictChosen(std::move(errors), set);
        }
        break;
    }
    score_.Add(std::move(set.actual), std::move(predicted), set.centre);
    return absl::OkStatus();
  }

  /// Out-of-fold predictions of all rows from one spectrum. Without row i the
  /// centred targets have the mean -y_i / (n - 1).
  void PredictLeftOut() {
    const Split all = AllRows(rows_.rows());
    const int64_t train = rows_.rows() - 1;
    fewest_train_ = train;
    const HostSpectrum spectrum = SpectrumOf(rows_.backend(), rows_.products());
    const LeaveOneOut left_out(rows_.backend(),
                               rows_.Basis(all, spectrum),
                               spectrum.values,
                               rows_.reference());
    const MatrixXd residuals = left_out.Residuals(options_.lambda.At(0, train));
    for (int64_t i = 0; i < rows_.rows(); ++i) {
      const RowVectorXd centre =
          -rows_.reference().row(i) / static_cast<double>(train);
      const RowVectorXd actual = rows_.reference().row(i) - centre;
      score_.Add(actual, actual - residuals.row(i), centre);
    }
  }

  /// By the penalties with the least `errors` [lambdas x q].
  MatrixXd PredictChosen(MatrixXd errors, const TrainingSet& set) {
    if (!options_.lambda.per_target) {
      const VectorXd total = errors.rowwise().sum();
      errors = total.replicate(1, errors.cols());
    }
    // Columns of the prediction by their penalty.
    std::map<int64_t, std::vector<int64_t>> targets_of;
    for (int64_t j = 0; j < errors.cols(); ++j) {
      int64_t best = 0;
      for (int64_t i = 1; i < errors.rows(); ++i) {
        best = errors(i, j) < errors(best, j) ? i : best;
      }
      targets_of[best].push_back(j);
    }
    std::vector<double> lambdas;
    for (const auto& [index, targets] : targets_of) {
      const auto i = static_cast<size_t>(index);
      chosen_[options_.lambda.lambdas[i]] +=
          options_.lambda.per_target ? static_cast<int64_t>(targets.size()) : 1;
      lambdas.push_back(options_.lambda.At(i, set.rows));
    }
    const std::vector<MatrixXd> by_lambda =
        PredictRidges(rows_.backend(), set, lambdas);
    MatrixXd predicted(set.probe.rows(), set.cross.cols());
    auto some = by_lambda.begin();
    for (const auto& [index, targets] : targets_of) {
      predicted(Eigen::all, targets) = (*some++)(Eigen::all, targets);
    }
    return predicted;
  }

  /// Squared errors [lambdas x q].
  MatrixXd LeaveOneOutErrors(const Split& split,
                             const HostSpectrum& spectrum) const {
    const auto train = static_cast<int64_t>(split.train.size());
    const LeaveOneOut left_out(rows_.backend(),
                               rows_.Basis(split, spectrum),
                               spectrum.values,
                               rows_.CentredReference(split.train));
    MatrixXd errors(Count(), rows_.reference().cols());
    for (int64_t i = 0; i < Count(); ++i) {
      errors.row(i) =
          left_out
              .Residuals(options_.lambda.At(static_cast<size_t>(i), train - 1))
              .colwise()
              .squaredNorm();
    }
    return errors;
  }

  absl::StatusOr<MatrixXd> InnerFoldErrors(const Split& split) const {
    const int64_t count = options_.lambda.inner_folds;
    if (static_cast<int64_t>(split.train.size()) <
        std::max<int64_t>(count, 4)) {
      return absl::InvalidArgumentError(StrCat("selection=inner_folds(",
                                               count,
                                               "): a fold has only ",
                                               split.train.size(),
                                               " training rows"));
    }
    MatrixXd errors = MatrixXd::Zero(Count(), rows_.reference().cols());
    for (const Split& inner : rows_.InnerFolds(split.train, count)) {
      const TrainingSet set = rows_.Train(inner);
      std::vector<double> lambdas;
      for (size_t i = 0; i < options_.lambda.lambdas.size(); ++i) {
        lambdas.push_back(options_.lambda.At(i, set.rows));
      }
      int64_t row = 0;
      for (const MatrixXd& predicted :
           PredictRidges(rows_.backend(), set, lambdas)) {
        errors.row(row++) += (set.actual - predicted).colwise().squaredNorm();
      }
    }
    return errors;
  }

  int64_t Count() const {
    return static_cast<int64_t>(options_.lambda.lambdas.size());
  }

  void AddWarnings(const PredictionSummary& summary,
                   std::vector<MeasureWarning>& warnings) const {
    if (summary.skipped_folds > 0) {
      warnings.push_back(
          {.reason = "SKIPPED_FOLDS",
           .message = StrCat(summary.skipped_folds,
                             " folds have no score, because no target and its "
                             "prediction vary over their validation rows; the "
                             "mean is over the others")});
    }
    if (summary.skipped > 0) {
      warnings.push_back(
          {.reason = "SKIPPED_TARGETS",
           .message = StrCat(summary.skipped,
                             " of ",
                             summary.targets,
                             " targets over all folds have no score, because "
                             "they or their predictions do not vary")});
    }
    if (options_.regressor != Regressor::kRidge) {
      return;
    }
    if (!options_.lambda.fixed()) {
      std::string list;
      for (const auto& [lambda, times] : chosen_) {
        list += StrCat(list.empty() ? "" : ", ",
                       ShortestNumber(lambda),
                       " (",
                       times,
                       " times)");
      }
      warnings.push_back({.reason = "LAMBDA_CHOSEN",
                          .message = StrCat("chosen lambda: ", list)});
    } else if (options_.lambda.lambdas[0] == 0.0 &&
               features_ >= fewest_train_ - 1) {
      warnings.push_back(
          folds_ == nullptr
              ? MeasureWarning{.reason = "SATURATED",
                               .message = StrCat(features_,
                                                 " features fit any data of ",
                                                 fewest_train_,
                                                 " rows exactly")}
              : MeasureWarning{
                    .reason = "MINIMUM_NORM",
                    .message =
                        StrCat("lambda is 0 with ",
                               features_,
                               " features and ",
                               fewest_train_,
                               " training rows: the minimum-norm solution was "
                               "taken")});
    }
  }

  const PredictivityOptions& options_;
  const PredictionRows rows_;
  const int64_t features_;
  const Folds* folds_ = nullptr;
  PredictionScore score_;
  int64_t fewest_train_ = -1;
  /// How often each lambda was chosen.
  std::map<double, int64_t> chosen_;
};

/// What the targets may undergo. Power iterations start from a target and stop
/// at a tolerance; scores of single targets see which they are.
std::vector<std::string_view> TargetInvariances(
    const PredictivityOptions& options) {
  std::vector<std::string_view> invariances;
  const bool nipals =
      options.regressor == Regressor::kPls && options.pls.nipals;
  const bool joint =
      options.score.aggregation == TargetAggregation::kVarianceWeighted ||
      options.score.aggregation == TargetAggregation::kFlat;
  if (joint && !nipals && !options.lambda.per_target &&
      options.regressor != Regressor::kOneToOne) {
    invariances.emplace_back("orthogonal");
  }
  if (!nipals) {
    invariances.emplace_back("permutation");
  }
  if (options.score.epsilon == 0.0) {
    invariances.emplace_back("scale");
  }
  invariances.emplace_back("translation");
  return invariances;
}

class Predictivity final : public Measure {
 public:
  Predictivity(MeasureInfo info, PredictivityOptions options, std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        options_(std::move(options)) {}

  const MeasureInfo& info() const override { return info_; }

  const FoldRule* fold_rule() const override {
    return options_.folds.in_sample() ? nullptr : &options_.folds;
  }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    needs.reference_rows = true;
    needs.full_reference = true;
    needs.means = true;
    if (Form(size) == PredictorForm::kKernel) {
      needs.kernel = true;
    } else {
      needs.candidate_rows = true;
      needs.exact_gram = true;
      needs.gram = Form(size) == PredictorForm::kFeature &&
                   size.space == Space::kFeature;
    }
    return needs;
  }

  absl::Status CheckSize(const ProblemSize& size) const override {
    REPSCORE_RETURN_IF_ERROR(Measure::CheckSize(size));
    const int64_t most = std::min(size.rows - 1, size.candidate_features);
    if (options_.regressor == Regressor::kPls &&
        options_.pls.components > most) {
      return absl::InvalidArgumentError(
          StrCat("components=",
                 options_.pls.components,
                 " is more than the predictor has with ",
                 size.rows,
                 " rows and ",
                 size.candidate_features,
                 " features; use at most ",
                 most));
    }
    return absl::OkStatus();
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    const int64_t n = size.rows;
    const int64_t p = size.candidate_features;
    const int64_t q = size.reference_features;
    const int64_t splits =
        options_.folds.in_sample() ? 1 : options_.folds.CountAmong(n);
    if (options_.regressor == Regressor::kPls) {
      // The cross product of every split, what PLS finds, held-out rows on
      // their way to a product, and their targets with their predictions.
      const int64_t together = std::min(splits, PlsBatchSize(p, q));
      return p * q * (3 + together) +
             2 * together * options_.pls.components * p +
             2 * n * p / std::max<int64_t>(splits, 2) + 3 * n * q;
    }
    const bool leaves_out =
        !options_.lambda.fixed() && options_.lambda.inner_folds == 0;
    if (Form(size) == PredictorForm::kKernel) {
      // K on the host, of a training set, its factor and their transfer.
      return (leaves_out ? 6 : 4) * n * n + 2 * n * q;
    }
    // X on the host, the rows that are predicted, some of them on their way to
    // the product, and their targets with their predictions.
    const int64_t probe = splits == 1 ? n : n / splits;
    const int64_t rows = n + probe + std::min(probe, kProbeRows);
    return (rows + (leaves_out ? 5 * n : 0)) * p + (n + 2 * probe) * q +
           5 * p * p + 3 * p * q;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    PredictorForm form = Form(statistics.size);
    if (options_.regressor == Regressor::kPls) {
      const int64_t splits =
          options_.folds.in_sample()
              ? 1
              : statistics.folds.at(options_.folds.ToString()).folds.count;
      form = PlsForm(statistics.size, splits, options_.pls);
    }
    return Evaluator(options_, statistics, form).Run();
  }

 private:
  PredictorForm Form(const ProblemSize& size) const {
    switch (options_.regressor) {
      case Regressor::kPls:
        return PredictorForm::kColumns;
      case Regressor::kOneToOne:
        return PredictorForm::kRows;
      case Regressor::kRidge:
        break;
    }
    // Where a row alone spans a direction, leaving it out is decided by
    // eigenvalues that only the kernel keeps exactly.
    const bool saturated =
        options_.folds.kind() == FoldRule::Kind::kLeaveOneOut &&
        size.candidate_features >= size.rows - 1;
    return size.space == Space::kFeature && !saturated ? PredictorForm::kFeature
                                                       : PredictorForm::kKernel;
  }

  const MeasureInfo info_;
  const PredictivityOptions options_;
};

}  // namespace

std::shared_ptr<const Measure> MakePredictivity(const MeasureInfo& info,
                                                PredictivityOptions options,
                                                std::string id) {
  MeasureInfo claims = info;
  claims.differentiable = false;
  if (options.regressor != Regressor::kPls) {
    claims.cost = kPredictionCost;
  }
  claims.reference_invariances = TargetInvariances(options);
  if (!options.lambda.fixed()) {
    claims.weak_dependences = {"scale"};
  }
  if (!options.score.pearson && !options.folds.in_sample()) {
    claims.lowest = -std::numeric_limits<double>::infinity();
  }
  return std::make_shared<Predictivity>(
      std::move(claims), std::move(options), std::move(id));
}

}  // namespace repscore
