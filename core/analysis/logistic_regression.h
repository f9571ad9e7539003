// L2-penalised logistic regression: binary by one weight vector, more classes
// by softmax, the intercept without penalty (scikit-learn's convention).
//
// Pure functions; thread-safe.
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

/// Columns of weights of one fit: 1 for two classes, else one per class.
inline Eigen::Index WeightColumns(int32_t classes) {
  return classes == 2 ? 1 : classes;
}

/// Minimises c sum_i loss_i + |w|^2 / 2 until no entry of the gradient, with
/// the rows whitened (c X'X / 4 + I to I), is above `tolerance` sqrt(c n):
/// whatever the scale of the features, about the correlation of a column with
/// what is left to explain. `weights` [(r + 1) x k], last row the intercepts,
/// holds the start and becomes the solution; zeros when its size does not fit.
/// Returns the objective.
double FitLogistic(const LogisticProblem& problem,
                   Eigen::MatrixXd& weights,
                   double tolerance = 1e-10);

/// One fit per fold, each without the rows of its own fold: fit f trains on the
/// rows i with folds[i] != f and has the columns f k .. (f + 1) k of `weights`
/// [(r + 1) x folds k]. All fits go side by side, so that they share products.
void FitLogisticFolds(const LogisticProblem& problem,
                      const std::vector<int32_t>& folds,
                      int32_t fold_count,
                      double tolerance,
                      Eigen::MatrixXd& weights);

/// The most likely class of every row [m x r]; ties to the smaller class.
std::vector<int32_t> PredictLogistic(const Eigen::MatrixXd& rows,
                                     const Eigen::MatrixXd& weights);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_LOGISTIC_REGRESSION_H_
