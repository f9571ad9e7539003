#include "core/analysis/logistic_regression.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

namespace repscore {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Corrections that L-BFGS remembers, and its most iterations.
constexpr size_t kMemory = 10;
constexpr int kMostIterations = 2000;
// Sufficient decrease of the line search (Armijo), and its most halvings.
constexpr double kArmijo = 1e-4;
constexpr int kMostHalvings = 30;
// A decrease below this share of the objective is its rounding.
constexpr double kRounding = 1e-14;

/// Residuals of the rows of one fit: scores [n x k] become d loss / d score,
/// zero for rows that are left out. Returns the loss.
double BinaryLoss(const std::vector<int32_t>& targets,
                  const std::vector<int32_t>& folds,
                  int32_t left_out,
                  Eigen::Ref<MatrixXd> scores) {
  double loss = 0.0;
  for (Index i = 0; i < scores.rows(); ++i) {
    if (folds[static_cast<size_t>(i)] == left_out) {
      scores(i, 0) = 0.0;
      continue;
    }
    const double sign = targets[static_cast<size_t>(i)] == 1 ? 1.0 : -1.0;
    const double margin = sign * scores(i, 0);
    const double small = std::exp(-std::abs(margin));
    loss += std::max(-margin, 0.0) + std::log1p(small);
    scores(i, 0) = -sign * (margin > 0.0 ? small : 1.0) / (1.0 + small);
  }
  return loss;
}

double SoftmaxLoss(const std::vector<int32_t>& targets,
                   const std::vector<int32_t>& folds,
                   int32_t left_out,
                   Eigen::Ref<MatrixXd> scores) {
  const VectorXd largest = scores.rowwise().maxCoeff();
  VectorXd own(scores.rows());
  for (Index i = 0; i < scores.rows(); ++i) {
    own(i) = scores(i, targets[static_cast<size_t>(i)]) - largest(i);
  }
  scores.colwise() -= largest;
  scores = scores.array().exp();
  const VectorXd sums = scores.rowwise().sum();
  scores.array().colwise() /= sums.array();
  double loss = 0.0;
  for (Index i = 0; i < scores.rows(); ++i) {
    if (folds[static_cast<size_t>(i)] == left_out) {
      scores.row(i).setZero();
      continue;
    }
    loss += std::log(sums(i)) - own(i);
    scores(i, targets[static_cast<size_t>(i)]) -= 1.0;
  }
  return loss;
}

/// One fit's place in the search.
struct Search {
  double value = 0.0;
  MatrixXd point;
  MatrixXd gradient;
  MatrixXd direction;
  double slope = 0.0;
  double step = 1.0;
  int halvings = 0;
  bool done = false;
  struct Pair {
    MatrixXd step;
    MatrixXd change;
    double curvature = 0.0;
  };
  std::deque<Pair> pairs;
};

double Dot(const MatrixXd& a, const MatrixXd& b) {
  return a.cwiseProduct(b).sum();
}

/// Fits of the same rows, side by side: L-BFGS in coordinates in which the
/// penalised loss has a Hessian near to the identity,
///   V = L'W, LL' = c X'X / 4 + I (the Hessian at probabilities of one half),
/// with intercepts scaled alike. Every product takes all fits at once.
class LockstepFits {
 public:
  LockstepFits(const LogisticProblem& problem,
               const std::vector<int32_t>& folds,
               int32_t fold_count,
               double tolerance,
               MatrixXd& weights)
      : problem_(problem),
        folds_(folds),
        columns_(WeightColumns(problem.classes)),
        features_(problem.rows.cols()),
        tolerance_(tolerance * std::sqrt(problem.c * static_cast<double>(
                                                         problem.rows.rows()))),
        weights_(weights),
        searches_(static_cast<size_t>(fold_count)) {
    MatrixXd hessian =
        0.25 * problem.c * problem.rows.transpose() * problem.rows;
    hessian.diagonal().array() += 1.0;
    factor_.compute(hessian);
    intercept_scale_ =
        std::sqrt(0.25 * problem.c * static_cast<double>(problem.rows.rows()));
    const auto lower = factor_.matrixL();
    MatrixXd whitened = problem.rows.transpose();
    lower.solveInPlace(whitened);
    rows_.resize(problem.rows.rows(), features_ + 1);
    rows_.leftCols(features_) = whitened.transpose();
    rows_.col(features_).setConstant(1.0 / intercept_scale_);
    MatrixXd inverse = MatrixXd::Identity(features_, features_);
    lower.solveInPlace(inverse);
    penalty_.noalias() = inverse * inverse.transpose();
    all_.resize(features_ + 1, weights.cols());
    all_.topRows(features_) = factor_.matrixU() * weights.topRows(features_);
    all_.row(features_) = intercept_scale_ * weights.row(features_);
  }

  void Run() {
    for (size_t f = 0; f < searches_.size(); ++f) {
      searches_[f].point = Block(all_, f);
    }
    EvaluateAll();
    for (size_t f = 0; f < searches_.size(); ++f) {
      searches_[f].value = values_[f];
      searches_[f].gradient = Block(gradients_, f);
    }
    for (int i = 0; i < kMostIterations && Aim(); ++i) {
      EvaluateAll();
      for (size_t f = 0; f < searches_.size(); ++f) {
        if (!searches_[f].done) {
          Judge(searches_[f], f);
        }
      }
    }
    for (size_t f = 0; f < searches_.size(); ++f) {
      Block(all_, f) = searches_[f].point;
    }
    MatrixXd top = all_.topRows(features_);
    factor_.matrixU().solveInPlace(top);
    weights_.topRows(features_) = top;
    weights_.row(features_) = all_.row(features_) / intercept_scale_;
  }

  double value(size_t fit) const { return searches_[fit].value; }

 private:
  /// Columns of one fit.
  Eigen::Block<MatrixXd, Eigen::Dynamic, Eigen::Dynamic, true> Block(
      MatrixXd& all, size_t fit) const {
    return all.middleCols(static_cast<Index>(fit) * columns_, columns_);
  }

  /// Values and gradients at all_.
  void EvaluateAll() {
    scores_.noalias() = rows_ * all_;
    gradients_.resize(all_.rows(), all_.cols());
    gradients_.topRows(features_).noalias() =
        penalty_ * all_.topRows(features_);
    gradients_.row(features_).setZero();
    values_.resize(searches_.size());
    for (size_t f = 0; f < searches_.size(); ++f) {
      const double penalty =
          0.5 * Block(gradients_, f)
                    .topRows(features_)
                    .cwiseProduct(Block(all_, f).topRows(features_))
                    .sum();
      const auto fit = static_cast<int32_t>(f);
      const double loss =
          columns_ == 1
              ? BinaryLoss(problem_.targets, folds_, fit, Block(scores_, f))
              : SoftmaxLoss(problem_.targets, folds_, fit, Block(scores_, f));
      values_[f] = problem_.c * loss + penalty;
    }
    gradients_.noalias() += problem_.c * (rows_.transpose() * scores_);
  }

  /// Puts the next trial of every fit into all_; false when all are done.
  bool Aim() {
    bool any = false;
    for (size_t f = 0; f < searches_.size(); ++f) {
      Search& search = searches_[f];
      if (!search.done && search.halvings == 0) {
        search.done = search.gradient.cwiseAbs().maxCoeff() <= tolerance_;
        if (!search.done) {
          SetDirection(search);
        }
      }
      any = any || !search.done;
      auto block = Block(all_, f);
      block = search.point;
      if (!search.done) {
        block += search.step * search.direction;
      }
    }
    return any;
  }

  /// The two-loop recursion (Nocedal & Wright 2006, algorithm 7.4).
  static void SetDirection(Search& search) {
    std::vector<double> alphas(search.pairs.size());
    MatrixXd& r = search.direction;
    r = -search.gradient;
    for (size_t i = search.pairs.size(); i-- > 0;) {
      const Search::Pair& pair = search.pairs[i];
      alphas[i] = Dot(pair.step, r) / pair.curvature;
      r -= alphas[i] * pair.change;
    }
    if (!search.pairs.empty()) {
      const Search::Pair& last = search.pairs.back();
      r *= last.curvature / last.change.squaredNorm();
    }
    for (size_t i = 0; i < search.pairs.size(); ++i) {
      const Search::Pair& pair = search.pairs[i];
      r += (alphas[i] - Dot(pair.change, r) / pair.curvature) * pair.step;
    }
    search.slope = Dot(search.gradient, r);
    search.step = 1.0;
  }

  /// Takes the trial or halves its step.
  void Judge(Search& search, size_t fit) {
    const double value = values_[fit];
    const double rounding = kRounding * std::abs(search.value);
    if (!(value <=
          search.value + kArmijo * search.step * search.slope + rounding)) {
      search.step *= 0.5;
      // Rounding hides the slope: the point is the optimum to rounding.
      search.done = ++search.halvings > kMostHalvings;
      return;
    }
    search.halvings = 0;
    Search::Pair pair;
    pair.step = search.step * search.direction;
    pair.change = Block(gradients_, fit) - search.gradient;
    pair.curvature = Dot(pair.step, pair.change);
    search.point = Block(all_, fit);
    search.gradient = Block(gradients_, fit);
    search.done = -search.slope <= rounding;
    search.value = value;
    if (pair.curvature > 0.0) {
      search.pairs.push_back(std::move(pair));
      if (search.pairs.size() > kMemory) {
        search.pairs.pop_front();
      }
    }
  }

  const LogisticProblem& problem_;
  const std::vector<int32_t>& folds_;
  const Index columns_;
  const Index features_;
  const double tolerance_;
  MatrixXd& weights_;
  Eigen::LLT<MatrixXd> factor_;
  double intercept_scale_ = 1.0;
  /// X L'^-1 and the column of the intercept.
  MatrixXd rows_;
  /// |W|^2 = tr V'(penalty)V.
  MatrixXd penalty_;
  /// V of all fits.
  MatrixXd all_;
  std::vector<Search> searches_;
  MatrixXd scores_;
  MatrixXd gradients_;
  std::vector<double> values_;
};

}  // namespace

double FitLogistic(const LogisticProblem& problem,
                   MatrixXd& weights,
                   double tolerance) {
  const Index rows = problem.rows.cols() + 1;
  const Index columns = WeightColumns(problem.classes);
  if (weights.rows() != rows || weights.cols() != columns) {
    weights = MatrixXd::Zero(rows, columns);
  }
  const std::vector<int32_t> none(problem.targets.size(), -1);
  LockstepFits fits(problem, none, 1, tolerance, weights);
  fits.Run();
  return fits.value(0);
}

void FitLogisticFolds(const LogisticProblem& problem,
                      const std::vector<int32_t>& folds,
                      int32_t fold_count,
                      double tolerance,
                      MatrixXd& weights) {
  const Index rows = problem.rows.cols() + 1;
  const Index columns = WeightColumns(problem.classes) * fold_count;
  if (weights.rows() != rows || weights.cols() != columns) {
    weights = MatrixXd::Zero(rows, columns);
  }
  LockstepFits(problem, folds, fold_count, tolerance, weights).Run();
}

std::vector<int32_t> PredictLogistic(const MatrixXd& rows,
                                     const MatrixXd& weights) {
  const Index features = rows.cols();
  MatrixXd scores = rows * weights.topRows(features);
  scores.rowwise() += weights.row(features);
  std::vector<int32_t> classes(static_cast<size_t>(rows.rows()));
  for (Index i = 0; i < rows.rows(); ++i) {
    Index best = 0;
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
