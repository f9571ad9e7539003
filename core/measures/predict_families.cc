// Cross-validated Pearson predictivity, and R2 by partial least squares.
#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/status_macros.h"
#include "core/measures/directed.h"
#include "core/measures/families.h"
#include "core/measures/predictivity.h"

namespace repscore {
namespace {

constexpr std::string_view kSplits = "split(train=0.9,repeats=10,seed=1)";
constexpr int64_t kMostComponents = 100000;

absl::StatusOr<PlsOptions> ReadPls(Parameters& parameters) {
  PlsOptions options;
  REPSCORE_ASSIGN_OR_RETURN(
      options.components, parameters.Integer("components", 1, kMostComponents));
  REPSCORE_ASSIGN_OR_RETURN(const int solver,
                            parameters.Choice("solver", {"svd", "nipals"}));
  options.nipals = solver == 1;
  return options;
}

absl::StatusOr<std::shared_ptr<const Measure>> MakePredictor(
    const MeasureInfo& info, Parameters& parameters) {
  PredictivityOptions options;
  options.score.pearson = info.id != "pls_r2";
  if (options.score.pearson) {
    REPSCORE_ASSIGN_OR_RETURN(
        const int aggregation,
        parameters.Choice("aggregation", {"median", "mean", "flat"}));
    constexpr TargetAggregation kChoices[] = {TargetAggregation::kMedian,
                                              TargetAggregation::kMean,
                                              TargetAggregation::kFlat};
    options.score.aggregation = kChoices[aggregation];
  } else {
    REPSCORE_ASSIGN_OR_RETURN(options.score.aggregation,
                              ReadR2Aggregation(parameters));
  }
  REPSCORE_RETURN_IF_ERROR(ReadScoring(parameters, options.score));
  if (info.id == "ridge_r") {
    REPSCORE_ASSIGN_OR_RETURN(options.lambda, ReadLambda(parameters));
  } else if (info.id != "linear_r") {
    options.regressor = Regressor::kPls;
    REPSCORE_ASSIGN_OR_RETURN(options.pls, ReadPls(parameters));
  }
  REPSCORE_ASSIGN_OR_RETURN(options.folds, parameters.Folds("folds"));
  REPSCORE_RETURN_IF_ERROR(CheckSelection(options));
  REPSCORE_ASSIGN_OR_RETURN(const int direction,
                            parameters.Choice("direction", kDirections));
  const std::string id = parameters.Canonical();
  return MakeDirected(MakePredictivity(info, std::move(options), id),
                      static_cast<Direction>(direction),
                      id);
}

std::vector<ParameterInfo> Sorted(std::vector<ParameterInfo> parameters) {
  std::sort(parameters.begin(),
            parameters.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return parameters;
}

std::vector<ParameterInfo> Shared() {
  return {
      {.name = "aggregation",
       .default_value = "median",
       .description = "over targets: median or mean of their r, or flat: "
                      "one cosine of all entries, centred on the training "
                      "means"},
      {.name = "direction",
       .default_value = "candidate_to_reference",
       .description = kDirectionHelp},
      {.name = "folds", .default_value = kSplits, .description = kFoldsHelp},
      {.name = "pooling",
       .default_value = "mean_of_folds",
       .description = kPoolingHelp}};
}

std::vector<ParameterInfo> With(std::vector<ParameterInfo> parameters,
                                std::vector<ParameterInfo> more) {
  parameters.insert(parameters.end(), more.begin(), more.end());
  return Sorted(std::move(parameters));
}

MeasureInfo Linear() {
  return {.id = "linear_r",
          .aliases = {},
          .summary =
              "Pearson correlation of held-out targets with their prediction "
              "by least squares",
          .orientation = Orientation::kScore,
          .lowest = -1.0,
          .highest = 1.0,
          .exact_at_equality = true,
          .symmetric = false,
          .metric = false,
          .differentiable = false,
          .invariances = {"orthogonal",
                          "permutation",
                          "scale",
                          "translation",
                          "invertible"},
          .parameters = Shared(),
          .minimum_rows = 3,
          .source = "Schrimpf et al. 2018, Brain-Score",
          .examples = {"linear_r(aggregation=mean,folds=rows_contiguous(4))",
                       "linear_r(aggregation=flat,folds=rows_shuffled(3,5))",
                       "linear_r(folds=loo,pooling=pooled)"},
          .cost = kPredictionCost,
          .known_as = {"brain-score: linear_predictivity"}};
}

MeasureInfo PlsFrom(MeasureInfo pls) {
  const std::vector<ParameterInfo> parameters = {
      {.name = "components",
       .default_value = "25",
       .description = "latent components; at most the features and the "
                      "training rows"},
      {.name = "solver",
       .default_value = "svd",
       .description = "weights by exact singular vectors (svd), or by "
                      "scikit-learn's power iteration (nipals: tolerance 1e-6, "
                      "500 iterations)"}};
  pls.id = "pls_r";
  pls.summary =
      "Pearson correlation of held-out targets with their prediction by "
      "partial least squares";
  pls.exact_at_equality = false;
  pls.invariances = {"orthogonal", "permutation", "scale", "translation"};
  pls.parameters = With(Shared(), parameters);
  pls.examples = {
      "pls_r(components=1,folds=rows_contiguous(4))",
      "pls_r(components=3,direction=symmetric_mean,folds=rows_shuffled(4,2))",
      "pls_r(components=4,folds=rows_shuffled(4,2),solver=nipals)"};
  pls.cost =
      "n p (p + q) + k (h p (p + q) + c p (p + q^2)) for k splits that "
      "hold out h rows and c components";
  pls.known_as = {"brain-score: pls (solver=nipals)"};
  return pls;
}

MeasureInfo PlsR2From(MeasureInfo r2) {
  r2.id = "pls_r2";
  r2.summary = "R2 of partial least squares, cross-validated or in-sample";
  r2.lowest = -std::numeric_limits<double>::infinity();
  r2.minimum_rows = 2;
  r2.parameters[0].default_value = "variance_weighted";
  r2.parameters[0].description = kR2AggregationHelp;
  r2.parameters = With(std::move(r2.parameters),
                       {{.name = "denominator",
                         .default_value = "train_mean",
                         .description = kDenominatorHelp}});
  r2.examples = {
      "pls_r2(components=1,folds=rows_contiguous(4))",
      "pls_r2(components=4,folds=none)",
      "pls_r2(aggregation=uniform,components=3,folds=rows_shuffled(4,2),"
      "pooling=pooled)"};
  r2.known_as = {
      "scikit-learn: r2_score of PLSRegression(scale=False), "
      "cross-validated (solver=nipals)"};
  return r2;
}

}  // namespace

std::vector<MeasureEntry> PredictivityFamily() {
  const MeasureInfo linear = Linear();
  MeasureInfo ridge = linear;
  ridge.id = "ridge_r";
  ridge.summary =
      "Pearson correlation of held-out targets with their prediction by ridge "
      "regression";
  ridge.exact_at_equality = false;
  ridge.invariances = {"orthogonal", "permutation", "translation"};
  ridge.parameters = With(Shared(), LambdaParameters("1"));
  ridge.examples = {
      "ridge_r(aggregation=mean,folds=rows_shuffled(4,7),lambda=20)",
      "ridge_r(aggregation=flat,folds=rows_contiguous(3),lambda=20,"
      "pooling=median_of_folds)",
      "ridge_r(folds=loo,lambda=20,pooling=pooled)",
      "ridge_r(folds=rows_contiguous(3),lambda=grid(20,100,500),"
      "per_target=yes,selection=inner_folds(3))"};
  ridge.known_as = {"brain-score: ridge (lambda=1)"};
  const MeasureInfo pls = PlsFrom(linear);
  return {{linear, MakePredictor},
          {ridge, MakePredictor},
          {pls, MakePredictor},
          {PlsR2From(pls), MakePredictor}};
}

}  // namespace repscore
