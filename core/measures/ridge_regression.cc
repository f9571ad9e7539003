// R2 of ridge regression of the reference on the candidate, in-sample and
// cross-validated.
//
// In-sample, N = A + lambda I, W = N^-1 M, B = lambda N^-1 W:
//   v = (2 <M, W> - <W, A W>) / |Y|^2 = (<M, W> + lambda |W|^2) / |Y|^2
#include "core/measures/ridge_regression.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/directed.h"
#include "core/measures/families.h"
#include "core/measures/predictivity.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

class RidgeR2 final : public Measure {
 public:
  RidgeR2(const MeasureInfo& info, RidgeOptions options, std::string id)
      : Measure(std::move(id)), info_(info), options_(std::move(options)) {}

  const MeasureInfo& info() const override { return info_; }

  const FoldRule* fold_rule() const override {
    return options_.folds.in_sample() ? nullptr : &options_.folds;
  }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    needs.exact_gram = true;
    if (UsesFeatureSpace(size)) {
      needs.gram = true;
      needs.cross = true;
      needs.fold_gram = fold_rule() != nullptr;
    } else {
      needs.kernel = true;
      needs.reference_rows = true;
    }
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    const bool feature = UsesFeatureSpace(statistics.size);
    absl::StatusOr<Evaluation> result;
    if (fold_rule() != nullptr) {
      result = feature ? RidgeFoldsInFeatureSpace(options_, statistics, request)
                       : RidgeFoldsInSampleSpace(options_, statistics, request);
    } else {
      result = feature ? InFeatureSpace(statistics, request)
                       : InSampleSpace(statistics, request);
    }
    if (result.ok() && options_.lambda == 0.0 &&
        statistics.size.candidate_features >= statistics.size.rows - 1) {
      result->warnings.push_back(
          {.reason = "MINIMUM_NORM",
           .message = StrCat("lambda is 0 with ",
                             statistics.size.candidate_features,
                             " features and ",
                             statistics.size.rows,
                             " rows: the minimum-norm solution was taken")});
    }
    return result;
  }

 private:
  /// Sample space needs one positive lambda for all folds.
  bool UsesFeatureSpace(const ProblemSize& size) const {
    return size.space == Space::kFeature || options_.lambda == 0.0 ||
           (fold_rule() != nullptr &&
            options_.lambda_scale == LambdaScale::kPerSample);
  }

  absl::StatusOr<Evaluation> InFeatureSpace(const Statistics& statistics,
                                            AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const Matrix& a = statistics.gram;
    const Matrix& m = statistics.cross;
    const double yy = statistics.reference_norm_squared;
    const double lambda = options_.LambdaFor(statistics.size.rows);
    const std::shared_ptr<const PositiveFactor> factor =
        CandidateFactor(statistics, Space::kFeature, lambda);
    const Matrix w = factor->Solve(m);
    // <W, A W> = <M, W> - lambda |W|^2
    const std::vector<double> dots = backend.Dots({{{m, w}, {w, w}}});
    Evaluation result;
    result.value = (dots[0] + lambda * dots[1]) / yy;
    if (!request.candidate && !request.reference) {
      return result;
    }
    // wb = W + B, dM = 2 wb / |Y|^2
    const Matrix wb = factor->Solve(w);
    backend.Axpby(1.0, w, lambda, wb);
    result.adjoint.cross = Scaled(backend, 2.0 / yy, wb);
    if (request.candidate) {
      // dA = -(W W' + B W' + W B') / |Y|^2 = -(wb W' + W wb' - W W') / |Y|^2
      Matrix& gram = result.adjoint.gram;
      gram = backend.Allocate(a.rows(), a.cols(), kDouble);
      backend.Syrk(Op::kNone, 1.0 / yy, w, 0.0, gram);
      backend.Gemm(Op::kNone, Op::kTranspose, -1.0 / yy, wb, w, 1.0, gram);
      backend.Gemm(Op::kNone, Op::kTranspose, -1.0 / yy, w, wb, 1.0, gram);
    }
    if (request.reference) {
      result.adjoint.reference_norm_squared = -result.value / yy;
    }
    return result;
  }

  /// N = K + lambda I, alpha = N^-1 Y, beta = N^-1 alpha:
  /// v = 1 - lambda^2 |alpha|^2 / |Y|^2
  absl::StatusOr<Evaluation> InSampleSpace(const Statistics& statistics,
                                           AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const Matrix y = Widened(backend, statistics.reference_rows);
    const double yy = statistics.reference_norm_squared;
    const double lambda = options_.LambdaFor(statistics.size.rows);
    const std::shared_ptr<const PositiveFactor> factor =
        CandidateFactor(statistics, Space::kSample, lambda);
    const Matrix alpha = factor->Solve(y);
    const double rest = lambda * lambda * backend.Dot(alpha, alpha) / yy;
    Evaluation result;
    result.value = 1.0 - rest;
    if (!request.candidate && !request.reference) {
      return result;
    }
    const Matrix beta = factor->Solve(alpha);
    const double scale = lambda * lambda / yy;
    if (request.candidate) {
      // dK = lambda^2 (beta alpha' + alpha beta') / |Y|^2
      Matrix& kernel = result.adjoint.kernel;
      kernel = backend.Allocate(y.rows(), y.rows(), kDouble);
      backend.Gemm(Op::kNone, Op::kTranspose, scale, beta, alpha, 0.0, kernel);
      backend.Gemm(Op::kNone, Op::kTranspose, scale, alpha, beta, 1.0, kernel);
    }
    if (request.reference) {
      // dY = -(2 / |Y|^2) (lambda^2 beta - (1 - v) Y)
      result.adjoint.reference_rows = Scaled(backend, -2.0 * scale, beta);
      backend.Axpby(2.0 * rest / yy, y, 1.0, result.adjoint.reference_rows);
    }
    return result;
  }

  const MeasureInfo& info_;
  const RidgeOptions options_;
};

/// Differentiable: global R2 of one penalty, in-sample or over disjoint folds.
bool HasGradient(const PredictivityOptions& options) {
  return options.score.aggregation == TargetAggregation::kVarianceWeighted &&
         options.score.pooling != Pooling::kMedianOfFolds &&
         options.lambda.fixed() && options.folds.is_partition() &&
         options.folds.kind() != FoldRule::Kind::kLeaveOneOut;
}

std::vector<ParameterInfo> RidgeParameters() {
  std::vector<ParameterInfo> parameters = {
      {.name = "aggregation",
       .default_value = "variance_weighted",
       .description = kR2AggregationHelp},
      {.name = "denominator",
       .default_value = "train_mean",
       .description = kDenominatorHelp},
      {.name = "direction",
       .default_value = "candidate_to_reference",
       .description = kDirectionHelp},
      {.name = "folds",
       .default_value = "rows_contiguous(5)",
       .description = kFoldsHelp},
      {.name = "pooling",
       .default_value = "mean_of_folds",
       .description = kPoolingHelp}};
  const std::vector<ParameterInfo> lambda = LambdaParameters("100");
  parameters.insert(parameters.end(), lambda.begin(), lambda.end());
  std::sort(parameters.begin(),
            parameters.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return parameters;
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeRidgeR2(
    const MeasureInfo& info, Parameters& parameters) {
  PredictivityOptions all;
  REPSCORE_ASSIGN_OR_RETURN(all.score.aggregation,
                            ReadR2Aggregation(parameters));
  REPSCORE_RETURN_IF_ERROR(ReadScoring(parameters, all.score));
  REPSCORE_ASSIGN_OR_RETURN(all.lambda, ReadLambda(parameters));
  REPSCORE_ASSIGN_OR_RETURN(all.folds, parameters.Folds("folds"));
  REPSCORE_RETURN_IF_ERROR(CheckSelection(all));
  REPSCORE_ASSIGN_OR_RETURN(const int direction,
                            parameters.Choice("direction", kDirections));
  const std::string id = parameters.Canonical();
  std::shared_ptr<const Measure> measure;
  if (HasGradient(all)) {
    measure = std::make_shared<RidgeR2>(
        info,
        RidgeOptions{.lambda = all.lambda.lambdas[0],
                     .lambda_scale = all.lambda.scale,
                     .denominator = all.score.denominator,
                     .pooling = all.score.pooling,
                     .folds = all.folds},
        id);
  } else {
    measure = MakePredictivity(info, std::move(all), id);
  }
  return MakeDirected(
      std::move(measure), static_cast<Direction>(direction), id);
}

}  // namespace

std::vector<MeasureEntry> RidgeRegressionFamily() {
  return {
      {{.id = "ridge_r2",
        .aliases = {},
        .summary = "R2 of ridge regression, cross-validated or in-sample",
        .orientation = Orientation::kScore,
        .lowest = -std::numeric_limits<double>::infinity(),
        .highest = 1.0,
        .exact_at_equality = false,
        .symmetric = false,
        .metric = false,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "translation"},
        .parameters = RidgeParameters(),
        .minimum_rows = 2,
        .source = "Cloos et al. 2024, appendix B",
        .examples =
            {"ridge_r2(direction=reference_to_candidate)",
             "ridge_r2(direction=symmetric_mean)",
             "ridge_r2(folds=none,lambda=3)",
             "ridge_r2(folds=none,lambda=0.1,lambda_scale=per_sample)",
             "ridge_r2(folds=rows_shuffled(4,7),lambda=2)",
             "ridge_r2(denominator=validation_mean,lambda=2)",
             "ridge_r2(folds=rows_contiguous(3),lambda=2,pooling=pooled)",
             ("ridge_r2(direction=reference_to_candidate,"
              "folds=rows_contiguous(3),lambda=2)"),
             "ridge_r2(aggregation=uniform,folds=rows_shuffled(4,7),lambda=2)",
             "ridge_r2(aggregation=median,folds=none,lambda=2)",
             "ridge_r2(folds=loo,lambda=2,pooling=pooled)",
             ("ridge_r2(folds=split(train=0.8,repeats=3,seed=2),lambda=2,"
              "pooling=median_of_folds)"),
             "ridge_r2(folds=rows_contiguous(3),lambda=grid(2,20,200))"},
        .cost =
            "n p (p + q) + k p^3 for k folds; n^2 (p + k q) + n^3 for p > n",
        .known_as = {"diffscore: ridge-lambda100-r2#5folds_cv (the default)",
                     "scikit-learn: r2_score of Ridge, cross-validated "
                     "(denominator=validation_mean)"},
        .reference_invariances =
            {"orthogonal", "permutation", "scale", "translation"}},
       MakeRidgeR2}};
}

}  // namespace repscore
