// Banded ridge regression (Dupre la Tour et al. 2022, himalaya): bands of
// features have penalties of their own. With weights g_b of the bands and a
// penalty lambda,
//
//   min |Y - sum_b X_b W_b|^2 + sum_b (lambda / g_b) |W_b|^2
//
// which is ridge regression on the features of band b times sqrt(g_b).
// himalaya's delta_b is log(g_b / lambda). Weights and lambda are chosen, per
// target or for all, by the squared error on held-out training rows.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/bands.h"
#include "core/measures/families.h"
#include "core/measures/host.h"
#include "core/measures/predictivity.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Bands in a message.
constexpr size_t kListed = 16;

struct BandedOptions {
  BandRule bands;
  BandWeights weights;
  LambdaChoice lambda;
  PredictionScoring score;
  FoldRule folds;

  bool fixed() const { return weights.fixed() && lambda.fixed(); }
};

std::vector<Split> SplitsOf(const BandedOptions& options,
                            const Statistics& statistics) {
  if (!options.folds.in_sample()) {
    return statistics.folds.at(options.folds.ToString()).folds.Splits();
  }
  Split all;
  all.train.resize(static_cast<size_t>(statistics.size.rows));
  std::iota(all.train.begin(), all.train.end(), 0);
  all.test = all.train;
  return {all};
}

/// One split with the best that the search has found for it.
struct BestOfSplit {
  MatrixXd actual;
  MatrixXd predicted;
  Eigen::RowVectorXd centre;
  VectorXd errors;              ///< [q] on held-out training rows
  std::vector<size_t> weights;  ///< of every target
  std::vector<double> lambdas;  ///< of every target
};

class Search {
 public:
  Search(const BandedOptions& options,
         const Statistics& statistics,
         std::vector<int64_t> band_of_column,
         std::vector<std::vector<double>> weights)
      : options_(options),
        statistics_(statistics),
        backend_(*statistics.backend),
        x_(CentredRows(statistics, Side::kCandidate)),
        band_of_column_(std::move(band_of_column)),
        weights_(std::move(weights)),
        splits_(SplitsOf(options, statistics)),
        best_(splits_.size()) {}

  absl::StatusOr<Evaluation> Run() {
    VectorXd floors;
    for (size_t w = 0; w < weights_.size(); ++w) {
      const PredictionRows rows = Weighted(weights_[w]);
      floors = rows.target_floors();
      for (size_t s = 0; s < splits_.size(); ++s) {
        REPSCORE_RETURN_IF_ERROR(Try(w, rows, splits_[s], best_[s]));
      }
    }
    PredictionScore score(options_.score, floors);
    for (BestOfSplit& best : best_) {
      score.Add(best.actual, best.predicted, best.centre);
    }
    REPSCORE_ASSIGN_OR_RETURN(const PredictionSummary summary, score.Finish());
    Evaluation result;
    result.value = summary.value;
    result.error = summary.error;
    AddWarnings(summary, result.warnings);
    return result;
  }

 private:
  bool InFeatures() const { return statistics_.size.space == Space::kFeature; }

  /// Both sides, with the features of every band times sqrt(weight).
  PredictionRows Weighted(const std::vector<double>& weights) const {
    MatrixXd scaled = x_;
    for (Eigen::Index j = 0; j < scaled.cols(); ++j) {
      const auto band =
          static_cast<size_t>(band_of_column_[static_cast<size_t>(j)]);
      scaled.col(j) *= std::sqrt(weights[band]);
    }
    Statistics statistics = statistics_;
    statistics.gram = {};
    statistics.cross = {};
    if (InFeatures()) {
      statistics.candidate_rows = ToBackend(backend_, scaled);
    } else {
      statistics.kernel =
          ToBackend(backend_, GramOf(backend_, scaled.transpose()));
    }
    return {statistics,
            InFeatures() ? PredictorForm::kFeature : PredictorForm::kKernel};
  }

  /// Targets that these weights fit better are predicted by them.
  absl::Status Try(size_t w,
                   const PredictionRows& rows,
                   const Split& split,
                   BestOfSplit& best) const {
    TrainingSet set = rows.Train(split);
    const Eigen::Index targets = set.cross.cols();
    if (best.predicted.size() == 0) {
      best.predicted = MatrixXd::Zero(set.probe.rows(), targets);
      best.errors = VectorXd::Constant(targets, kInfinity);
      best.weights.assign(static_cast<size_t>(targets), w);
      best.lambdas.assign(static_cast<size_t>(targets), 0.0);
    }
    best.actual = std::move(set.actual);
    best.centre = set.centre;
    if (!(set.gram.trace() > 0.0)) {
      return absl::OkStatus();
    }
    const HostSpectrum spectrum = SpectrumOf(backend_, set.gram);
    MatrixXd errors = MatrixXd::Zero(1, targets);
    if (!options_.fixed()) {
      if (options_.lambda.inner_folds == 0) {
        errors = LeaveOneOutErrors(rows, split, spectrum);
      } else {
        REPSCORE_ASSIGN_OR_RETURN(errors, InnerFoldErrors(rows, split));
      }
    }
    if (!options_.lambda.per_target) {
      const VectorXd total = errors.rowwise().sum();
      errors = total.replicate(1, targets);
    }
    std::map<size_t, std::vector<Eigen::Index>> better;
    for (Eigen::Index j = 0; j < targets; ++j) {
      Eigen::Index lambda = 0;
      errors.col(j).minCoeff(&lambda);
      if (errors(lambda, j) < best.errors(j)) {
        best.errors(j) = errors(lambda, j);
        better[static_cast<size_t>(lambda)].push_back(j);
      }
    }
    const RidgePath path(backend_, set, spectrum);
    for (const auto& [lambda, columns] : better) {
      const MatrixXd predicted =
          path.Predict(options_.lambda.At(lambda, set.rows));
      best.predicted(Eigen::all, columns) = predicted(Eigen::all, columns);
      for (const Eigen::Index j : columns) {
        best.weights[static_cast<size_t>(j)] = w;
        best.lambdas[static_cast<size_t>(j)] = options_.lambda.lambdas[lambda];
      }
    }
    return absl::OkStatus();
  }

  size_t Lambdas() const { return options_.lambda.lambdas.size(); }

  /// Squared errors [lambdas x q].
  MatrixXd LeaveOneOutErrors(const PredictionRows& rows,
                             const Split& split,
                             const HostSpectrum& spectrum) const {
    const auto train = static_cast<int64_t>(split.train.size());
    const LeaveOneOut left_out(backend_,
                               rows.Basis(split, spectrum),
                               spectrum.values,
                               rows.CentredReference(split.train));
    MatrixXd errors(static_cast<Eigen::Index>(Lambdas()),
                    rows.reference().cols());
    for (size_t i = 0; i < Lambdas(); ++i) {
      errors.row(static_cast<Eigen::Index>(i)) =
          left_out.Residuals(options_.lambda.At(i, train - 1))
              .colwise()
              .squaredNorm();
    }
    return errors;
  }

  absl::StatusOr<MatrixXd> InnerFoldErrors(const PredictionRows& rows,
                                           const Split& split) const {
    const int64_t count = options_.lambda.inner_folds;
    if (static_cast<int64_t>(split.train.size()) <
        std::max<int64_t>(count, 4)) {
      return absl::InvalidArgumentError(StrCat("selection=inner_folds(",
                                               count,
                                               "): a fold has only ",
                                               split.train.size(),
                                               " training rows"));
    }
    MatrixXd errors = MatrixXd::Zero(static_cast<Eigen::Index>(Lambdas()),
                                     rows.reference().cols());
    for (const Split& inner : rows.InnerFolds(split.train, count)) {
      const TrainingSet set = rows.Train(inner);
      if (!(set.gram.trace() > 0.0)) {
        errors.rowwise() += set.actual.colwise().squaredNorm();
        continue;
      }
      std::vector<double> lambdas;
      for (size_t i = 0; i < Lambdas(); ++i) {
        lambdas.push_back(options_.lambda.At(i, set.rows));
      }
      Eigen::Index row = 0;
      for (const MatrixXd& predicted : PredictRidges(backend_, set, lambdas)) {
        errors.row(row++) += (set.actual - predicted).colwise().squaredNorm();
      }
    }
    return errors;
  }

  void AddWarnings(const PredictionSummary& summary,
                   std::vector<MeasureWarning>& warnings) const {
    if (summary.skipped > 0) {
      warnings.push_back(
          {.reason = "SKIPPED_TARGETS",
           .message = StrCat(summary.skipped,
                             " of ",
                             summary.targets,
                             " targets over all folds have no score, because "
                             "they do not vary")});
    }
    if (options_.fixed()) {
      return;
    }
    std::vector<double> mean(weights_[0].size(), 0.0);
    std::map<double, int64_t> lambdas;
    double count = 0.0;
    for (const BestOfSplit& best : best_) {
      for (size_t j = 0; j < best.weights.size(); ++j) {
        for (size_t b = 0; b < mean.size(); ++b) {
          mean[b] += weights_[best.weights[j]][b];
        }
        ++lambdas[best.lambdas[j]];
        count += 1.0;
      }
    }
    std::string text = "chosen over folds and targets: mean weights of bands ";
    for (size_t b = 0; b < std::min(mean.size(), kListed); ++b) {
      text += StrCat(b == 0 ? "" : ", ", mean[b] / count);
    }
    text += mean.size() > kListed ? ", ...; lambda " : "; lambda ";
    bool first = true;
    for (const auto& [lambda, times] : lambdas) {
      text += StrCat(
          first ? "" : ", ", ShortestNumber(lambda), " (", times, " times)");
      first = false;
    }
    warnings.push_back({.reason = "BANDS_CHOSEN", .message = std::move(text)});
  }

  const BandedOptions& options_;
  const Statistics& statistics_;
  Backend& backend_;
  const MatrixXd x_;
  const std::vector<int64_t> band_of_column_;
  const std::vector<std::vector<double>> weights_;
  const std::vector<Split> splits_;
  std::vector<BestOfSplit> best_;
};

class BandedRidge final : public Measure {
 public:
  BandedRidge(MeasureInfo info, BandedOptions options, std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        options_(std::move(options)) {}

  const MeasureInfo& info() const override { return info_; }

  const FoldRule* fold_rule() const override {
    return options_.folds.in_sample() ? nullptr : &options_.folds;
  }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    needs.full_reference = true;
    needs.means = true;
    return needs;
  }

  absl::Status CheckSize(const ProblemSize& size) const override {
    REPSCORE_RETURN_IF_ERROR(Measure::CheckSize(size));
    return options_.bands.Assign(size.candidate_features).status();
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // X as it came and with its bands weighted, the rows that are predicted,
    // the Gram matrix of a training set, its spectrum and their transfer.
    const int64_t n = size.rows;
    const int64_t p = size.candidate_features;
    const int64_t side = std::min(n, p);
    return 5 * n * p + 8 * side * side + 3 * n * size.reference_features;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    REPSCORE_ASSIGN_OR_RETURN(
        std::vector<int64_t> bands,
        options_.bands.Assign(statistics.size.candidate_features));
    REPSCORE_ASSIGN_OR_RETURN(std::vector<std::vector<double>> weights,
                              options_.weights.List(options_.bands.count()));
    return Search(options_, statistics, std::move(bands), std::move(weights))
        .Run();
  }

 private:
  const MeasureInfo info_;
  const BandedOptions options_;
};

MeasureInfo ClaimsFor(MeasureInfo info, const BandedOptions& options) {
  if (options.folds.in_sample()) {
    info.lowest = 0.0;
  }
  if (options.bands.count() == 1) {
    info.invariances = {"orthogonal", "permutation", "translation"};
  }
  if (!options.fixed()) {
    // Another choice may make up for what changed.
    info.weak_dependences = {
        "orthogonal", "permutation", "scale", "invertible"};
  }
  info.reference_invariances = {"permutation", "scale", "translation"};
  const bool chooses_per_target = options.lambda.per_target && !options.fixed();
  if (options.score.aggregation == TargetAggregation::kVarianceWeighted &&
      !chooses_per_target) {
    info.reference_invariances.emplace_back("orthogonal");
  }
  return info;
}

absl::Status ReadBands(Parameters& parameters, BandedOptions& options) {
  REPSCORE_ASSIGN_OR_RETURN(options.bands,
                            BandRule::Parse(parameters.Text("bands")));
  parameters.Replace("bands", options.bands.ToString());
  REPSCORE_ASSIGN_OR_RETURN(options.weights,
                            BandWeights::Parse(parameters.Text("weights")));
  parameters.Replace("weights", options.weights.ToString());
  return options.weights.List(options.bands.count()).status();
}

absl::Status ReadBandedLambda(Parameters& parameters, BandedOptions& options) {
  REPSCORE_ASSIGN_OR_RETURN(options.lambda.lambdas, ReadLambdas(parameters));
  REPSCORE_ASSIGN_OR_RETURN(
      const int scale,
      parameters.Choice("lambda_scale", {"raw", "per_sample"}));
  options.lambda.scale = static_cast<LambdaScale>(scale);
  REPSCORE_ASSIGN_OR_RETURN(const int per_target,
                            parameters.Choice("per_target", {"no", "yes"}));
  options.lambda.per_target = per_target == 1;
  REPSCORE_ASSIGN_OR_RETURN(options.lambda.inner_folds,
                            ReadSelection(parameters, options.fixed()));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeBandedRidge(
    const MeasureInfo& info, Parameters& parameters) {
  BandedOptions options;
  REPSCORE_ASSIGN_OR_RETURN(options.score.aggregation,
                            ReadR2Aggregation(parameters));
  REPSCORE_RETURN_IF_ERROR(ReadScoring(parameters, options.score));
  REPSCORE_RETURN_IF_ERROR(ReadBands(parameters, options));
  REPSCORE_RETURN_IF_ERROR(ReadBandedLambda(parameters, options));
  REPSCORE_ASSIGN_OR_RETURN(options.folds, parameters.Folds("folds"));
  if (options.folds.kind() == FoldRule::Kind::kLeaveOneOut &&
      !options.fixed()) {
    return absl::InvalidArgumentError(
        "folds=loo needs weights=deltas(...) and one lambda: a search for "
        "every row left out takes too long; use fewer folds");
  }
  return std::make_shared<BandedRidge>(
      ClaimsFor(info, options), std::move(options), parameters.Canonical());
}

std::vector<ParameterInfo> BandedParameters() {
  std::vector<ParameterInfo> parameters = {
      {.name = "aggregation",
       .default_value = "variance_weighted",
       .description = kR2AggregationHelp},
      {.name = "bands",
       .default_value = "equal(2)",
       .description =
           "of the candidate's columns: equal(k) blocks, counts(a,b,...) in "
           "their order, or ranges(0-3,4-7,...) from first to last column; "
           "every column lies in one band"},
      {.name = "denominator",
       .default_value = "train_mean",
       .description = kDenominatorHelp},
      {.name = "folds",
       .default_value = "rows_contiguous(5)",
       .description = kFoldsHelp},
      {.name = "pooling",
       .default_value = "mean_of_folds",
       .description = kPoolingHelp},
      {.name = "weights",
       .default_value = "random(20,1)",
       .description =
           "of the bands' squared features: deltas(d1,...) for exp(d) as in "
           "himalaya; random(count,seed): equal ones and then draws that are "
           "uniform on the simplex; simplex(steps): all multiples of 1/steps "
           "that sum to 1"}};
  std::vector<ParameterInfo> lambda = LambdaParameters("log_grid(-2,5,8)");
  for (ParameterInfo& parameter : lambda) {
    if (parameter.name == "per_target") {
      parameter.default_value = "yes";
      parameter.description =
          "yes: every target chooses its own weights and lambda, where there "
          "is a choice";
    } else if (parameter.name == "selection") {
      parameter.description =
          "by least squared error: loo (what fixed becomes for a search) or "
          "inner_folds(k), blocks of the training rows; fixed: deltas and one "
          "lambda";
    }
  }
  parameters.insert(parameters.end(), lambda.begin(), lambda.end());
  std::sort(parameters.begin(),
            parameters.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return parameters;
}

}  // namespace

std::vector<MeasureEntry> BandedRidgeFamily() {
  return {
      {{.id = "banded_ridge",
        .aliases = {"banded_ridge_r2"},
        .summary = "R2 of ridge regression with a penalty for every band of "
                   "features, chosen on training rows",
        .orientation = Orientation::kScore,
        .lowest = -kInfinity,
        .highest = 1.0,
        .exact_at_equality = false,
        .symmetric = false,
        .metric = false,
        .differentiable = false,
        .invariances = {"translation"},
        .parameters = BandedParameters(),
        .minimum_rows = 3,
        .source = "Dupre la Tour et al. 2022, Feature-space selection with "
                  "banded ridge regression",
        .examples =
            {("banded_ridge(folds=rows_contiguous(3),lambda=2,"
              "weights=deltas(-1,1))"),
             ("banded_ridge(bands=equal(1),folds=rows_contiguous(3),lambda=2,"
              "weights=deltas(0))"),
             ("banded_ridge(aggregation=uniform,folds=rows_shuffled(3,2),"
              "lambda=grid(1,10,100),selection=inner_folds(2),"
              "weights=simplex(3))"),
             "banded_ridge(folds=none,lambda=50,weights=deltas(-3,3))",
             ("banded_ridge(folds=rows_contiguous(3),lambda=grid(3,30),"
              "per_target=no,weights=simplex(3))")},
        .cost = "for every weight and fold n p (p + q) + p^3, or n^2 (p + q) + "
                "n^3 for p > n",
        .known_as = {"himalaya: solve_multiple_kernel_ridge_random_search "
                     "(another criterion: mean R2 over folds)"},
        .reference_invariances = {"permutation", "scale", "translation"}},
       MakeBandedRidge}};
}

}  // namespace repscore
