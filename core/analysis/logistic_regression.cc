#include "core/analysis/logistic_regression.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

namespace repscore {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::VectorXd;

// Corrections that L-BFGS remembers, and its most iterations.
constexpr size_t kMemory = 10;
constexpr int kMostIterations = 2000;
// Sufficient decrease of the line search (Armijo), and its most halvings.
constexpr double kArmijo = 1e-4;
constexpr int kMostHalvings = 30;
// A decrease below this share of the objective is its rounding: of products in
// float64 and in float32.
constexpr double kRounding = 1e-14;
constexpr double kSingleRounding = 2e-8;

/// Residuals of the rows of one fit: scores [n x k] become d loss / d score,
/// zero for the rows of fold `left_out`. Returns the loss.
double BinaryLoss(const LogisticTargets& targets,
                  int32_t left_out,
                  Eigen::Ref<MatrixXd> scores) {
  VectorXd small = -scores.col(0).cwiseAbs();
  ExpInPlace({small.data(), static_cast<size_t>(small.size())});
  double loss = 0.0;
  for (Index i = 0; i < scores.rows(); ++i) {
    const auto row = static_cast<size_t>(i);
    if (targets.folds[row] == left_out) {
      scores(i, 0) = 0.0;
      continue;
    }
    const double sign = targets.classes[row] == 1 ? 1.0 : -1.0;
    const double margin = sign * scores(i, 0);
    loss += std::max(-margin, 0.0) + std::log1p(small(i));
    scores(i, 0) = -sign * (margin > 0.0 ? small(i) : 1.0) / (1.0 + small(i));
  }
  return loss;
}

double SoftmaxLoss(const LogisticTargets& targets,
                   int32_t left_out,
                   Eigen::Ref<MatrixXd> scores) {
  VectorXd largest = scores.col(0);
  for (Index j = 1; j < scores.cols(); ++j) {
    largest = largest.cwiseMax(scores.col(j));
  }
  VectorXd own(scores.rows());
  for (Index i = 0; i < scores.rows(); ++i) {
    own(i) = scores(i, targets.classes[static_cast<size_t>(i)]) - largest(i);
  }
  VectorXd sums = VectorXd::Zero(scores.rows());
  for (Index j = 0; j < scores.cols(); ++j) {
    scores.col(j) -= largest;
    ExpInPlace({scores.col(j).data(), static_cast<size_t>(scores.rows())});
    sums += scores.col(j);
  }
  const VectorXd inverse = sums.cwiseInverse();
  for (Index j = 0; j < scores.cols(); ++j) {
    scores.col(j).array() *= inverse.array();
  }
  double loss = 0.0;
  for (Index i = 0; i < scores.rows(); ++i) {
    const auto row = static_cast<size_t>(i);
    if (targets.folds[row] == left_out) {
      scores.row(i).setZero();
      continue;
    }
    loss += std::log(sums(i)) - own(i);
    scores(i, targets.classes[row]) -= 1.0;
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

/// Fits of the same rows, side by side, by L-BFGS in whitened coordinates.
/// Every product takes all fits at once.
class LockstepFits {
 public:
  LockstepFits(const WhitenedRows& rows,
               const LogisticTargets& targets,
               int32_t first_fold,
               double tolerance,
               ScalarType products,
               MatrixXd& weights)
      : rows_(rows),
        targets_(targets),
        first_fold_(first_fold),
        in_single_(products == ScalarType::kFloat32),
        columns_(WeightColumns(targets.class_count)),
        features_(rows.features()),
        tolerance_(tolerance * std::sqrt(rows.c() * static_cast<double>(
                                                        rows.rows().rows()))),
        weights_(weights),
        all_(rows.Whiten(weights)),
        searches_(static_cast<size_t>(weights.cols() / columns_)) {}

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
    weights_ = rows_.Unwhiten(all_);
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
    gradients_.resize(all_.rows(), all_.cols());
    if (in_single_) {
      const MatrixXf all = all_.cast<float>();
      single_.noalias() = rows_.single_rows() * all;
      scores_ = single_.cast<double>();
      single_.noalias() = rows_.single_penalty() * all.topRows(features_);
      gradients_.topRows(features_) = single_.cast<double>();
    } else {
      scores_.noalias() = rows_.rows() * all_;
      gradients_.topRows(features_).noalias() =
          rows_.penalty() * all_.topRows(features_);
    }
    gradients_.row(features_).setZero();
    values_.resize(searches_.size());
    for (size_t f = 0; f < searches_.size(); ++f) {
      const double penalty =
          0.5 * Block(gradients_, f)
                    .topRows(features_)
                    .cwiseProduct(Block(all_, f).topRows(features_))
                    .sum();
      const auto fold = first_fold_ + static_cast<int32_t>(f);
      const double loss = columns_ == 1
                              ? BinaryLoss(targets_, fold, Block(scores_, f))
                              : SoftmaxLoss(targets_, fold, Block(scores_, f));
      values_[f] = rows_.c() * loss + penalty;
    }
    if (in_single_) {
      const MatrixXf residuals = scores_.cast<float>();
      single_.noalias() = rows_.single_rows().transpose() * residuals;
      gradients_ += rows_.c() * single_.cast<double>();
    } else {
      gradients_.noalias() += rows_.c() * (rows_.rows().transpose() * scores_);
    }
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
    const double rounding =
        (in_single_ ? kSingleRounding : kRounding) * std::abs(search.value);
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

  const WhitenedRows& rows_;
  const LogisticTargets& targets_;
  const int32_t first_fold_;
  /// Products are in float32.
  const bool in_single_;
  const Index columns_;
  const Index features_;
  const double tolerance_;
  MatrixXd& weights_;
  /// V of all fits.
  MatrixXd all_;
  std::vector<Search> searches_;
  MatrixXd scores_;
  /// The product at hand, in float32.
  MatrixXf single_;
  MatrixXd gradients_;
  std::vector<double> values_;
};

}  // namespace

WhitenedRows::WhitenedRows(const MatrixXd& rows, double c)
    : c_(c),
      intercept_scale_(std::sqrt(0.25 * c * static_cast<double>(rows.rows()))) {
  const Index features = rows.cols();
  MatrixXd hessian = MatrixXd::Identity(features, features);
  hessian.selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose(),
                                                     0.25 * c);
  factor_.compute(hessian);
  // Products with the inverse are several times faster than solving for rows.
  MatrixXd inverse = MatrixXd::Identity(features, features);
  factor_.matrixL().solveInPlace(inverse);
  rows_.resize(rows.rows(), features + 1);
  rows_.leftCols(features).noalias() = rows * inverse.transpose();
  rows_.col(features).setConstant(1.0 / intercept_scale_);
  penalty_.noalias() = inverse * inverse.transpose();
  single_rows_ = rows_.cast<float>();
  single_penalty_ = penalty_.cast<float>();
}

MatrixXd WhitenedRows::Whiten(const MatrixXd& weights) const {
  MatrixXd whitened(weights.rows(), weights.cols());
  whitened.topRows(features()) =
      factor_.matrixU() * weights.topRows(features());
  whitened.row(features()) = intercept_scale_ * weights.row(features());
  return whitened;
}

MatrixXd WhitenedRows::Unwhiten(const MatrixXd& whitened) const {
  MatrixXd top = whitened.topRows(features());
  factor_.matrixU().solveInPlace(top);
  MatrixXd weights(whitened.rows(), whitened.cols());
  weights.topRows(features()) = top;
  weights.row(features()) = whitened.row(features()) / intercept_scale_;
  return weights;
}

double FitLogistic(const LogisticProblem& problem,
                   MatrixXd& weights,
                   double tolerance) {
  const Index rows = problem.rows.cols() + 1;
  const Index columns = WeightColumns(problem.classes);
  if (weights.rows() != rows || weights.cols() != columns) {
    weights = MatrixXd::Zero(rows, columns);
  }
  const WhitenedRows whitened(problem.rows, problem.c);
  // No row is in fold 0.
  const LogisticTargets targets = {
      .classes = problem.targets,
      .class_count = problem.classes,
      .folds = std::vector<int32_t>(problem.targets.size(), -1)};
  LockstepFits fits(
      whitened, targets, 0, tolerance, ScalarType::kFloat64, weights);
  fits.Run();
  return fits.value(0);
}

void FitLogisticFolds(const WhitenedRows& rows,
                      const LogisticTargets& targets,
                      int32_t first_fold,
                      double tolerance,
                      MatrixXd& weights) {
  LockstepFits(
      rows, targets, first_fold, tolerance, ScalarType::kFloat32, weights)
      .Run();
}

std::vector<int32_t> MostLikelyClasses(
    const Eigen::Ref<const MatrixXd>& scores) {
  std::vector<int32_t> classes(static_cast<size_t>(scores.rows()));
  for (Index i = 0; i < scores.rows(); ++i) {
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

std::vector<int32_t> PredictLogistic(const MatrixXd& rows,
                                     const MatrixXd& weights) {
  MatrixXd scores = rows * weights.topRows(rows.cols());
  scores.rowwise() += weights.row(rows.cols());
  return MostLikelyClasses(scores);
}

}  // namespace repscore
