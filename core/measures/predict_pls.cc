// Partial least squares from moments: only M is deflated,
//   w = dominant left singular vector of M,  r = w - sum_j (p_j'w) r_j,
//   t = X_t r,  p = X_t't / t't,  c = M'r / t't,  M -= (t't) p c',
// prediction X_v R C'. A split is a mask of rows: one product with X serves the
// training and the test rows of many splits.
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
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
// Splits side by side, and elements of their cross products.
constexpr int64_t kMostInBatch = 16;
constexpr int64_t kBatchElements = int64_t{64} << 20;

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

/// One split: what is left of M and what has been found.
struct Fit {
  const Split* split;
  MatrixXd cross;    ///< M_t, deflated; entries of at most 1 at first
  double scale;      ///< of its entries
  VectorXd varying;  ///< 1 for units that vary in training, else 0
  MatrixXd rotations = {};
  MatrixXd loadings = {};
  MatrixXd targets = {};
  MatrixXd scores = {};  ///< of the test rows
  double largest = 0.0;
  bool done = false;
};

Fit StartFit(const Split& split, TrainingSet& set, int64_t components) {
  Fit fit = {.split = &split,
             .cross = std::move(set.cross),
             .scale = 1.0,
             .varying = (set.weights.array() > 0.0).cast<double>()};
  const int64_t p = fit.cross.rows();
  fit.scale = fit.cross.cwiseAbs().maxCoeff();
  fit.done = !(fit.scale > 0.0);
  if (!fit.done) {
    // Squares of squares neither vanish nor overflow.
    fit.cross /= fit.scale;
  }
  fit.rotations = MatrixXd::Zero(p, components);
  fit.loadings = MatrixXd::Zero(p, components);
  fit.targets = MatrixXd::Zero(fit.cross.cols(), components);
  fit.scores =
      MatrixXd::Zero(static_cast<int64_t>(split.test.size()), components);
  return fit;
}

/// Unscaled weights w = M v; sets fit.done where nothing is left.
VectorXd Weights(Fit& fit, bool nipals) {
  const MatrixXd& cross = fit.cross;
  const int64_t q = cross.cols();
  MatrixXd gram;
  if (q <= kMostGramTargets) {
    gram.noalias() = cross.transpose() * cross;
  }
  const double left = gram.size() > 0 ? std::sqrt(gram.trace()) : cross.norm();
  fit.largest = std::max(fit.largest, left);
  fit.done = !(left > kSmallestCovariance * fit.largest);
  if (fit.done) {
    return {};
  }
  // Entries near 1 again.
  const double scale = 1.0 / (left * left);
  gram *= scale;
  Operator apply = [&](const VectorXd& v) -> VectorXd {
    return scale * (cross.transpose() * (cross * v));
  };
  if (gram.size() > 0) {
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

/// r of component `a`; sets fit.done where nothing is left.
VectorXd Direction(Fit& fit, int64_t a, bool nipals) {
  VectorXd w = Weights(fit, nipals);
  if (fit.done) {
    return w;
  }
  w.normalize();
  const VectorXd overlap = fit.loadings.leftCols(a).transpose() * w;
  return w - fit.rotations.leftCols(a) * overlap;
}

/// Splits X r into the scores of the test rows and, in place, those of the
/// training rows, 0 elsewhere; both without the training mean. |.|^2 of the
/// latter.
double SplitScores(Fit& fit, int64_t a, Eigen::Ref<VectorXd> along) {
  const double mean = along(fit.split->train).mean();
  fit.scores.col(a) = along(fit.split->test).array() - mean;
  VectorXd training = VectorXd::Zero(along.size());
  for (const int64_t row : fit.split->train) {
    training(row) = along(row) - mean;
  }
  along = training;
  return training.squaredNorm();
}

void Deflate(Fit& fit,
             int64_t a,
             double score,
             const VectorXd& direction,
             VectorXd image) {
  image.array() *= fit.varying.array();
  fit.rotations.col(a) = direction;
  fit.loadings.col(a) = image / score;
  fit.targets.col(a) = fit.cross.transpose() * direction / score;
  fit.cross.noalias() -= image * fit.targets.col(a).transpose();
}

/// X b or X'b.
MatrixXd ThroughColumns(const PredictionRows& rows, Op op, const MatrixXd& b) {
  Backend& backend = rows.backend();
  const Matrix& x = rows.columns();
  const Matrix out = backend.Allocate(
      op == Op::kNone ? x.rows() : x.cols(), b.cols(), ScalarType::kFloat64);
  backend.Gemm(op, Op::kNone, 1.0, x, ToBackend(backend, b), 0.0, out);
  return ToHost(backend, out);
}

}  // namespace

int64_t PlsBatchSize(int64_t features, int64_t targets) {
  return std::clamp<int64_t>(
      kBatchElements / std::max<int64_t>(1, features * targets),
      1,
      kMostInBatch);
}

PredictorForm PlsForm(const ProblemSize& size,
                      int64_t splits,
                      const PlsOptions& options) {
  const auto n = static_cast<double>(size.rows);
  const auto p = static_cast<double>(size.candidate_features);
  const auto q = static_cast<double>(size.reference_features);
  if (p <= n) {
    return PredictorForm::kColumns;
  }
  // Per component two passes over X and M'M, against a QR of X'.
  const double fits = static_cast<double>(splits * options.components);
  const double per_column = fits * (4.0 * n + 2.0 * q * q);
  return per_column * (p - n) < 2.0 * n * n * p ? PredictorForm::kColumns
                                                : PredictorForm::kRoot;
}

std::vector<MatrixXd> PredictPls(const PredictionRows& rows,
                                 absl::Span<const Split> splits,
                                 absl::Span<TrainingSet> sets,
                                 const PlsOptions& options) {
  std::vector<Fit> fits;
  for (size_t s = 0; s < splits.size(); ++s) {
    fits.push_back(StartFit(splits[s], sets[s], options.components));
  }
  for (int64_t a = 0; a < options.components; ++a) {
    std::vector<Fit*> live;
    std::vector<VectorXd> found;
    for (Fit& fit : fits) {
      if (fit.done) {
        continue;
      }
      VectorXd direction = Direction(fit, a, options.nipals);
      if (!fit.done) {
        live.push_back(&fit);
        found.push_back(std::move(direction));
      }
    }
    if (live.empty()) {
      break;
    }
    const auto count = static_cast<int64_t>(live.size());
    MatrixXd directions(found[0].size(), count);
    for (int64_t i = 0; i < count; ++i) {
      directions.col(i) = found[static_cast<size_t>(i)];
    }
    MatrixXd along = ThroughColumns(rows, Op::kNone, directions);
    VectorXd squares(count);
    for (int64_t i = 0; i < count; ++i) {
      squares(i) = SplitScores(*live[static_cast<size_t>(i)], a, along.col(i));
    }
    const MatrixXd images = ThroughColumns(rows, Op::kTranspose, along);
    for (int64_t i = 0; i < count; ++i) {
      Fit& fit = *live[static_cast<size_t>(i)];
      fit.done = !(squares(i) > 0.0);
      if (!fit.done) {
        Deflate(fit, a, squares(i), directions.col(i), images.col(i));
      }
    }
  }
  std::vector<MatrixXd> predictions;
  predictions.reserve(fits.size());
  for (const Fit& fit : fits) {
    predictions.emplace_back(fit.scores *
                             (fit.scale * fit.targets).transpose());
  }
  return predictions;
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
