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

/// Rows with the coordinates in which every penalised loss of theirs has a
/// Hessian near to the identity:
///   V = L'W, LL' = c X'X / 4 + I (the Hessian at probabilities of one half),
/// with intercepts scaled alike.
class WhitenedRows {
 public:
  WhitenedRows(const Eigen::MatrixXd& rows, double c);

  double c() const { return c_; }
  Eigen::Index features() const { return penalty_.rows(); }
  /// X L'^-1 and the column of the intercept [n x (r + 1)].
  const Eigen::MatrixXd& rows() const { return rows_; }
  /// |W|^2 = tr V'(penalty)V.
  const Eigen::MatrixXd& penalty() const { return penalty_; }
  /// Both in float32.
  const Eigen::MatrixXf& single_rows() const { return single_rows_; }
  const Eigen::MatrixXf& single_penalty() const { return single_penalty_; }
  /// V of weights W with their intercepts in the last row, and back.
  Eigen::MatrixXd Whiten(const Eigen::MatrixXd& weights) const;
  Eigen::MatrixXd Unwhiten(const Eigen::MatrixXd& whitened) const;

 private:
  double c_;
  Eigen::LLT<Eigen::MatrixXd> factor_;
  double intercept_scale_;
  Eigen::MatrixXd rows_;
  Eigen::MatrixXd penalty_;
  Eigen::MatrixXf single_rows_;
  Eigen::MatrixXf single_penalty_;
};

/// Classes of rows, and the fold of each.
struct LogisticTargets {
  /// 0 .. classes - 1
  std::vector<int32_t> classes;
  int32_t class_count = 2;
  std::vector<int32_t> folds;
};

/// Minimises c sum_i loss_i + |w|^2 / 2 until no entry of the gradient, with
/// the rows whitened (c X'X / 4 + I to I), is above `tolerance` sqrt(c n):
/// whatever the scale of the features, about the correlation of a column with
/// what is left to explain. `weights` [(r + 1) x k], last row the intercepts,
/// holds the start and becomes the solution; zeros when its size does not fit.
/// Returns the objective.
double FitLogistic(const LogisticProblem& problem,
                   Eigen::MatrixXd& weights,
                   double tolerance = 1e-10);

/// One fit per fold from `first_fold` on, each without the rows of its own
/// fold: the fit of fold f trains on the rows i with folds[i] != f. `weights`
/// [(r + 1) x k fits] holds the starts and becomes the solutions, k columns per
/// fit. The fits go side by side, so that they share products, which are in
/// float32: tolerances below 1e-5 are not reached.
void FitLogisticFolds(const WhitenedRows& rows,
                      const LogisticTargets& targets,
                      int32_t first_fold,
                      double tolerance,
                      Eigen::MatrixXd& weights);

/// The most likely class of every row of scores [m x k]; ties to the smaller
/// class.
std::vector<int32_t> MostLikelyClasses(
    const Eigen::Ref<const Eigen::MatrixXd>& scores);

/// Of every row [m x r].
std::vector<int32_t> PredictLogistic(const Eigen::MatrixXd& rows,
                                     const Eigen::MatrixXd& weights);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_LOGISTIC_REGRESSION_H_
