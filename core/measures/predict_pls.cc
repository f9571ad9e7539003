// Partial least squares from moments: only M is deflated,
//   w = dominant left singular vector of M,  r = w - sum_j (p_j'w) r_j,
//   p = A r / r'A r,  c = M'r / r'A r,  M -= (r'A r) p c',
// prediction X_v R C'.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "core/backend/host_algebra.h"
#include "core/base/random.h"
#include "core/measures/predict_regressors.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using Operator = std::function<VectorXd(const VectorXd&)>;

// M'M is formed up to this many targets.
constexpr int64_t kMostGramTargets = 1024;
// scikit-learn's defaults.
constexpr int kPowerIterations = 500;
constexpr double kPowerTolerance = 1e-6;
constexpr int64_t kLanczosSteps = 300;
constexpr double kLanczosTolerance = 1e-15;
constexpr uint64_t kLanczosSeed = 1;
// Covariances below this against the first are rounding.
constexpr double kSmallestCovariance = 1e-13;

VectorXd RandomUnit(int64_t size) {
  VectorXd v(size);
  Philox(kLanczosSeed, 0)
      .FillNormal(0, absl::MakeSpan(v.data(), static_cast<size_t>(size)));
  return v.normalized();
}

/// Dominant eigenvector of a symmetric positive semidefinite operator, by
/// Lanczos with full reorthogonalisation.
VectorXd DominantVector(const Operator& apply, int64_t size) {
  const int64_t most = std::min(size, kLanczosSteps);
  MatrixXd basis(size, most);
  VectorXd diagonal(most);
  VectorXd below(most);
  VectorXd v = RandomUnit(size);
  for (int64_t k = 0;; ++k) {
    basis.col(k) = v;
    VectorXd next = apply(v);
    diagonal(k) = v.dot(next);
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t j = 0; j <= k; ++j) {
        next -= basis.col(j).dot(next) * basis.col(j);
      }
    }
    below(k) = next.norm();
    const bool last = k + 1 == most;
    if (last || k % 4 == 3 || !(below(k) > 0.0)) {
      Eigen::SelfAdjointEigenSolver<MatrixXd> small;
      small.computeFromTridiagonal(diagonal.head(k + 1), below.head(k));
      const VectorXd ritz = small.eigenvectors().col(k);
      const double value = small.eigenvalues()(k);
      if (last || !(below(k) * std::abs(ritz(k)) > kLanczosTolerance * value)) {
        return (basis.leftCols(k + 1) * ritz).normalized();
      }
    }
    v = next / below(k);
  }
}

/// Right weights v of the power iteration of NIPALS from target `first`:
/// w = M v / |M v| changes by less than the tolerance.
VectorXd PowerVector(const Operator& apply, int64_t size, int64_t first) {
  VectorXd v = VectorXd::Unit(size, first);
  VectorXd image = apply(v);
  double norm = std::sqrt(v.dot(image));
  for (int i = 1; i < kPowerIterations && size > 1; ++i) {
    // v <- M'w, |w_new - w|^2 = 2 - 2 w_new'w
    const VectorXd next = image / norm;
    const VectorXd next_image = apply(next);
    const double next_norm = std::sqrt(next.dot(next_image));
    const double cosine = next.dot(image) / (norm * next_norm);
    v = next;
    image = next_image;
    norm = next_norm;
    if (2.0 - 2.0 * cosine < kPowerTolerance) {
      break;
    }
  }
  return v;
}

/// The first target of which something is left to predict.
int64_t FirstTarget(const MatrixXd& cross) {
  const VectorXd norms = cross.colwise().norm();
  const double floor = kSmallestCovariance * norms.maxCoeff();
  int64_t first = 0;
  while (first + 1 < norms.size() && !(norms(first) > floor)) {
    ++first;
  }
  return first;
}

VectorXd Weights(Backend& backend, const MatrixXd& unscaled, bool nipals) {
  // Entries near 1: squares of squares neither vanish nor overflow.
  const MatrixXd cross = unscaled / unscaled.cwiseAbs().maxCoeff();
  const int64_t q = cross.cols();
  MatrixXd gram;
  Operator apply = [&](const VectorXd& v) -> VectorXd {
    return cross.transpose() * (cross * v);
  };
  if (q <= kMostGramTargets) {
    gram = GramOf(backend, cross);
    // Thousands of small products: a threaded library would only wait.
    apply = [&](const VectorXd& v) {
      VectorXd image(q);
      for (int64_t j = 0; j < q; ++j) {
        image(j) = gram.col(j).dot(v);
      }
      return image;
    };
  }
  const VectorXd v = nipals ? PowerVector(apply, q, FirstTarget(cross))
                            : DominantVector(apply, q);
  return cross * v;
}

}  // namespace

MatrixXd PredictPls(Backend& backend,
                    const TrainingSet& set,
                    const PlsOptions& options) {
  MatrixXd cross = set.cross;
  const int64_t p = cross.rows();
  const int64_t q = cross.cols();
  MatrixXd rotations = MatrixXd::Zero(p, options.components);
  MatrixXd loadings = MatrixXd::Zero(p, options.components);
  MatrixXd targets = MatrixXd::Zero(q, options.components);
  double largest = 0.0;
  for (int64_t a = 0; a < options.components; ++a) {
    const double left = cross.norm();
    largest = std::max(largest, left);
    if (!(left > kSmallestCovariance * largest)) {
      break;
    }
    const VectorXd w = Weights(backend, cross, options.nipals).normalized();
    const VectorXd overlap = loadings.leftCols(a).transpose() * w;
    const VectorXd r = w - rotations.leftCols(a) * overlap;
    const VectorXd image = set.gram.selfadjointView<Eigen::Lower>() * r;
    const double score = r.dot(image);
    if (!(score > 0.0)) {
      break;
    }
    rotations.col(a) = r;
    loadings.col(a) = image / score;
    targets.col(a) = cross.transpose() * r / score;
    cross.noalias() -= image * targets.col(a).transpose();
  }
  const MatrixXd scores =
      Multiply(backend, Op::kNone, set.probe, Op::kNone, rotations);
  return Multiply(backend, Op::kNone, scores, Op::kTranspose, targets);
}

MatrixXd PredictOneToOne(const TrainingSet& set, const VectorXd& floors) {
  MatrixXd predicted = MatrixXd::Zero(set.actual.rows(), set.actual.cols());
  for (int64_t k = 0; k < set.cross.cols(); ++k) {
    int64_t best = -1;
    double largest = 0.0;
    for (int64_t j = 0; j < set.cross.rows(); ++j) {
      if (!(set.weights(j) > floors(j))) {
        continue;
      }
      const double r = set.cross(j, k) / std::sqrt(set.weights(j));
      if (best < 0 || r > largest) {
        best = j;
        largest = r;
      }
    }
    if (best >= 0) {
      predicted.col(k) = set.probe.col(best);
    }
  }
  return predicted;
}

}  // namespace repscore
