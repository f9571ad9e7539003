// L2-penalised logistic regression: binary by one weight vector, more classes
// by softmax, the intercept without penalty (scikit-learn's convention).
#ifndef REPSCORE_CORE_ANALYSIS_LOGISTIC_REGRESSION_H_
#define REPSCORE_CORE_ANALYSIS_LOGISTIC_REGRESSION_H_

#include <cstdint>
#include <vector>

#include "core/backend/host_algebra.h"

namespace repscore {

struct LogisticProblem {
  /// [n x r]
  Eigen::MatrixXd rows;
  /// Class of every row, 0 .. classes - 1.
  std::vector<int32_t> targets;
  int32_t classes = 2;
  double c = 1.0;
};

/// Minimises c sum_i loss_i + |w|^2 / 2 by L-BFGS until the gradient is below
/// 1e-6 of its scale. `weights` [(r + 1) x k], k = 1 for two classes and
/// `classes` else, last row the intercepts, holds the start and becomes the
/// solution; zeros when its size does not fit. Returns the objective.
double FitLogistic(const LogisticProblem& problem, Eigen::MatrixXd& weights);

/// The most likely class of every row [m x r]; ties to the smaller class.
std::vector<int32_t> PredictLogistic(const Eigen::MatrixXd& rows,
                                     const Eigen::MatrixXd& weights);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_LOGISTIC_REGRESSION_H_
