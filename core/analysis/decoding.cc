#include "core/analysis/decoding.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

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

/// One decoder of one fold: rows to fit, rows to judge, its last solution.
struct Fit {
  std::vector<int64_t> train;
  std::vector<int64_t> test;
  Eigen::MatrixXd weights;
};

class LabelDecoder final : public Decoder {
 public:
  LabelDecoder(std::string label,
               std::vector<int32_t> classes,
               std::vector<int32_t> folds,
               int64_t rows,
               const DecodingOptions& options)
      : label_(std::move(label)),
        classes_(std::move(classes)),
        folds_(std::move(folds)),
        rows_(rows),
        options_(options) {
    const auto conditions = static_cast<int64_t>(classes_.size());
    std::map<int32_t, int64_t> sizes;
    for (const int32_t c : classes_) {
      largest_ = std::max(largest_, ++sizes[c]);
    }
    class_count_ = static_cast<int32_t>(sizes.size());
    const int64_t bins = options_.per_time_bin ? rows_ / conditions : 1;
    const int64_t bin_rows = rows_ / bins;
    const int32_t fold_count =
        1 + *std::max_element(folds_.begin(), folds_.end());
    fits_.resize(static_cast<size_t>(bins));
    for (int64_t bin = 0; bin < bins; ++bin) {
      auto& fits = fits_[static_cast<size_t>(bin)];
      fits.resize(static_cast<size_t>(fold_count));
      for (int64_t i = 0; i < bin_rows; ++i) {
        const int32_t fold = folds_[static_cast<size_t>(i % conditions)];
        for (int32_t f = 0; f < fold_count; ++f) {
          Fit& fit = fits[static_cast<size_t>(f)];
          (fold == f ? fit.test : fit.train).push_back(i);
        }
      }
    }
  }

  const std::string& label() const override { return label_; }

  absl::StatusOr<DecodingResult> Decode(absl::Span<const double> rows,
                                        int64_t features) override {
    if (static_cast<int64_t>(rows.size()) != rows_ * features) {
      return absl::InvalidArgumentError(StrCat("rows: has ",
                                               rows.size(),
                                               " elements, ",
                                               rows_,
                                               " x ",
                                               features,
                                               " are needed"));
    }
    for (const double value : rows) {
      if (!std::isfinite(value)) {
        return absl::InvalidArgumentError("rows: an entry is not finite");
      }
    }
    if (features != features_) {
      // Solutions of another width are no start.
      features_ = features;
      for (auto& fits : fits_) {
        for (Fit& fit : fits) {
          fit.weights.resize(0, 0);
        }
      }
    }
    DecodingResult result;
    result.label = label_;
    result.classes = class_count_;
    result.chance =
        static_cast<double>(largest_) / static_cast<double>(classes_.size());
    const int64_t bin_rows = rows_ / static_cast<int64_t>(fits_.size());
    for (size_t bin = 0; bin < fits_.size(); ++bin) {
      using RowMajor = Eigen::
          Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
      const Eigen::Map<const RowMajor> block(
          rows.data() + static_cast<int64_t>(bin) * bin_rows * features,
          bin_rows,
          features);
      result.bins.push_back(DecodeBin(block, fits_[bin]));
      result.accuracy += result.bins.back() / static_cast<double>(fits_.size());
    }
    return result;
  }

 private:
  double DecodeBin(const Eigen::MatrixXd& block, std::vector<Fit>& fits) const {
    // The intercept has no penalty: centring changes no prediction.
    const Eigen::MatrixXd rows = block.rowwise() - block.colwise().mean();
    double accuracy = 0.0;
    for (Fit& fit : fits) {
      LogisticProblem problem;
      problem.rows = rows(fit.train, Eigen::all);
      problem.classes = class_count_;
      problem.c = options_.c;
      for (const int64_t i : fit.train) {
        problem.targets.push_back(ClassOf(i));
      }
      FitLogistic(problem, fit.weights);
      const std::vector<int32_t> predicted =
          PredictLogistic(rows(fit.test, Eigen::all), fit.weights);
      double right = 0.0;
      for (size_t i = 0; i < fit.test.size(); ++i) {
        right += predicted[i] == ClassOf(fit.test[i]) ? 1.0 : 0.0;
      }
      accuracy += right / static_cast<double>(fit.test.size());
    }
    return accuracy / static_cast<double>(fits.size());
  }

  int32_t ClassOf(int64_t row) const {
    return classes_[static_cast<size_t>(row) % classes_.size()];
  }

  const std::string label_;
  /// Per condition.
  const std::vector<int32_t> classes_;
  const std::vector<int32_t> folds_;
  const int64_t rows_;
  const DecodingOptions options_;
  int32_t class_count_ = 0;
  int64_t largest_ = 0;
  int64_t features_ = 0;
  /// By time bin and fold.
  std::vector<std::vector<Fit>> fits_;
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
      label, classes, std::move(folds), dataset.rows(), options));
}

}  // namespace repscore
