// Polar factors by products alone, which a device does many times faster than
// decompositions and triangular systems:
//   X <- X (a I + b X'X + c (X'X)^2)
// with the polynomials that bring singular values nearest to 1 (Amsel, Persson,
// Musco & Gower 2025, "Polar Express", algorithm 1). In float64; where that is
// slow in float32, made orthogonal in float64 at the end. X keeps the singular
// vectors of A all the way: neither a Gram matrix, which has no small singular
// values in float32, nor the last step's factor may stand in for it.
#include <cmath>
#include <iterator>
#include <utility>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr ScalarType kSingle = ScalarType::kFloat32;

struct Quintic {
  double a;
  double b;
  double c;
};

// For singular values from 1e-7 of the norm on. Each is the best on [l, u] with
// l at least 0.024 u, moved to be centred on 1: the best on all of [l, u] would
// lose three digits of large singular values to the growth of small ones. All
// but the last are for values 1.01 times as large, so that rounding above the
// bound is not amplified.
constexpr Quintic kSteps[] = {
    {8.2392994889281006, -22.997233859402979, 16.529223221925612},
    {4.1196460941548674, -2.874654053785807, 0.51653861917750388},
    {4.1196293591127642, -2.8746497651269407, 0.51653917625669632},
    {4.1195604184655492, -2.8746320981328282, 0.51654147134571782},
    {4.1192764391587211, -2.8745593296074516, 0.51655092829672611},
    {4.1181070884992312, -2.8742597748549743, 0.51658992130977432},
    {4.1132990082383456, -2.8730295481529828, 0.51675113014740648},
    {4.0936471575824296, -2.8680261971411247, 0.51742493257283495},
    {4.0152638517879415, -2.8484911697533555, 0.5203639441087794},
    {3.6998056785592803, -2.7119077128554965, 0.51831565924943956},
    {2.8001577592267384, -2.0497140694807281, 0.44492727054306874},
    {1.9950289125064482, -1.3569261968889719, 0.37115260971549685},
    {1.857444655346999, -1.2143362666201851, 0.35690734353379688},
    {1.8564356553306964, -1.2132377001560202, 0.35679963649135849},
    {1.8749953579273519, -1.2499907158776886, 0.37499535795033689},
};
// How often more the second step is taken for singular values from 1e-12 on:
// the steps after it differ from it by less than they grow such values.
constexpr int kStepsForSmall = 9;
// |Q'Q - I| per column, up to which Q is taken for orthogonal, and |Q'A - A'Q|
// against |Q'A|, up to which it is taken for the factor of A.
constexpr double kOrthogonality = 1e-11;
constexpr double kSymmetry = 1e-9;
// The same of an iteration in float32: one step in float64 leaves nothing of
// the first, two orders above what rounding makes; one order above it.
constexpr double kSingleOrthogonality = 1e-6;
constexpr double kSingleSymmetry = 1e-4;
// Smallest pivot of X'A against its diagonal element. Below, directions of A
// are rounding of float32, which the iteration takes for singular vectors.
constexpr double kPivotFloor = 1e-4;

}  // namespace

Matrix CudaBackend::IterateToPolar(const Matrix& a, int steps_for_small) {
  const int64_t n = a.cols();
  const Matrix gram = Allocate(n, n, a.type());
  const Matrix polynomial = Allocate(n, n, a.type());
  const Matrix scale = Vector(1);
  Matrix x = Allocate(a.rows(), n, a.type());
  Matrix next = Allocate(a.rows(), n, a.type());
  // |A'A|^(1/2) is at least the largest singular value.
  Syrk(Op::kTranspose, 1.0, a, 0.0, gram);
  EnqueueDots({DotOf(gram, gram)}, scale);
  queue_->Launch<DivideByFourthRoot>("scaling", scale, a, Written{x});
  const auto take = [&](const Quintic& step) {
    Gemm(Op::kTranspose, Op::kNone, 1.0, x, x, 0.0, gram);
    Copy(gram, polynomial);
    Gemm(Op::kNone, Op::kNone, step.c, gram, gram, step.b, polynomial);
    Copy(x, next);
    Gemm(Op::kNone, Op::kNone, 1.0, x, polynomial, step.a, next);
    std::swap(x, next);
  };
  take(kSteps[0]);
  for (int i = 0; i < steps_for_small; ++i) {
    take(kSteps[1]);
  }
  for (size_t i = 1; i < std::size(kSteps); ++i) {
    take(kSteps[i]);
  }
  return x;
}

bool CudaBackend::PolarByProducts(const Matrix& a,
                                  PolarMethod method,
                                  const Matrix& q,
                                  double* nuclear_norm) {
  const int64_t n = a.cols();
  // The Gram matrix does not see singular values below the root of rounding.
  const Matrix x =
      IterateToPolar(a, method == PolarMethod::kGram ? 0 : kStepsForSmall);
  Copy(x, q);
  // Zero matrices, and singular values that were too small, show here.
  const Matrix deviation = Allocate(n, n, kDouble);
  Gemm(Op::kTranspose, Op::kNone, 1.0, x, x, 0.0, deviation);
  AddDiagonal(-1.0, deviation);
  const Matrix symmetric = Allocate(n, n, kDouble);
  Gemm(Op::kTranspose, Op::kNone, 1.0, x, a, 0.0, symmetric);
  const Matrix skew = Allocate(n, n, kDouble);
  Transpose(symmetric, skew);
  Axpby(1.0, symmetric, -1.0, skew);
  const Matrix results = Results(4);
  EnqueueDots({DotOf(deviation, deviation),
               DotOf(skew, skew),
               DotOf(symmetric, symmetric),
               TraceOf(symmetric)},
              results);
  const std::vector<double> dots = Take(results);
  *nuclear_norm = dots[3];
  return std::sqrt(dots[0]) <= kOrthogonality * static_cast<double>(n) &&
         std::sqrt(dots[1]) <= kSymmetry * std::sqrt(dots[2]) &&
         std::isfinite(dots[3]);
}

bool CudaBackend::PolarInSingle(const Matrix& a,
                                const Matrix& q,
                                double* nuclear_norm) {
  // Its checks ask for all the digits of float32.
  const ScopedRounding exact(*this, Rounding::kNone);
  const int64_t n = a.cols();
  const Matrix single = As(a, kSingle);
  const Matrix x = IterateToPolar(single, 0);
  const Matrix product = Allocate(n, n, kSingle);
  Gemm(Op::kTranspose, Op::kNone, 1.0, x, single, 0.0, product);
  // The symmetric factor X'A must be one, and positive definite.
  const Matrix symmetric = As(product, kDouble);
  const Matrix skew = Allocate(n, n, kDouble);
  Transpose(symmetric, skew);
  Axpby(1.0, symmetric, -1.0, skew);
  const Matrix factor = Allocate(n, n, kDouble);
  const Matrix diagonal = Vector(n);
  const Matrix info = Vector(1);
  Copy(symmetric, factor);
  EnqueueCopyDiagonal(factor, diagonal);
  EnqueueCholesky(factor, info);
  // q = X (3 I - X'X) / 2, the nearest orthogonal matrix to second order.
  const Matrix start = As(x, kDouble);
  const Matrix deviation = Allocate(n, n, kDouble);
  Syrk(Op::kTranspose, 1.0, start, 0.0, deviation);
  AddDiagonal(-1.0, deviation);
  Copy(start, q);
  Gemm(Op::kNone, Op::kNone, -0.5, start, deviation, 1.0, q);
  const Matrix results = Results(5);
  EnqueueDots({DotOf(deviation, deviation),
               DotOf(skew, skew),
               DotOf(symmetric, symmetric),
               DotOf(q, a)},
              results);
  EnqueueJudgement(factor, diagonal, kPivotFloor, info, results.Rows(4, 1));
  const std::vector<double> values = Take(results);
  *nuclear_norm = values[3];
  return std::sqrt(values[0]) <=
             kSingleOrthogonality * static_cast<double>(n) &&
         std::sqrt(values[1]) <= kSingleSymmetry * std::sqrt(values[2]) &&
         std::isfinite(values[3]) && values[4] == 0.0;
}

}  // namespace repscore::cuda
