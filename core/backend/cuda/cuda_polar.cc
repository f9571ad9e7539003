// Polar factors. On a device products are fast and decompositions are not: the
// factor comes from the dynamically weighted Halley iteration (Nakatsukasa,
// Bai & Gygi 2010), products and Cholesky factors alone, and from a
// decomposition only where singular values are too near zero for it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Smallest singular value, against the norm, that a full-quality factor is
// iterated for.
constexpr double kSmallest = 1e-12;
// Weights never trust a smaller value than this: their Cholesky factors would
// lose more digits than the iteration that it saves is worth.
constexpr double kWeightFloor = 1e-6;
constexpr int kMostIterations = 12;
constexpr double kConverged = 1e-15;
// |Q'Q - I| per column, up to which Q is taken for orthogonal.
constexpr double kOrthogonality = 1e-11;
// |Q'A - A'Q| against |Q'A|, up to which Q is taken for the factor of A.
constexpr double kSymmetry = 1e-9;

struct Weights {
  double a;
  double b;
  double c;
};

/// X <- X (a I + b X'X)(I + c X'X)^-1 takes singular values from [smallest, 1]
/// to 1.
std::vector<Weights> HalleyWeights(double smallest) {
  std::vector<Weights> steps;
  double l = smallest;
  while (1.0 - l > kConverged && steps.size() < kMostIterations) {
    const double trusted = std::max(l, kWeightFloor);
    const double square = trusted * trusted;
    const double d = std::cbrt(4.0 * (1.0 - square) / (square * square));
    const double root = std::sqrt(1.0 + d);
    Weights step = {};
    step.a = root + 0.5 * std::sqrt(8.0 - 4.0 * d +
                                    8.0 * (2.0 - square) / (square * root));
    step.b = (step.a - 1.0) * (step.a - 1.0) / 4.0;
    step.c = step.a + step.b - 1.0;
    steps.push_back(step);
    l = std::min(1.0, l * (step.a + step.b * l * l) / (1.0 + step.c * l * l));
  }
  return steps;
}

}  // namespace

PolarNorm CudaBackend::Polar(const Matrix& a,
                             PolarMethod method,
                             const Matrix& q) {
  Require(SameShape(a, q) && IsDouble(a) && IsDouble(q), "Polar");
  Begin({&a}, {&q});
  if (a.empty()) {
    return {};
  }
  if (a.rows() >= a.cols()) {
    return PolarOfTall(a, method, q);
  }
  const Matrix tall = Allocate(a.cols(), a.rows(), kDouble);
  const Matrix factor = Allocate(a.cols(), a.rows(), kDouble);
  Transpose(a, tall);
  const PolarNorm norm = PolarOfTall(tall, method, factor);
  Transpose(factor, q);
  return norm;
}

PolarNorm CudaBackend::PolarOfTall(const Matrix& a,
                                   PolarMethod method,
                                   const Matrix& q) {
  double norm = 0.0;
  const bool gram = method == PolarMethod::kGram;
  if (gram && !device().fast_float64()) {
    if (PolarInSingle(a, q, &norm)) {
      return {.nuclear = norm, .fine = false};
    }
  } else {
    // The Gram matrix does not see singular values below the root of rounding.
    const double smallest =
        gram ? std::sqrt(static_cast<double>(a.cols()) * kEpsilon) : kSmallest;
    // What passes the iteration's checks is a factor, whatever it was set up
    // for.
    if (PolarByHalley(a, smallest, q, &norm)) {
      return {.nuclear = norm};
    }
  }
  if (gram) {
    return {.nuclear = PolarByGram(a, q), .fine = false};
  }
  return {.nuclear = PolarBySvd(a, q)};
}

bool CudaBackend::PolarByHalley(const Matrix& a,
                                double smallest,
                                const Matrix& q,
                                double* nuclear_norm) {
  const int64_t n = a.cols();
  const Matrix gram = Allocate(n, n, kDouble);
  const Matrix scale = Vector(1);
  const Matrix info = Vector(1);
  const Matrix solved = Allocate(a.rows(), n, kDouble);
  // |A'A|^(1/2) is at least the largest singular value.
  Syrk(Op::kTranspose, 1.0, a, 0.0, gram);
  EnqueueDots({DotOf(gram, gram)}, scale);
  Check(DivideByFourthRoot(stream(), scale, a, q), "scaling");
  for (const Weights& step : HalleyWeights(smallest)) {
    Syrk(Op::kTranspose, step.c, q, 0.0, gram);
    AddDiagonal(1.0, gram);
    EnqueueCholesky(gram, static_cast<int*>(info.data()));
    Copy(q, solved);
    // solved = q (L L')^-1
    EnqueueTriangularSolve(CUBLAS_SIDE_RIGHT, CUBLAS_OP_T, gram, solved);
    EnqueueTriangularSolve(CUBLAS_SIDE_RIGHT, CUBLAS_OP_N, gram, solved);
    const double ratio = step.b / step.c;
    Axpby(step.a - ratio, solved, ratio, q);
  }
  // Failed Cholesky factors and zero matrices show here as well.
  const Matrix deviation = Allocate(n, n, kDouble);
  Syrk(Op::kTranspose, 1.0, q, 0.0, deviation);
  AddDiagonal(-1.0, deviation);
  const Matrix symmetric = Allocate(n, n, kDouble);
  Gemm(Op::kTranspose, Op::kNone, 1.0, q, a, 0.0, symmetric);
  const Matrix& skew = gram;
  Transpose(symmetric, skew);
  Axpby(1.0, symmetric, -1.0, skew);
  const Matrix results = Vector(4);
  EnqueueDots({DotOf(deviation, deviation),
               DotOf(skew, skew),
               DotOf(symmetric, symmetric),
               TraceOf(symmetric)},
              results);
  const std::vector<double> dots = Fetch(results);
  *nuclear_norm = dots[3];
  const double columns = static_cast<double>(n);
  return std::sqrt(dots[0]) <= kOrthogonality * columns &&
         std::sqrt(dots[1]) <= kSymmetry * std::sqrt(dots[2]) &&
         std::isfinite(dots[3]);
}

double CudaBackend::PolarBySvd(const Matrix& a, const Matrix& q) {
  // a = U S V', q = U V' over singular values above max(m, n) eps s_1
  const Matrix u = Allocate(a.rows(), a.cols(), kDouble);
  const Matrix vt = Allocate(a.cols(), a.cols(), kDouble);
  const std::vector<double> values = TallSvd(a, u, vt);
  const double floor =
      static_cast<double>(a.rows()) * kEpsilon * values.front();
  double norm = 0.0;
  int64_t rank = 0;
  for (const double value : values) {
    norm += value;
    rank += value > floor ? 1 : 0;
  }
  if (rank == 0) {
    Fill(0.0, q);
    return norm;
  }
  Gemm(Op::kNone, Op::kNone, 1.0, u.Columns(0, rank), vt.Rows(0, rank), 0.0, q);
  return norm;
}

double CudaBackend::PolarByGram(const Matrix& a, const Matrix& q) {
  // a'a = V diag(w) V', q = a V diag(w)^-1/2 V' over w above rounding
  const int64_t n = a.cols();
  const Matrix vectors = Allocate(n, n, kDouble);
  Syrk(Op::kTranspose, 1.0, a, 0.0, vectors);
  const std::vector<double> values = SymmetricEigen(vectors);
  const double floor =
      static_cast<double>(n) * kEpsilon * std::max(values.back(), 0.0);
  double norm = 0.0;
  int64_t dropped = 0;
  std::vector<double> factors;
  for (const double value : values) {
    norm += std::sqrt(std::max(value, 0.0));
    if (value > floor) {
      factors.push_back(1.0 / std::sqrt(value));
    } else {
      ++dropped;
    }
  }
  if (dropped == n) {
    Fill(0.0, q);
    return norm;
  }
  const Matrix kept = vectors.Columns(dropped, n - dropped);
  const Matrix weights = Vector(n - dropped);
  Upload(factors, weights);
  const Matrix scaled = Allocate(n, n - dropped, kDouble);
  Check(ScaleColumnsBy(stream(), weights, kept, scaled), "scaling");
  const Matrix root = Allocate(n, n, kDouble);
  Gemm(Op::kNone, Op::kTranspose, 1.0, scaled, kept, 0.0, root);
  Gemm(Op::kNone, Op::kNone, 1.0, a, root, 0.0, q);
  return norm;
}

}  // namespace repscore::cuda
