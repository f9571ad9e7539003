#include "core/analysis/decoding.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "core/analysis/logistic_regression.h"
#include "core/backend/host_algebra.h"
#include "core/base/first_exception.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

// Philox stream of the shuffles, apart from those of fold rules and starts.
constexpr uint64_t kShuffleStream = 0x6465636f;  // "deco"

const NamedValues* FindLabel(const Dataset& dataset, const std::string& name) {
  for (const NamedValues& label : dataset.description.labels) {
    if (label.name == name) {
      return &label;
    }
  }
  return nullptr;
}

absl::StatusOr<const NamedValues*> RequireLabel(const Dataset& dataset,
                                                const std::string& name,
                                                std::string_view field) {
  const NamedValues* label = FindLabel(dataset, name);
  if (label != nullptr) {
    return label;
  }
  std::string known;
  for (const NamedValues& candidate : dataset.description.labels) {
    known += StrCat(known.empty() ? "" : ", ", candidate.name);
  }
  return absl::InvalidArgumentError(
      StrCat(field,
             ": ",
             dataset.name,
             " has no label \"",
             name,
             known.empty() ? "\"; it has none" : StrCat("\"; it has ", known)));
}

/// Classes in the order of their names.
std::vector<int32_t> Classes(const std::vector<std::string>& values,
                             std::vector<std::string>& names) {
  names = values;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<int32_t> classes;
  for (const std::string& value : values) {
    const auto at = std::lower_bound(names.begin(), names.end(), value);
    classes.push_back(static_cast<int32_t>(at - names.begin()));
  }
  return classes;
}

/// Fold of every condition: the shuffled members of every class are dealt in
/// turn, each class going on where the last one stopped.
absl::StatusOr<std::vector<int32_t>> StratifiedFolds(
    const std::vector<int32_t>& classes,
    const std::vector<std::string>& names,
    const DecodingOptions& options) {
  std::vector<int32_t> folds(classes.size());
  int64_t next = 0;
  for (size_t c = 0; c < names.size(); ++c) {
    std::vector<size_t> members;
    for (size_t i = 0; i < classes.size(); ++i) {
      if (classes[i] == static_cast<int32_t>(c)) {
        members.push_back(i);
      }
    }
    if (static_cast<int64_t>(members.size()) < options.folds) {
      return absl::InvalidArgumentError(StrCat("folds: class \"",
                                               names[c],
                                               "\" has ",
                                               members.size(),
                                               " conditions, fewer than the ",
                                               options.folds,
                                               " folds"));
    }
    const std::vector<int64_t> order =
        Philox(options.seed, kShuffleStream + c)
            .Permutation(static_cast<int64_t>(members.size()));
    for (const int64_t i : order) {
      folds[members[static_cast<size_t>(i)]] =
          static_cast<int32_t>(next++ % options.folds);
    }
  }
  return folds;
}

/// Singular directions below this share of the largest are rounding.
constexpr double kRankFloor = 1e-10;
// Of FitLogisticFolds. At features of unit variance it is scikit-learn's
// default, 1e-4, five times finer.
constexpr double kTolerance = 4e-5;

using RowMajor =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Threads of library calls by this thread: one, until the end of the scope.
class SingleThreaded {
 public:
  SingleThreaded() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SingleThreaded() { omp_set_num_threads(before_); }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  const int before_;
};

/// The decoders of one time bin, one per fold.
struct Bin {
  /// Last solutions, one column or one per class and fold, with the intercepts
  /// in the last row: weights [(p + 1) x k folds] where p <= rows, else scores
  /// [(rows + 1) x k folds].
  Eigen::MatrixXd solution;
  double accuracy = 0.0;
};

class LabelDecoder final : public Decoder {
 public:
  LabelDecoder(std::string label,
               const std::vector<int32_t>& classes,
               const std::vector<int32_t>& folds,
               int64_t rows,
               const DecodingOptions& options)
      : label_(std::move(label)), rows_(rows), c_(options.c) {
    const size_t conditions = classes.size();
    std::map<int32_t, int64_t> sizes;
    int64_t largest = 0;
    for (const int32_t c : classes) {
      largest = std::max(largest, ++sizes[c]);
    }
    class_count_ = static_cast<int32_t>(sizes.size());
    chance_ = static_cast<double>(largest) / static_cast<double>(conditions);
    fold_count_ = 1 + *std::max_element(folds.begin(), folds.end());
    bins_.resize(options.per_time_bin ? static_cast<size_t>(rows_) / conditions
                                      : 1);
    const size_t bin_rows = static_cast<size_t>(rows_) / bins_.size();
    for (size_t i = 0; i < bin_rows; ++i) {
      targets_.push_back(classes[i % conditions]);
      folds_.push_back(folds[i % conditions]);
    }
  }

  const std::string& label() const override { return label_; }
  void SetThreads(int threads) override { threads_ = std::max(1, threads); }

  absl::StatusOr<DecodingResult> Decode(absl::Span<const double> rows,
                                        int64_t features) override {
    REPSCORE_RETURN_IF_ERROR(CheckRows(rows, features));
    const auto count = static_cast<int64_t>(bins_.size());
    const auto bin_rows = static_cast<int64_t>(targets_.size());
    const SingleThreaded one_each;
    FirstException thrown;
#pragma omp parallel for schedule(dynamic) num_threads(threads_) if (count > 1)
    for (int64_t bin = 0; bin < count; ++bin) {
      thrown.Catch([&] {
        const Eigen::Map<const RowMajor> block(
            rows.data() + bin * bin_rows * features, bin_rows, features);
        DecodeBin(block, bins_[static_cast<size_t>(bin)]);
      });
    }
    thrown.Rethrow();
    DecodingResult result;
    result.label = label_;
    result.classes = class_count_;
    result.chance = chance_;
    for (const Bin& bin : bins_) {
      result.bins.push_back(bin.accuracy);
      result.accuracy += bin.accuracy / static_cast<double>(count);
    }
    return result;
  }

  std::vector<double> State() const override {
    std::vector<double> state;
    if (bins_.front().solution.size() == 0) {
      return state;
    }
    state.push_back(static_cast<double>(bins_.front().solution.rows()));
    for (const Bin& bin : bins_) {
      state.insert(state.end(),
                   bin.solution.data(),
                   bin.solution.data() + bin.solution.size());
    }
    return state;
  }

  absl::Status SetState(absl::Span<const double> state) override {
    const auto damaged = [] {
      return absl::DataLossError("decoder: the state is of another decoder");
    };
    if (state.empty()) {
      for (Bin& bin : bins_) {
        bin.solution.resize(0, 0);
      }
      return absl::OkStatus();
    }
    const Eigen::Index columns = Columns();
    const auto most = static_cast<double>(state.size());
    if (!(state[0] >= 1.0 && state[0] <= most)) {
      return damaged();
    }
    const auto rows = static_cast<Eigen::Index>(state[0]);
    const auto size = static_cast<size_t>(rows * columns);
    if (state.size() != 1 + size * bins_.size()) {
      return damaged();
    }
    for (size_t bin = 0; bin < bins_.size(); ++bin) {
      bins_[bin].solution = Eigen::Map<const Eigen::MatrixXd>(
          state.data() + 1 + bin * size, rows, columns);
    }
    return absl::OkStatus();
  }

 private:
  Eigen::Index Columns() const {
    return WeightColumns(class_count_) * fold_count_;
  }

  absl::Status CheckRows(absl::Span<const double> rows,
                         int64_t features) const {
    if (static_cast<int64_t>(rows.size()) != rows_ * features) {
      return absl::InvalidArgumentError(StrCat("rows: has ",
                                               rows.size(),
                                               " elements, ",
                                               rows_,
                                               " x ",
                                               features,
                                               " are needed"));
    }
    if (FirstNonFinite(rows) >= 0) {
      return absl::InvalidArgumentError("rows: an entry is not finite");
    }
    return absl::OkStatus();
  }

  void DecodeBin(const Eigen::Map<const RowMajor>& block, Bin& bin) const {
    LogisticProblem problem;
    problem.targets = targets_;
    problem.classes = class_count_;
    problem.c = c_;
    // The intercept has no penalty: centring changes no prediction.
    problem.rows = block.rowwise() - block.colwise().mean();
    if (problem.rows.cols() <= problem.rows.rows()) {
      FitLogisticFolds(problem, folds_, fold_count_, kTolerance, bin.solution);
      bin.accuracy = Accuracy(problem.rows, bin.solution);
      return;
    }
    // Solutions are combinations of rows, and the penalty does not see turns:
    // X = U S V' is as good as U S.
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> kernel(
        problem.rows * problem.rows.transpose());
    const Eigen::VectorXd values = kernel.eigenvalues().cwiseMax(0.0);
    const double floor = kRankFloor * values(values.size() - 1);
    const Eigen::Index rank =
        std::max<Eigen::Index>(1, (values.array() > floor).count());
    const Eigen::MatrixXd u = kernel.eigenvectors().rightCols(rank);
    const Eigen::VectorXd s = values.tail(rank).cwiseSqrt().cwiseMax(
        std::numeric_limits<double>::min());
    problem.rows = u * s.asDiagonal();
    const Eigen::Index n = problem.rows.rows();
    Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(rank + 1, Columns());
    if (bin.solution.rows() == n + 1) {
      weights.topRows(rank) = s.cwiseInverse().asDiagonal() *
                              (u.transpose() * bin.solution.topRows(n));
      weights.row(rank) = bin.solution.row(n);
    }
    FitLogisticFolds(problem, folds_, fold_count_, kTolerance, weights);
    bin.solution.resize(n + 1, Columns());
    bin.solution.topRows(n) = problem.rows * weights.topRows(rank);
    bin.solution.row(n) = weights.row(rank);
    bin.accuracy = Accuracy(problem.rows, weights);
  }

  /// Mean over folds of the share of left-out rows that are told right.
  double Accuracy(const Eigen::MatrixXd& rows,
                  const Eigen::MatrixXd& weights) const {
    const Eigen::Index k = WeightColumns(class_count_);
    double accuracy = 0.0;
    for (int32_t fold = 0; fold < fold_count_; ++fold) {
      const std::vector<int32_t> predicted =
          PredictLogistic(rows, weights.middleCols(fold * k, k));
      double right = 0.0;
      double all = 0.0;
      for (size_t i = 0; i < predicted.size(); ++i) {
        if (folds_[i] == fold) {
          all += 1.0;
          right += predicted[i] == targets_[i] ? 1.0 : 0.0;
        }
      }
      accuracy += right / all;
    }
    return accuracy / fold_count_;
  }

  const std::string label_;
  const int64_t rows_;
  const double c_;
  int threads_ = 1;
  int32_t class_count_ = 0;
  int32_t fold_count_ = 0;
  double chance_ = 0.0;
  /// Class and fold of every row of a bin.
  std::vector<int32_t> targets_;
  std::vector<int32_t> folds_;
  std::vector<Bin> bins_;
};

/// Every training set must hold every class.
absl::Status CheckTraining(const std::vector<int32_t>& classes,
                           const std::vector<std::string>& names,
                           const std::vector<int32_t>& folds,
                           const std::vector<std::string>& fold_names) {
  for (size_t f = 0; f < fold_names.size(); ++f) {
    std::vector<bool> seen(names.size(), false);
    for (size_t i = 0; i < classes.size(); ++i) {
      if (folds[i] != static_cast<int32_t>(f)) {
        seen[static_cast<size_t>(classes[i])] = true;
      }
    }
    const auto missing = std::find(seen.begin(), seen.end(), false);
    if (missing != seen.end()) {
      return absl::InvalidArgumentError(
          StrCat("folds_of: leaving out \"",
                 fold_names[f],
                 "\" leaves no condition of class \"",
                 names[static_cast<size_t>(missing - seen.begin())],
                 "\" to train on"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Create(
    const Dataset& dataset,
    const std::string& label,
    const DecodingOptions& options) {
  if (!(options.c > 0.0) || !std::isfinite(options.c)) {
    return absl::InvalidArgumentError(
        StrCat("c: ", options.c, " is no positive number"));
  }
  REPSCORE_ASSIGN_OR_RETURN(const NamedValues* values,
                            RequireLabel(dataset, label, "label"));
  std::vector<std::string> names;
  const std::vector<int32_t> classes = Classes(values->values, names);
  if (names.size() < 2) {
    return absl::InvalidArgumentError(
        StrCat("label: \"", label, "\" has a single class"));
  }
  std::vector<int32_t> folds;
  if (options.folds_of.empty()) {
    if (options.folds < 2) {
      return absl::InvalidArgumentError(
          StrCat("folds: ", options.folds, " is less than 2"));
    }
    REPSCORE_ASSIGN_OR_RETURN(folds, StratifiedFolds(classes, names, options));
  } else {
    REPSCORE_ASSIGN_OR_RETURN(
        const NamedValues* other,
        RequireLabel(dataset, options.folds_of, "folds_of"));
    std::vector<std::string> fold_names;
    folds = Classes(other->values, fold_names);
    if (fold_names.size() < 2) {
      return absl::InvalidArgumentError(
          StrCat("folds_of: \"", options.folds_of, "\" has a single class"));
    }
    REPSCORE_RETURN_IF_ERROR(CheckTraining(classes, names, folds, fold_names));
  }
  return std::unique_ptr<Decoder>(std::make_unique<LabelDecoder>(
      label, classes, folds, dataset.rows(), options));
}

}  // namespace repscore
