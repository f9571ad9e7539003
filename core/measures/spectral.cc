#include "core/measures/spectral.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/backend/host_algebra.h"
#include "core/base/text.h"
#include "core/measures/specification.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Eigenvalues of a Gram matrix below this times size and largest eigenvalue
// are rounding of the products.
constexpr double kEigenFloor = 8 * std::numeric_limits<double>::epsilon();
// A Cholesky pivot that lost this share of its diagonal element has lost half
// of its digits: eigenvectors decide instead.
constexpr double kPivotFloor = 1e-8;

// Eigenvalues of a computed Gram matrix are off by about this times the
// largest.
constexpr double kGramError = 16 * std::numeric_limits<double>::epsilon();
// What that may do to the sum of their roots, against the sum: in values to be
// reported, and in steps.
constexpr double kNuclearTolerance = 1e-11;
constexpr double kFastNuclearTolerance = 1e-7;
constexpr std::array<const char*, 2> kPolarKeys = {"polar factor of M by SVD",
                                                   "polar factor of M by Gram"};
constexpr char kNuclearNorm[] = "sum of the singular values of M";

const char* KeyOf(PolarMethod method) {
  return kPolarKeys.at(static_cast<size_t>(method));
}

/// vectors' columns scaled by w^-1/2.
Matrix ScaleColumns(Backend& backend,
                    const Matrix& vectors,
                    absl::Span<const double> values) {
  Matrix scaled = backend.Allocate(vectors.rows(), vectors.cols(), kDouble);
  for (int64_t j = 0; j < vectors.cols(); ++j) {
    backend.Axpby(1.0 / std::sqrt(values[static_cast<size_t>(j)]),
                  vectors.Columns(j, 1),
                  0.0,
                  scaled.Columns(j, 1));
  }
  return scaled;
}

void Shift(Backend& backend, double shift, const Matrix& a) {
  if (shift > 0.0) {
    backend.AddDiagonal(shift, a);
  }
}

double FloorFor(double shift) {
  return shift > 0.0 ? 0.0 : kPivotFloor;
}

}  // namespace

Spectrum PositiveSpectrum(Backend& backend, const Matrix& a) {
  const Matrix vectors = backend.Allocate(a.rows(), a.cols(), kDouble);
  backend.Copy(a, vectors);
  const std::vector<double> values = backend.SymmetricEigen(vectors);
  const double floor = kEigenFloor * static_cast<double>(a.rows()) *
                       std::max(values.back(), 0.0);
  const auto first = std::upper_bound(values.begin(), values.end(), floor);
  const int64_t dropped = first - values.begin();
  Spectrum spectrum;
  spectrum.values.assign(first, values.end());
  spectrum.vectors = vectors.Columns(dropped, a.cols() - dropped);
  return spectrum;
}

PositiveFactor::PositiveFactor(Backend& backend,
                               const Matrix& a,
                               double shift,
                               bool singular)
    : backend_(backend) {
  cholesky_ = backend.Allocate(a.rows(), a.cols(), kDouble);
  backend.Copy(a, cholesky_);
  Shift(backend, shift, cholesky_);
  rank_ = a.rows();
  if (!(singular && shift == 0.0) &&
      backend.Cholesky(cholesky_, FloorFor(shift))) {
    return;
  }
  backend.Copy(a, cholesky_);
  Shift(backend, shift, cholesky_);
  UseSpectrum(cholesky_);
}

void PositiveFactor::UseSpectrum(const Matrix& shifted) {
  const Spectrum spectrum = PositiveSpectrum(backend_, shifted);
  rank_ = spectrum.vectors.cols();
  scaled_vectors_ = ScaleColumns(backend_, spectrum.vectors, spectrum.values);
}

std::vector<std::shared_ptr<const PositiveFactor>> PositiveFactor::Batch(
    Backend& backend,
    absl::Span<const double> shifts,
    const std::function<Matrix(size_t)>& make) {
  const auto shifted = [&](size_t i) {
    Matrix a = make(i);
    Shift(backend, shifts[i], a);
    return a;
  };
  std::vector<Matrix> batch;
  for (size_t i = 0; i < shifts.size(); ++i) {
    batch.push_back(shifted(i));
  }
  const std::vector<bool> definite = backend.CholeskyBatch(
      batch, shifts.empty() ? 0.0 : FloorFor(shifts.front()));
  std::vector<std::shared_ptr<const PositiveFactor>> factors;
  for (size_t i = 0; i < batch.size(); ++i) {
    std::shared_ptr<PositiveFactor> factor(new PositiveFactor(backend));
    factor->cholesky_ = batch[i];
    factor->rank_ = batch[i].rows();
    if (!definite[i]) {
      factor->UseSpectrum(shifted(i));
    }
    factors.push_back(std::move(factor));
  }
  return factors;
}

std::vector<Matrix> PositiveFactor::SolveBatch(
    absl::Span<const std::shared_ptr<const PositiveFactor>> factors,
    absl::Span<const Matrix> b) {
  std::vector<Matrix> solutions;
  std::vector<Matrix> triangles;
  std::vector<Matrix> solved;
  for (size_t i = 0; i < b.size(); ++i) {
    const PositiveFactor& factor = *factors[i];
    if (!factor.scaled_vectors_.empty()) {
      solutions.push_back(factor.Solve(b[i]));
      continue;
    }
    solutions.push_back(Scaled(factor.backend_, 1.0, b[i]));
    triangles.push_back(factor.cholesky_);
    solved.push_back(solutions.back());
  }
  if (!solved.empty()) {
    factors.front()->backend_.CholeskySolveBatch(triangles, solved);
  }
  return solutions;
}

Matrix PositiveFactor::Solve(const Matrix& b) const {
  Matrix solution = backend_.Allocate(b.rows(), b.cols(), kDouble);
  if (scaled_vectors_.empty()) {
    backend_.Copy(b, solution);
    backend_.CholeskySolve(cholesky_, solution);
    return solution;
  }
  const Matrix projected =
      backend_.Allocate(scaled_vectors_.cols(), b.cols(), kDouble);
  backend_.Gemm(
      Op::kTranspose, Op::kNone, 1.0, scaled_vectors_, b, 0.0, projected);
  backend_.Gemm(
      Op::kNone, Op::kNone, 1.0, scaled_vectors_, projected, 0.0, solution);
  return solution;
}

Matrix ExactKernel(const Statistics& statistics) {
  Backend& backend = *statistics.backend;
  const Matrix& rows = statistics.candidate_rows;
  return rows.type() == kDouble ? statistics.kernel
                                : KernelOf(backend, Widened(backend, rows));
}

std::shared_ptr<const PositiveFactor> CandidateFactor(
    const Statistics& statistics, Space space, double shift) {
  const bool sample = space == Space::kSample;
  return Memo::Remember(
      statistics.candidate_memo,
      StrCat(sample ? "factor of K + " : "factor of A + ",
             ShortestNumber(shift)),
      [&] {
        const auto kernel = [&] {
          return shift == 0.0 ? ExactKernel(statistics) : statistics.kernel;
        };
        return std::make_shared<const PositiveFactor>(
            *statistics.backend, sample ? kernel() : statistics.gram, shift);
      });
}

std::shared_ptr<const CrossPolar> PolarOfCross(const Statistics& statistics,
                                               PolarMethod method) {
  return Memo::Remember(statistics.memo, KeyOf(method), [&] {
    Backend& backend = *statistics.backend;
    const Matrix& m = statistics.cross;
    auto polar = std::make_shared<CrossPolar>();
    polar->factor = backend.Allocate(m.rows(), m.cols(), ScalarType::kFloat64);
    const PolarNorm norm = backend.Polar(m, method, polar->factor);
    polar->nuclear_norm = norm.nuclear;
    polar->fine = norm.fine;
    return std::shared_ptr<const CrossPolar>(std::move(polar));
  });
}

double NuclearNorm(Backend& backend, const Matrix& a, double tolerance) {
  const bool tall = a.rows() >= a.cols();
  const int64_t side = std::min(a.rows(), a.cols());
  const Matrix gram = backend.Allocate(side, side, kDouble);
  backend.Syrk(tall ? Op::kTranspose : Op::kNone, 1.0, a, 0.0, gram);
  const std::vector<double> values = backend.SymmetricEigenvalues(gram);
  // d sqrt(w) = dw / (2 sqrt(w))
  double sum = 0.0;
  double error = 0.0;
  for (const double value : values) {
    const double root = std::sqrt(std::max(value, 0.0));
    sum += root;
    error += kGramError * values.back() / (2.0 * root);
  }
  if (error <= tolerance * sum) {
    return sum;
  }
  const Matrix factor = backend.Allocate(a.rows(), a.cols(), kDouble);
  return backend.Polar(a, PolarMethod::kSvd, factor).nuclear;
}

double NuclearNormOfCross(const Statistics& statistics) {
  for (const char* key : kPolarKeys) {
    const auto polar = Memo::Find<CrossPolar>(statistics.memo, key);
    if (polar != nullptr) {
      return polar->nuclear_norm;
    }
  }
  return *Memo::Remember(statistics.memo, kNuclearNorm, [&] {
    return std::make_shared<const double>(NuclearNorm(
        *statistics.backend, statistics.cross, kFastNuclearTolerance));
  });
}

void RememberNuclearNorm(const Statistics& statistics) {
  Memo::Remember(statistics.memo, KeyOf(PolarMethod::kSvd), [&] {
    auto polar = std::make_shared<CrossPolar>();
    polar->nuclear_norm =
        NuclearNorm(*statistics.backend, statistics.cross, kNuclearTolerance);
    return std::shared_ptr<const CrossPolar>(std::move(polar));
  });
}

double ParticipationRatio(double trace, double squared_norm) {
  return squared_norm > 0.0 ? trace * trace / squared_norm : 0.0;
}

}  // namespace repscore
