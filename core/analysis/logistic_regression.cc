#include "core/analysis/logistic_regression.h"

#include <lbfgs.h>

#include <algorithm>
#include <cmath>

#include "core/backend/host_algebra.h"

namespace repscore {
namespace {

// Corrections that L-BFGS remembers, and its most iterations.
constexpr int kMemory = 10;
constexpr int kMostIterations = 2000;
// |gradient| / max(1, |weights|) at which it stops.
constexpr double kTolerance = 1e-6;

/// log(1 + exp(x)) without overflow.
double SoftPlus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

struct Objective {
  const LogisticProblem& problem;
  int64_t columns;
};

/// Loss and its derivative by the scores [n x 1], positive for class 1.
double BinaryLoss(const LogisticProblem& problem, Eigen::MatrixXd& scores) {
  double loss = 0.0;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    const double sign = problem.targets[static_cast<size_t>(i)] == 1 ? 1 : -1;
    const double margin = sign * scores(i, 0);
    loss += SoftPlus(-margin);
    scores(i, 0) = -sign / (1.0 + std::exp(margin));
  }
  return loss;
}

/// Loss and its derivative by the scores [n x classes].
double SoftmaxLoss(const LogisticProblem& problem, Eigen::MatrixXd& scores) {
  double loss = 0.0;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    const Eigen::Index target = problem.targets[static_cast<size_t>(i)];
    const double largest = scores.row(i).maxCoeff();
    const double own = scores(i, target) - largest;
    scores.row(i) = (scores.row(i).array() - largest).exp();
    const double sum = scores.row(i).sum();
    loss += std::log(sum) - own;
    scores.row(i) /= sum;
    scores(i, target) -= 1.0;
  }
  return loss;
}

double Evaluate(
    void* instance, const double* x, double* g, int /*n*/, double /*step*/) {
  const auto& objective = *static_cast<const Objective*>(instance);
  const LogisticProblem& problem = objective.problem;
  const Eigen::Index features = problem.rows.cols();
  const Eigen::Index columns = objective.columns;
  const Eigen::Map<const Eigen::MatrixXd> weights(x, features + 1, columns);
  Eigen::Map<Eigen::MatrixXd> gradient(g, features + 1, columns);
  Eigen::MatrixXd scores = problem.rows * weights.topRows(features);
  scores.rowwise() += weights.row(features);
  const double loss =
      columns == 1 ? BinaryLoss(problem, scores) : SoftmaxLoss(problem, scores);
  gradient.topRows(features) = problem.c * (problem.rows.transpose() * scores) +
                               weights.topRows(features);
  gradient.row(features) = problem.c * scores.colwise().sum();
  return problem.c * loss + 0.5 * weights.topRows(features).squaredNorm();
}

}  // namespace

double FitLogistic(const LogisticProblem& problem, Eigen::MatrixXd& weights) {
  const Eigen::Index rows = problem.rows.cols() + 1;
  const Eigen::Index columns = problem.classes == 2 ? 1 : problem.classes;
  if (weights.rows() != rows || weights.cols() != columns) {
    weights = Eigen::MatrixXd::Zero(rows, columns);
  }
  lbfgs_parameter_t parameters;
  lbfgs_parameter_init(&parameters);
  parameters.m = kMemory;
  parameters.epsilon = kTolerance;
  parameters.max_iterations = kMostIterations;
  Objective objective = {problem, columns};
  const int count = static_cast<int>(weights.size());
  // The library asks for memory of its own alignment.
  double* x = lbfgs_malloc(count);
  std::copy(weights.data(), weights.data() + count, x);
  double value = 0.0;
  // Every way to end leaves the best point so far in x: when rounding stops
  // the line search, that is the optimum to rounding.
  lbfgs(count, x, &value, Evaluate, nullptr, &objective, &parameters);
  std::copy(x, x + count, weights.data());
  lbfgs_free(x);
  return value;
}

std::vector<int32_t> PredictLogistic(const Eigen::MatrixXd& rows,
                                     const Eigen::MatrixXd& weights) {
  const Eigen::Index features = rows.cols();
  Eigen::MatrixXd scores = rows * weights.topRows(features);
  scores.rowwise() += weights.row(features);
  std::vector<int32_t> classes(static_cast<size_t>(rows.rows()));
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    Eigen::Index best = 0;
    if (scores.cols() == 1) {
      best = scores(i, 0) > 0.0 ? 1 : 0;
    } else {
      scores.row(i).maxCoeff(&best);
    }
    classes[static_cast<size_t>(i)] = static_cast<int32_t>(best);
  }
  return classes;
}

}  // namespace repscore
