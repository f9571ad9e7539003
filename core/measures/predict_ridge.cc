// Ridge regression from moments.
#include <algorithm>
#include <utility>

#include "core/measures/host.h"
#include "core/measures/predict_regressors.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// A row whose leverage is closer to 1 than this is fitted exactly by least
// squares: it alone spans a direction.
constexpr double kSmallestLeverage = 1e-11;

// Operations of a spectrum per cube of its side, counted at the rate of
// products: most of them run far below it.
constexpr double kSpectrumCost = 27.0;
// Most factors at a time; each takes as much memory as the Gram matrix.
constexpr int kMostTogether = 8;

bool SpectrumIsCheaper(const TrainingSet& set,
                       absl::Span<const double> lambdas) {
  if (*std::min_element(lambdas.begin(), lambdas.end()) <= 0.0) {
    return true;
  }
  const auto side = static_cast<double>(set.gram.rows());
  const auto targets = static_cast<double>(set.cross.cols());
  const auto probes = static_cast<double>(set.probe.rows());
  const double factor = side * side * (side / 3.0 + 2.0 * targets);
  const double spectrum =
      side * side * (kSpectrumCost * side + 2.0 * targets + 2.0 * probes);
  return spectrum < factor * static_cast<double>(lambdas.size());
}

MatrixXd Predict(Backend& backend,
                 const MatrixXd& probe,
                 const Matrix& weights) {
  MatrixXd predicted(probe.rows(), weights.cols());
  for (int64_t first = 0; first < probe.rows(); first += kProbeRows) {
    const int64_t count = std::min(kProbeRows, probe.rows() - first);
    const Matrix product =
        backend.Allocate(count, weights.cols(), weights.type());
    backend.Gemm(Op::kNone,
                 Op::kNone,
                 1.0,
                 ToBackend(backend, probe.middleRows(first, count)),
                 weights,
                 0.0,
                 product);
    predicted.middleRows(first, count) = ToHost(backend, product);
  }
  return predicted;
}

}  // namespace

MatrixXd PredictRidge(Backend& backend, const TrainingSet& set, double lambda) {
  const PositiveFactor factor(backend, ToBackend(backend, set.gram), lambda);
  return Predict(
      backend, set.probe, factor.Solve(ToBackend(backend, set.cross)));
}

std::vector<MatrixXd> PredictRidges(Backend& backend,
                                    const TrainingSet& set,
                                    absl::Span<const double> lambdas) {
  std::vector<MatrixXd> predicted;
  if (SpectrumIsCheaper(set, lambdas)) {
    const RidgePath path(backend, set, SpectrumOf(backend, set.gram));
    for (const double lambda : lambdas) {
      predicted.push_back(path.Predict(lambda));
    }
    return predicted;
  }
  const Matrix gram = ToBackend(backend, set.gram);
  const Matrix cross = ToBackend(backend, set.cross);
  const auto together =
      static_cast<size_t>(std::clamp(backend.threads(), 1, kMostTogether));
  for (; !lambdas.empty();
       lambdas.remove_prefix(std::min(together, lambdas.size()))) {
    const absl::Span<const double> some =
        lambdas.first(std::min(together, lambdas.size()));
    const auto factors = PositiveFactor::Batch(
        backend, some, [&](size_t) { return Scaled(backend, 1.0, gram); });
    for (const Matrix& weights : PositiveFactor::SolveBatch(
             factors, std::vector<Matrix>(some.size(), cross))) {
      predicted.push_back(Predict(backend, set.probe, weights));
    }
  }
  return predicted;
}

RidgePath::RidgePath(Backend& backend,
                     const TrainingSet& set,
                     const HostSpectrum& spectrum)
    : backend_(backend),
      values_(spectrum.values),
      targets_(Multiply(
          backend, Op::kTranspose, spectrum.vectors, Op::kNone, set.cross)),
      probe_(Multiply(
          backend, Op::kNone, set.probe, Op::kNone, spectrum.vectors)) {}

MatrixXd RidgePath::Predict(double lambda) const {
  const VectorXd shrink = (values_.array() + lambda).inverse();
  return Multiply(backend_,
                  Op::kNone,
                  probe_,
                  Op::kNone,
                  MatrixXd(shrink.asDiagonal() * targets_));
}

LeaveOneOut::LeaveOneOut(Backend& backend,
                         MatrixXd basis,
                         VectorXd values,
                         const MatrixXd& targets)
    : backend_(backend),
      basis_(std::move(basis)),
      values_(std::move(values)),
      squares_(basis_.cwiseAbs2()),
      projected_(
          Multiply(backend, Op::kTranspose, basis_, Op::kNone, targets)) {
  const auto n = static_cast<double>(targets.rows());
  rest_ = targets - Multiply(backend, Op::kNone, basis_, Op::kNone, projected_);
  rest_leverage_ = (1.0 - 1.0 / n) - squares_.rowwise().sum().array();
  for (int64_t i = 0; i < targets.rows(); ++i) {
    if (basis_.cols() >= targets.rows() - 1 ||
        rest_leverage_(i) < kSmallestLeverage) {
      rest_leverage_(i) = 0.0;
      rest_.row(i).setZero();
    }
  }
}

// With shrinkage g = lambda / (w + lambda), row i leaves
//   (rest_i + u_i' diag(g) c) / (rest leverage_i + u_i' diag(g) u_i).
// Where least squares fits row i exactly, the limit has 1 / w in place of g.
MatrixXd LeaveOneOut::Residuals(double lambda) const {
  const auto part = [this](const VectorXd& g) {
    return Multiply(backend_,
                    Op::kNone,
                    basis_,
                    Op::kNone,
                    MatrixXd(g.asDiagonal() * projected_));
  };
  MatrixXd residuals = rest_;
  VectorXd leverage = rest_leverage_;
  if (lambda > 0.0) {
    const VectorXd g = lambda * (values_.array() + lambda).inverse();
    residuals += part(g);
    leverage += squares_ * g;
  } else if ((rest_leverage_.array() == 0.0).any()) {
    const VectorXd g = values_.cwiseInverse();
    const MatrixXd limit = part(g);
    const VectorXd limit_leverage = squares_ * g;
    for (int64_t i = 0; i < residuals.rows(); ++i) {
      if (rest_leverage_(i) == 0.0) {
        residuals.row(i) = limit.row(i);
        leverage(i) = limit_leverage(i);
      }
    }
  }
  for (int64_t i = 0; i < residuals.rows(); ++i) {
    residuals.row(i) /= leverage(i);
  }
  return residuals;
}

}  // namespace repscore
