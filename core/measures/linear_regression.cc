// In-sample R2 of the least-squares prediction of the reference by the
// candidate: v = |Q'Y|^2 / |Y|^2, Q an orthonormal basis of X.
//
//   feature space: v = <M, W> / |Y|^2,  W = A^+ M
//   sample space:  v = |V'Y|^2 / |Y|^2, V the eigenvectors of K
#include <algorithm>
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

class LinearR2 final : public Measure {
 public:
  LinearR2(const MeasureInfo& info, std::string id)
      : Measure(std::move(id)), info_(info) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    needs.exact_gram = true;
    if (size.space == Space::kFeature) {
      needs.gram = true;
      needs.cross = true;
    } else {
      needs.kernel = true;
      needs.reference_rows = true;
    }
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    return statistics.size.space == Space::kFeature
               ? InFeatureSpace(statistics, request)
               : InSampleSpace(statistics, request);
  }

 private:
  static void WarnIfSaturated(int64_t rank,
                              int64_t rows,
                              Evaluation& evaluation) {
    if (rank >= rows - 1) {
      evaluation.warnings.push_back(
          {.reason = "SATURATED",
           .message = StrCat("the predictor has rank ",
                             rank,
                             " with ",
                             rows,
                             " rows: linear_r2 is 1 for any data")});
    }
  }

  static absl::StatusOr<Evaluation> InFeatureSpace(const Statistics& statistics,
                                                   AdjointRequest request) {
    Backend& backend = *statistics.backend;
    const Matrix& m = statistics.cross;
    const double yy = statistics.reference_norm_squared;
    const std::shared_ptr<const PositiveFactor> factor =
        CandidateFactor(statistics, Space::kFeature, 0.0);
    const Matrix w = factor->Solve(m);
    Evaluation result;
    result.value = std::clamp(backend.Dot(m, w) / yy, 0.0, 1.0);
    WarnIfSaturated(factor->rank(), statistics.size.rows, result);
    if (request.candidate || request.reference) {
      // dM = 2 W / |Y|^2
      result.adjoint.cross = Scaled(backend, 2.0 / yy, w);
    }
    if (request.candidate) {
      // dA = -W W' / |Y|^2
      result.adjoint.gram = backend.Allocate(w.rows(), w.rows(), kDouble);
      backend.Syrk(Op::kNone, -1.0 / yy, w, 0.0, result.adjoint.gram);
    }
    if (request.reference) {
      result.adjoint.reference_norm_squared = -result.value / yy;
    }
    return result;
  }

  static absl::StatusOr<Evaluation> InSampleSpace(const Statistics& statistics,
                                                  AdjointRequest request) {
    Backend& backend = *statistics.backend;
    const Matrix y = Widened(backend, statistics.reference_rows);
    const double yy = statistics.reference_norm_squared;
    const std::shared_ptr<const Spectrum> spectrum =
        Memo::Remember(statistics.candidate_memo, "exact spectrum of K", [&] {
          return std::make_shared<const Spectrum>(
              PositiveSpectrum(backend, ExactKernel(statistics)));
        });
    const Matrix& v = spectrum->vectors;
    const Matrix projected = backend.Allocate(v.cols(), y.cols(), kDouble);
    backend.Gemm(Op::kTranspose, Op::kNone, 1.0, v, y, 0.0, projected);
    Evaluation result;
    result.value = std::clamp(backend.Dot(projected, projected) / yy, 0.0, 1.0);
    WarnIfSaturated(v.cols(), statistics.size.rows, result);
    if (!request.candidate && !request.reference) {
      return result;
    }
    // fitted = V V'Y, rest = Y - fitted, w = K^+ Y
    const Matrix fitted = backend.Allocate(y.rows(), y.cols(), kDouble);
    backend.Gemm(Op::kNone, Op::kNone, 1.0, v, projected, 0.0, fitted);
    if (request.reference) {
      // dY = (2 / |Y|^2) (fitted - v Y)
      result.adjoint.reference_rows = Scaled(backend, 2.0 / yy, fitted);
      backend.Axpby(
          -2.0 * result.value / yy, y, 1.0, result.adjoint.reference_rows);
    }
    if (request.candidate) {
      const Matrix rest = Scaled(backend, 1.0, y);
      backend.Axpby(-1.0, fitted, 1.0, rest);
      for (int64_t i = 0; i < projected.rows(); ++i) {
        const Matrix row = projected.Rows(i, 1);
        backend.Axpby(
            1.0 / spectrum->values[static_cast<size_t>(i)], row, 0.0, row);
      }
      const Matrix w = backend.Allocate(y.rows(), y.cols(), kDouble);
      backend.Gemm(Op::kNone, Op::kNone, 1.0, v, projected, 0.0, w);
      // dK = (rest w' + w rest') / |Y|^2
      result.adjoint.kernel = backend.Allocate(y.rows(), y.rows(), kDouble);
      backend.Gemm(Op::kNone,
                   Op::kTranspose,
                   1.0 / yy,
                   rest,
                   w,
                   0.0,
                   result.adjoint.kernel);
      backend.Gemm(Op::kNone,
                   Op::kTranspose,
                   1.0 / yy,
                   w,
                   rest,
                   1.0,
                   result.adjoint.kernel);
    }
    return result;
  }

  const MeasureInfo& info_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeLinearR2(
    const MeasureInfo& info, Parameters& parameters) {
  PredictivityOptions options;
  REPSCORE_ASSIGN_OR_RETURN(options.score.aggregation,
                            ReadR2Aggregation(parameters));
  REPSCORE_RETURN_IF_ERROR(ReadScoring(parameters, options.score));
  REPSCORE_ASSIGN_OR_RETURN(options.folds, parameters.Folds("folds"));
  REPSCORE_ASSIGN_OR_RETURN(const int direction,
                            parameters.Choice("direction", kDirections));
  const std::string id = parameters.Canonical();
  std::shared_ptr<const Measure> measure;
  if (options.folds.in_sample() &&
      options.score.aggregation == TargetAggregation::kVarianceWeighted) {
    measure = std::make_shared<LinearR2>(info, id);
  } else {
    measure = MakePredictivity(info, std::move(options), id);
  }
  return MakeDirected(
      std::move(measure), static_cast<Direction>(direction), id);
}

}  // namespace

std::vector<MeasureEntry> LinearRegressionFamily() {
  return {
      {{.id = "linear_r2",
        .aliases = {},
        .summary = "R2 of linear regression, in-sample or cross-validated",
        .orientation = Orientation::kScore,
        .lowest = 0.0,
        .highest = 1.0,
        .symmetric = false,
        .metric = false,
        .differentiable = true,
        .invariances =
            {"orthogonal", "permutation", "scale", "translation", "invertible"},
        .parameters = {{.name = "aggregation",
                        .default_value = "variance_weighted",
                        .description = kR2AggregationHelp},
                       {.name = "denominator",
                        .default_value = "train_mean",
                        .description = kDenominatorHelp},
                       {.name = "direction",
                        .default_value = "candidate_to_reference",
                        .description = kDirectionHelp},
                       {.name = "folds",
                        .default_value = "none",
                        .description = kFoldsHelp},
                       {.name = "pooling",
                        .default_value = "mean_of_folds",
                        .description = kPoolingHelp}},
        .minimum_rows = 2,
        .source = "Kornblith et al. 2019, eq. 3; Cloos et al. 2024",
        .examples = {"linear_r2(direction=reference_to_candidate)",
                     "linear_r2(direction=symmetric_mean)",
                     "linear_r2(aggregation=uniform)",
                     "linear_r2(folds=rows_shuffled(4,3))"},
        .cost = "n p (p + q) + p^3",
        .reference_invariances =
            {"orthogonal", "permutation", "scale", "translation"}},
       MakeLinearR2}};
}

}  // namespace repscore
