#include "core/analysis/decoding.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/analysis/decoding_rows.h"
#include "core/analysis/logistic_regression.h"
#include "core/backend/host_algebra.h"
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

// Of FitLogisticFolds. At features of unit variance it is scikit-learn's
// default, 1e-4, five times finer.
constexpr double kTolerance = 4e-5;

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

// The start of a fit goes on in the direction of the last two optima, so far in
// shares of their distance.
constexpr double kExtrapolation = 0.8;

// Fits of one label go side by side until they have this many columns: products
// with fewer are slow, and other threads take the other fits.
constexpr int64_t kColumnsTogether = 16;

}  // namespace

/// The fits of one label: of every time bin and fold.
class Decoder::Fits {
 public:
  Fits(std::string label,
       const std::vector<int32_t>& classes,
       const std::vector<int32_t>& folds,
       int64_t rows,
       const DecodingOptions& options)
      : label_(std::move(label)) {
    const size_t conditions = classes.size();
    std::map<int32_t, int64_t> sizes;
    int64_t largest = 0;
    for (const int32_t c : classes) {
      largest = std::max(largest, ++sizes[c]);
    }
    targets_.class_count = static_cast<int32_t>(sizes.size());
    chance_ = static_cast<double>(largest) / static_cast<double>(conditions);
    fold_count_ = 1 + *std::max_element(folds.begin(), folds.end());
    const auto condition_count = static_cast<int64_t>(conditions);
    layout_.c = options.c;
    layout_.bins = options.per_time_bin ? rows / condition_count : 1;
    layout_.bin_rows = rows / layout_.bins;
    for (int64_t i = 0; i < layout_.bin_rows; ++i) {
      const auto condition = static_cast<size_t>(i % condition_count);
      targets_.classes.push_back(classes[condition]);
      targets_.folds.push_back(folds[condition]);
    }
    const auto bins = static_cast<size_t>(layout_.bins);
    solutions_.assign(bins, Eigen::MatrixXd::Zero(0, Columns()));
    starts_ = solutions_;
    weights_.resize(bins);
    const int64_t k = WeightColumns(targets_.class_count);
    folds_together_ =
        std::min<int64_t>(fold_count_, (kColumnsTogether + k - 1) / k);
  }

  const std::string& label() const { return label_; }
  const BinLayout& layout() const { return layout_; }

  /// Of every bin.
  int64_t group_count() const {
    return (fold_count_ + folds_together_ - 1) / folds_together_;
  }

  /// Call before FitGroup of the bin.
  void StartBin(const BinRows& rows, int64_t bin) {
    const auto b = static_cast<size_t>(bin);
    weights_[b] = rows.ToWeights(starts_[b]);
  }

  /// Thread-safe for different groups.
  void FitGroup(const BinRows& rows, int64_t bin, int64_t group) {
    const int64_t k = WeightColumns(targets_.class_count);
    const int64_t first = group * folds_together_;
    const int64_t count = std::min(folds_together_, fold_count_ - first);
    auto columns =
        weights_[static_cast<size_t>(bin)].middleCols(first * k, count * k);
    Eigen::MatrixXd weights = columns;
    FitLogisticFolds(rows.whitened(),
                     targets_,
                     static_cast<int32_t>(first),
                     kTolerance,
                     weights);
    columns = weights;
  }

  /// Call after FitGroup of every group. Returns the accuracy.
  double FinishBin(const BinRows& rows, int64_t bin) {
    const auto b = static_cast<size_t>(bin);
    Eigen::MatrixXd& last = solutions_[b];
    const Eigen::MatrixXd solution = rows.ToSolution(weights_[b]);
    starts_[b] = solution;
    if (last.rows() == solution.rows()) {
      starts_[b] += kExtrapolation * (solution - last);
    }
    last = solution;
    return Accuracy(rows.rows(), weights_[b]);
  }

  DecodingResult Result(std::vector<double> bins) const {
    DecodingResult result;
    result.label = label_;
    result.classes = targets_.class_count;
    result.chance = chance_;
    for (const double accuracy : bins) {
      result.accuracy += accuracy / static_cast<double>(bins.size());
    }
    result.bins = std::move(bins);
    return result;
  }

  std::vector<double> State() const {
    std::vector<double> state;
    if (solutions_.front().size() == 0) {
      return state;
    }
    state.push_back(static_cast<double>(solutions_.front().rows()));
    for (const auto* kept : {&solutions_, &starts_}) {
      for (const Eigen::MatrixXd& bin : *kept) {
        state.insert(state.end(), bin.data(), bin.data() + bin.size());
      }
    }
    return state;
  }

  absl::Status SetState(absl::Span<const double> state) {
    const auto damaged = [] {
      return absl::DataLossError("decoder: the state is of another decoder");
    };
    if (state.empty()) {
      solutions_.assign(solutions_.size(), Eigen::MatrixXd::Zero(0, Columns()));
      starts_ = solutions_;
      return absl::OkStatus();
    }
    const auto most = static_cast<double>(state.size());
    if (!(state[0] >= 1.0 && state[0] <= most)) {
      return damaged();
    }
    const auto rows = static_cast<Eigen::Index>(state[0]);
    const auto size = static_cast<size_t>(rows * Columns());
    if (state.size() != 1 + 2 * size * solutions_.size()) {
      return damaged();
    }
    const double* next = state.data() + 1;
    for (auto* kept : {&solutions_, &starts_}) {
      for (Eigen::MatrixXd& bin : *kept) {
        bin = Eigen::Map<const Eigen::MatrixXd>(next, rows, Columns());
        next += size;
      }
    }
    return absl::OkStatus();
  }

 private:
  Eigen::Index Columns() const {
    return WeightColumns(targets_.class_count) * fold_count_;
  }

  /// Mean over folds of the share of left-out rows that are told right.
  double Accuracy(const Eigen::MatrixXd& rows,
                  const Eigen::MatrixXd& weights) const {
    const Eigen::Index k = WeightColumns(targets_.class_count);
    Eigen::MatrixXd scores = rows * weights.topRows(rows.cols());
    scores.rowwise() += weights.row(rows.cols());
    double accuracy = 0.0;
    for (int32_t fold = 0; fold < fold_count_; ++fold) {
      const std::vector<int32_t> predicted =
          MostLikelyClasses(scores.middleCols(fold * k, k));
      double right = 0.0;
      double all = 0.0;
      for (size_t i = 0; i < predicted.size(); ++i) {
        if (targets_.folds[i] == fold) {
          all += 1.0;
          right += predicted[i] == targets_.classes[i] ? 1.0 : 0.0;
        }
      }
      accuracy += right / all;
    }
    return accuracy / fold_count_;
  }

  const std::string label_;
  BinLayout layout_;
  int32_t fold_count_ = 0;
  int64_t folds_together_ = 1;
  double chance_ = 0.0;
  /// Of every row of a bin.
  LogisticTargets targets_;
  /// The last optima of every bin; without rows before the first fit.
  std::vector<Eigen::MatrixXd> solutions_;
  /// Where the next fits of every bin start.
  std::vector<Eigen::MatrixXd> starts_;
  /// Of the fits at work.
  std::vector<Eigen::MatrixXd> weights_;
};

namespace {

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
  return std::unique_ptr<Decoder>(new Decoder(
      std::make_unique<Fits>(label, classes, folds, dataset.rows(), options)));
}

Decoder::Decoder(std::unique_ptr<Fits> fits) : fits_(std::move(fits)) {}

Decoder::~Decoder() = default;

const std::string& Decoder::label() const {
  return fits_->label();
}

std::vector<double> Decoder::State() const {
  return fits_->State();
}

absl::Status Decoder::SetState(absl::Span<const double> state) {
  return fits_->SetState(state);
}

absl::StatusOr<DecodingResult> Decoder::Decode(absl::Span<const double> rows,
                                               int64_t features) {
  REPSCORE_ASSIGN_OR_RETURN(std::vector<DecodingResult> results,
                            DecodeTogether({this}, rows, features, 1));
  return std::move(results.front());
}

absl::StatusOr<std::vector<DecodingResult>> DecodeTogether(
    absl::Span<Decoder* const> decoders,
    absl::Span<const double> rows,
    int64_t features,
    int threads) {
  if (decoders.empty()) {
    return std::vector<DecodingResult>();
  }
  const BinLayout layout = decoders.front()->fits_->layout();
  REPSCORE_RETURN_IF_ERROR(CheckRows(layout, rows, features));
  struct Work {
    Decoder::Fits* fits;
    int64_t bin;
    int64_t group;
  };
  std::vector<Work> bins;
  std::vector<Work> groups;
  for (Decoder* decoder : decoders) {
    Decoder::Fits* fits = decoder->fits_.get();
    if (!(fits->layout() == layout)) {
      return absl::InternalError(
          "decoders: they are of different datasets or options");
    }
    for (int64_t bin = 0; bin < layout.bins; ++bin) {
      bins.push_back({fits, bin, 0});
      for (int64_t group = 0; group < fits->group_count(); ++group) {
        groups.push_back({fits, bin, group});
      }
    }
  }
  // Products in one thread: their last bits do not depend on who is idle.
  const SingleThreaded one_each;
  const auto made = MakeBins(layout, rows, features, threads);
  const auto rows_of = [&made](const Work& work) -> const BinRows& {
    return *made[static_cast<size_t>(work.bin)];
  };
  for (const Work& work : bins) {
    work.fits->StartBin(rows_of(work), work.bin);
  }
  const auto count = static_cast<int64_t>(groups.size());
  ForEach(count, threads, [&](int64_t i) {
    const Work& work = groups[static_cast<size_t>(i)];
    work.fits->FitGroup(rows_of(work), work.bin, work.group);
  });
  std::vector<double> accuracies(bins.size());
  ForEach(static_cast<int64_t>(bins.size()), threads, [&](int64_t i) {
    const Work& work = bins[static_cast<size_t>(i)];
    accuracies[static_cast<size_t>(i)] =
        work.fits->FinishBin(rows_of(work), work.bin);
  });
  std::vector<DecodingResult> results;
  auto next = accuracies.begin();
  for (const Decoder* decoder : decoders) {
    results.push_back(decoder->fits_->Result({next, next + layout.bins}));
    next += layout.bins;
  }
  return results;
}

}  // namespace repscore
