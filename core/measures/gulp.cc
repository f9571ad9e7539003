// GULP (Boix-Adsera et al. 2022): how differently ridge regressions on the two
// sides can predict, over all targets.
//
// Sx = A / tx, Sy = B / ty, T = M / sqrt(tx ty) with tx = |X|^2 (unit trace) or
// n (raw), P = (Sx + lambda I)^-1, Q = (Sy + lambda I)^-1:
//
//   v = tr(P Sx P Sx) + tr(Q Sy Q Sy) - 2 tr(P T Q T')
//     = |F - E|^2,  F = X P X' / tx = K (K + tx lambda I)^-1,  E of Y alike
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr double kLargestLambda = 1e300;
// Below this part of the self terms their difference has lost digits.
constexpr double kNear = 1e-6;
// Distances at most this, against the self terms, are 0.
constexpr double kZero = 1e-14;
constexpr int64_t kBlockRows = 256;

Matrix Transposed(Backend& backend, const Matrix& a) {
  Matrix out = backend.Allocate(a.cols(), a.rows(), kDouble);
  backend.Transpose(a, out);
  return out;
}

/// scale (a b' + b a')
Matrix SymmetricProduct(Backend& backend,
                        double scale,
                        const Matrix& a,
                        const Matrix& b) {
  Matrix out = backend.Allocate(a.rows(), a.rows(), kDouble);
  backend.Gemm(Op::kNone, Op::kTranspose, scale, a, b, 0.0, out);
  backend.Gemm(Op::kNone, Op::kTranspose, scale, b, a, 1.0, out);
  return out;
}

struct GulpOptions {
  double lambda = 0.1;
  bool unit_trace = true;
  bool distance = false;
};

/// One side by its Gram matrix, or by its kernel.
struct GramSide {
  /// Of centred rows, so that the rank is below their number.
  GramSide(Backend& backend,
           const Matrix& gram,
           int64_t rows,
           double trace_of_gram,
           double lambda)
      : trace(trace_of_gram),
        scaled(Scaled(backend, 1.0 / trace, gram)),
        inverse(backend, scaled, lambda, gram.rows() >= rows),
        shrunk(inverse.Solve(scaled)),
        self(backend.Dot(shrunk, shrunk)) {}

  double trace;            ///< what Sx is divided by
  Matrix scaled;           ///< Sx
  PositiveFactor inverse;  ///< P
  Matrix shrunk;           ///< P Sx
  double self;             ///< tr(P Sx P Sx)
};

class Gulp final : public Measure {
 public:
  Gulp(MeasureInfo info, GulpOptions options, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), options_(options) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    if (size.space == Space::kFeature) {
      needs.gram = true;
      needs.cross = true;
      needs.reference_gram = true;
      needs.exact_gram = true;
    } else {
      needs.kernel = true;
      needs.reference_kernel = true;
    }
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    if (size.space == Space::kFeature) {
      return std::nullopt;
    }
    // Two inverses of kernels, their products, and one in the making.
    return 6 * size.rows * size.rows;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    Evaluation result = statistics.size.space == Space::kFeature
                            ? InFeatureSpace(statistics, request, accuracy)
                            : InSampleSpace(statistics, request);
    const ProblemSize& size = statistics.size;
    if (options_.lambda == 0.0 && size.candidate_features >= size.rows - 1) {
      result.warnings.push_back(
          {.reason = "SATURATED",
           .message = StrCat("lambda is 0 with ",
                             size.candidate_features,
                             " features and ",
                             size.rows,
                             " rows: the value is the same for any candidate "
                             "of full rank")});
    }
    return result;
  }

 private:
  double ScaleOf(const Statistics& statistics, double norm_squared) const {
    return options_.unit_trace ? norm_squared
                               : static_cast<double>(statistics.size.rows);
  }

  /// Value and derivative of the form by its square.
  struct Form {
    double value = 0.0;
    double slope = 1.0;
    bool at_optimum = false;
  };
  Form FormOf(double squared, double self_terms) const {
    if (!options_.distance) {
      return {.value = squared, .slope = 1.0, .at_optimum = false};
    }
    const double value = std::sqrt(squared);
    if (value <= kZero * std::sqrt(self_terms)) {
      return {.value = value, .slope = 0.0, .at_optimum = true};
    }
    return {.value = value, .slope = 0.5 / value, .at_optimum = false};
  }

  Evaluation InFeatureSpace(const Statistics& statistics,
                            AdjointRequest request,
                            Accuracy accuracy) const {
    Backend& backend = *statistics.backend;
    const double lambda = options_.lambda;
    const int64_t n = statistics.size.rows;
    const double tx = ScaleOf(statistics, statistics.candidate_norm_squared);
    const double ty = ScaleOf(statistics, statistics.reference_norm_squared);
    const GramSide x(backend, statistics.gram, n, tx, lambda);
    const GramSide y(backend, statistics.reference_gram, n, ty, lambda);
    const Matrix t = Scaled(
        backend, 1.0 / (std::sqrt(tx) * std::sqrt(ty)), statistics.cross);
    const Matrix pt = x.inverse.Solve(t);
    const Matrix qt = y.inverse.Solve(Transposed(backend, t));
    const Matrix tq = Transposed(backend, qt);
    const double self_terms = x.self + y.self;
    double squared = self_terms - 2.0 * backend.Dot(pt, tq);
    if (squared < kNear * self_terms && accuracy == Accuracy::kExact &&
        HasRows(statistics)) {
      squared = FromRows(statistics, x.inverse, tx, y.inverse, ty);
    }
    const Form form = FormOf(std::max(0.0, squared), self_terms);
    Evaluation result;
    result.value = form.value;
    result.at_optimum = form.at_optimum;
    if ((!request.candidate && !request.reference) || form.at_optimum) {
      return result;
    }
    // dT = -4 P T Q, dSx = 2 lambda P Sx P P + 2 P T Q T' P
    const Matrix ptq = x.inverse.Solve(tq);
    result.adjoint.cross = Scaled(
        backend, -4.0 * form.slope / (std::sqrt(tx) * std::sqrt(ty)), ptq);
    const double cross = -4.0 * form.slope * backend.Dot(ptq, t);
    if (request.candidate) {
      Matrix& gram = result.adjoint.gram;
      gram = GramAdjoint(backend, form.slope, x, ptq, pt);
      result.adjoint.candidate_norm_squared =
          TraceAdjoint(backend, x, gram, cross);
    }
    if (request.reference) {
      Matrix& gram = result.adjoint.reference_gram;
      gram = GramAdjoint(backend, form.slope, y, Transposed(backend, ptq), qt);
      result.adjoint.reference_norm_squared =
          TraceAdjoint(backend, y, gram, cross);
    }
    return result;
  }

  /// Derivative by the Gram matrix of one side.
  Matrix GramAdjoint(Backend& backend,
                     double slope,
                     const GramSide& side,
                     const Matrix& ptq,
                     const Matrix& pt) const {
    Matrix gram = SymmetricProduct(backend, slope / side.trace, ptq, pt);
    if (options_.lambda > 0.0) {
      const Matrix own = side.inverse.Solve(side.inverse.Solve(side.shrunk));
      const double factor = options_.lambda * slope / side.trace;
      backend.Axpby(factor, own, 1.0, gram);
      backend.Axpby(factor, Transposed(backend, own), 1.0, gram);
    }
    return gram;
  }

  /// By the trace of one side, which scales it; `cross` is <dT, T>.
  double TraceAdjoint(Backend& backend,
                      const GramSide& side,
                      const Matrix& gram,
                      double cross) const {
    return options_.unit_trace
               ? -backend.Dot(gram, side.scaled) - 0.5 * cross / side.trace
               : 0.0;
  }

  static bool HasRows(const Statistics& statistics) {
    const Matrix& x = statistics.candidate_rows;
    const Matrix& y = statistics.reference_rows;
    return !x.empty() && !y.empty() && x.type() == kDouble &&
           y.type() == kDouble;
  }

  /// |F - E|^2 by blocks of rows, exact where F and E are nearly the same.
  static double FromRows(const Statistics& statistics,
                         const PositiveFactor& p,
                         double tx,
                         const PositiveFactor& q,
                         double ty) {
    Backend& backend = *statistics.backend;
    const Matrix& x = statistics.candidate_rows;
    const Matrix& y = statistics.reference_rows;
    const Matrix px = p.Solve(Transposed(backend, x));
    const Matrix qy = q.Solve(Transposed(backend, y));
    double squared = 0.0;
    for (int64_t first = 0; first < x.rows(); first += kBlockRows) {
      const int64_t count = std::min(kBlockRows, x.rows() - first);
      const auto block =
          [&](const Matrix& rows, const Matrix& solved, double t) {
            Matrix out = backend.Allocate(count, x.rows(), kDouble);
            backend.Gemm(Op::kNone,
                         Op::kNone,
                         1.0 / t,
                         rows.Rows(first, count),
                         solved,
                         0.0,
                         out);
            return out;
          };
      const Matrix difference = block(x, px, tx);
      backend.Axpby(-1.0, block(y, qy, ty), 1.0, difference);
      squared += backend.Dot(difference, difference);
    }
    return squared;
  }

  Evaluation InSampleSpace(const Statistics& statistics,
                           AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const int64_t n = statistics.size.rows;
    const double tx = ScaleOf(statistics, statistics.candidate_norm_squared);
    const double ty = ScaleOf(statistics, statistics.reference_norm_squared);
    // The same algebra on kernels: N = (K / tx + lambda I)^-1, F = N K / tx
    const GramSide x(backend, ExactKernel(statistics), n, tx, options_.lambda);
    const GramSide y(
        backend, statistics.reference_kernel, n, ty, options_.lambda);
    const Matrix difference = Scaled(backend, 1.0, x.shrunk);
    backend.Axpby(-1.0, y.shrunk, 1.0, difference);
    const Form form =
        FormOf(backend.Dot(difference, difference), x.self + y.self);
    Evaluation result;
    result.value = form.value;
    result.at_optimum = form.at_optimum;
    if (form.at_optimum) {
      return result;
    }
    if (request.candidate) {
      FillKernelSide(backend,
                     2.0 * form.slope,
                     x,
                     tx,
                     difference,
                     result.adjoint.kernel,
                     result.adjoint.candidate_norm_squared);
    }
    if (request.reference) {
      FillKernelSide(backend,
                     -2.0 * form.slope,
                     y,
                     ty,
                     difference,
                     result.adjoint.reference_kernel,
                     result.adjoint.reference_norm_squared);
    }
    return result;
  }

  /// With G = factor (F - E) = dv/dF:
  ///   lambda > 0: d(K / t) = lambda N G N
  ///   lambda = 0: d(K / t) = N G (I - F) + (I - F) G N, at constant rank
  void FillKernelSide(Backend& backend,
                      double factor,
                      const GramSide& side,
                      double trace,
                      const Matrix& difference,
                      Matrix& kernel,
                      double& norm_squared) const {
    const Matrix half = side.inverse.Solve(difference);
    const int64_t n = half.rows();
    kernel = backend.Allocate(n, n, kDouble);
    backend.Fill(0.0, kernel);
    Matrix product;
    double scale = 0.5 * factor / trace;
    if (options_.lambda > 0.0) {
      product = side.inverse.Solve(Transposed(backend, half));
      scale *= options_.lambda;
    } else {
      product = Scaled(backend, 2.0, half);
      backend.Gemm(Op::kNone, Op::kNone, -2.0, half, side.shrunk, 1.0, product);
    }
    backend.Axpby(scale, product, 1.0, kernel);
    backend.Axpby(scale, Transposed(backend, product), 1.0, kernel);
    if (options_.unit_trace) {
      norm_squared = -backend.Dot(kernel, side.scaled);
    }
  }

  const MeasureInfo info_;
  const GulpOptions options_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeGulp(
    const MeasureInfo& info, Parameters& parameters) {
  GulpOptions options;
  REPSCORE_ASSIGN_OR_RETURN(const int form,
                            parameters.Choice("form", {"squared", "distance"}));
  REPSCORE_ASSIGN_OR_RETURN(options.lambda,
                            parameters.Number("lambda", 0.0, kLargestLambda));
  REPSCORE_ASSIGN_OR_RETURN(const int scale,
                            parameters.Choice("scale", {"unit_trace", "raw"}));
  options.distance = form == 1;
  options.unit_trace = scale == 0;
  MeasureInfo claims = info;
  claims.metric = options.distance;
  claims.invariances = {"orthogonal", "permutation", "translation"};
  if (options.unit_trace || options.lambda == 0.0) {
    claims.invariances.emplace_back("scale");
  }
  if (options.lambda == 0.0) {
    claims.invariances.emplace_back("invertible");
  }
  return std::make_shared<Gulp>(
      std::move(claims), options, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> GulpFamily() {
  return {
      {{.id = "gulp",
        .aliases = {},
        .summary = "GULP: largest difference of ridge predictions from the two "
                   "sides, over all targets",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numeric_limits<double>::infinity(),
        .symmetric = true,
        .metric = false,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters =
            {{.name = "form",
              .default_value = "squared",
              .description = "squared, or distance: its root, a metric"},
             {.name = "lambda",
              .default_value = "0.1",
              .description = "penalty, at least 0, against covariances of the "
                             "chosen scale; 0: p + q - 2 sum of squared "
                             "canonical correlations"},
             {.name = "scale",
              .default_value = "unit_trace",
              .description = "of the covariances: unit_trace, or raw: X'X / n "
                             "of centred rows"}},
        .minimum_rows = 2,
        .source = "Boix-Adsera et al. 2022, GULP: a prediction-based metric "
                  "between representations",
        .examples = {"gulp(lambda=0)",
                     "gulp(form=distance,lambda=0.01)",
                     "gulp(lambda=0.5,scale=raw)",
                     "gulp(form=distance,lambda=0.2,scale=raw)"},
        .cost = "n (p + q)^2 + p^3 + q^3, or n^2 (p + q) + n^3 for p > n"},
       MakeGulp}};
}

}  // namespace repscore
