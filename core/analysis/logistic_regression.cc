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
  MatrixXd weights;
  MatrixXd gradient;
  MatrixXd direction;
  /// The gradient after the preconditioner.
  MatrixXd scaled_gradient;
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

/// Fits of the same rows, side by side: L-BFGS whose first Hessian is that of
/// the penalised loss at probabilities of one half, (c X'X / 4 + I) for the
/// weights, scaled by curvature. Every product takes all fits at once.
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
        tolerance_(tolerance * problem.c *
                   static_cast<double>(problem.rows.rows())),
        all_(weights) {
    MatrixXd hessian =
        0.25 * problem.c * problem.rows.transpose() * problem.rows;
    hessian.diagonal().array() += 1.0;
    factor_.compute(hessian);
    intercept_scale_ =
        0.25 * problem.c * static_cast<double>(problem.rows.rows());
    searches_.resize(static_cast<size_t>(fold_count));
    for (int32_t f = 0; f < fold_count; ++f) {
      searches_[static_cast<size_t>(f)].weights = Block(all_, f);
    }
  }

  void Run() {
    EvaluateAll();
    for (size_t f = 0; f < searches_.size(); ++f) {
      Search& search = searches_[f];
      search.value = values_[f];
      search.gradient = Block(gradients_, static_cast<int32_t>(f));
    }
    for (int i = 0; i < kMostIterations && Aim(); ++i) {
      EvaluateAll();
      for (size_t f = 0; f < searches_.size(); ++f) {
        if (!searches_[f].done) {
          Judge(searches_[f], static_cast<int32_t>(f));
        }
      }
    }
    for (size_t f = 0; f < searches_.size(); ++f) {
      Block(all_, static_cast<int32_t>(f)) = searches_[f].weights;
    }
  }

  double value(size_t fit) const { return searches_[fit].value; }

 private:
  /// Columns of one fit.
  Eigen::Block<MatrixXd, Eigen::Dynamic, Eigen::Dynamic, true> Block(
      MatrixXd& all, int32_t fit) const {
    return all.middleCols(fit * columns_, columns_);
  }

  /// Values and gradients at all_.
  void EvaluateAll() {
    scores_.noalias() = problem_.rows * all_.topRows(features_);
    scores_.rowwise() += all_.row(features_);
    values_.resize(searches_.size());
    for (size_t f = 0; f < searches_.size(); ++f) {
      const auto fit = static_cast<int32_t>(f);
      const double loss =
          columns_ == 1
              ? BinaryLoss(problem_.targets, folds_, fit, Block(scores_, fit))
              : SoftmaxLoss(problem_.targets, folds_, fit, Block(scores_, fit));
      values_[f] = problem_.c * loss +
                   0.5 * Block(all_, fit).topRows(features_).squaredNorm();
    }
    gradients_.resize(all_.rows(), all_.cols());
    gradients_.topRows(features_).noalias() =
        problem_.c * (problem_.rows.transpose() * scores_);
    gradients_.topRows(features_) += all_.topRows(features_);
    gradients_.row(features_) = problem_.c * scores_.colwise().sum();
  }

  /// Puts the next trial of every fit into all_; false when all are done.
  bool Aim() {
    Precondition();
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
      auto block = Block(all_, static_cast<int32_t>(f));
      block = search.weights;
      if (!search.done) {
        block += search.step * search.direction;
      }
    }
    return any;
  }

  /// P^-1 q, q the gradients after the first loop of the two-loop recursion.
  void Precondition() {
    MatrixXd stacked(all_.rows(), all_.cols());
    for (size_t f = 0; f < searches_.size(); ++f) {
      Search& search = searches_[f];
      auto block = Block(stacked, static_cast<int32_t>(f));
      if (search.done || search.halvings > 0) {
        block.setZero();
        continue;
      }
      MatrixXd q = search.gradient;
      alphas_.resize(searches_.size());
      alphas_[f].assign(search.pairs.size(), 0.0);
      for (size_t i = search.pairs.size(); i-- > 0;) {
        const Search::Pair& pair = search.pairs[i];
        alphas_[f][i] = Dot(pair.step, q) / pair.curvature;
        q -= alphas_[f][i] * pair.change;
      }
      block = q;
    }
    MatrixXd top = stacked.topRows(features_);
    factor_.solveInPlace(top);
    stacked.topRows(features_) = top;
    stacked.row(features_) /= intercept_scale_;
    for (size_t f = 0; f < searches_.size(); ++f) {
      searches_[f].scaled_gradient = Block(stacked, static_cast<int32_t>(f));
    }
  }

  void SetDirection(Search& search) {
    const auto f = static_cast<size_t>(&search - searches_.data());
    MatrixXd r = search.scaled_gradient;
    if (!search.pairs.empty()) {
      r *= scale_of_last(search);
    }
    for (size_t i = 0; i < search.pairs.size(); ++i) {
      const Search::Pair& pair = search.pairs[i];
      const double beta = Dot(pair.change, r) / pair.curvature;
      r += (alphas_[f][i] - beta) * pair.step;
    }
    search.direction = -r;
    search.slope = Dot(search.gradient, search.direction);
    search.step = 1.0;
  }

  /// s'y / y'P^-1 y of the latest pair.
  double scale_of_last(const Search& search) const {
    const Search::Pair& pair = search.pairs.back();
    MatrixXd change = pair.change;
    MatrixXd top = change.topRows(features_);
    factor_.solveInPlace(top);
    const double scaled =
        Dot(top, change.topRows(features_)) +
        change.row(features_).squaredNorm() / intercept_scale_;
    return pair.curvature / scaled;
  }

  /// Takes the trial or halves its step.
  void Judge(Search& search, int32_t fit) {
    const double value = values_[static_cast<size_t>(fit)];
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
    search.weights = Block(all_, fit);
    search.gradient = Block(gradients_, fit);
    search.done =
        search.value - value <= rounding && -search.slope <= std::abs(rounding);
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
  MatrixXd& all_;
  Eigen::LLT<MatrixXd> factor_;
  double intercept_scale_ = 1.0;
  std::vector<Search> searches_;
  std::vector<std::vector<double>> alphas_;
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
