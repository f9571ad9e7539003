// Polar factors: by products where that succeeds (cuda_polar_products.cc), by a
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
  } else if (PolarByProducts(a, method, q, &norm)) {
    return {.nuclear = norm};
  }
  if (gram) {
    return {.nuclear = PolarByGram(a, q), .fine = false};
  }
  return {.nuclear = PolarBySvd(a, q)};
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
  queue_->Launch<ScaleColumnsBy>("scaling", weights, kept, Written{scaled});
  const Matrix root = Allocate(n, n, kDouble);
  Gemm(Op::kNone, Op::kTranspose, 1.0, scaled, kept, 0.0, root);
  Gemm(Op::kNone, Op::kNone, 1.0, a, root, 0.0, q);
  return norm;
}

}  // namespace repscore::cuda
