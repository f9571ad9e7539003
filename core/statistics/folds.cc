#include "core/statistics/folds.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "core/base/digest.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

// Of a rule that needs labels to count its folds.
constexpr int64_t kUnknownFolds = 5;

// Philox stream of fold shuffles; the start of an optimisation uses stream 0.
constexpr uint64_t kShuffleStream = 1;

std::string DigestOf(const Folds& folds) {
  std::string bytes;
  const auto append = [&bytes](int64_t value) {
    const auto word = static_cast<uint32_t>(value);
    for (size_t b = 0; b < 4; ++b) {
      bytes += static_cast<char>((word >> (8 * b)) & 0xffU);
    }
  };
  for (const int32_t fold : folds.fold_of_row) {
    append(fold);
  }
  for (const Split& split : folds.overlapping) {
    for (const std::vector<int64_t>* rows : {&split.train, &split.test}) {
      append(static_cast<int64_t>(rows->size()));
      std::for_each(rows->begin(), rows->end(), append);
    }
  }
  return Sha256Hex(bytes);
}

/// Block of each of `size` positions: sizes size / count, the first
/// size mod count one larger.
std::vector<int32_t> ContiguousBlocks(int64_t size, int64_t count) {
  std::vector<int32_t> blocks;
  blocks.reserve(static_cast<size_t>(size));
  for (int64_t f = 0; f < count; ++f) {
    const int64_t length = size / count + (f < size % count ? 1 : 0);
    blocks.insert(
        blocks.end(), static_cast<size_t>(length), static_cast<int32_t>(f));
  }
  return blocks;
}

absl::Status CheckSplits(const Folds& folds, int64_t rows) {
  const auto check = [rows](size_t fold, int64_t train, int64_t test) {
    if (test == 0) {
      return absl::InvalidArgumentError(
          StrCat("folds: fold ", fold, " has no validation rows"));
    }
    if (train < 2) {
      return absl::InvalidArgumentError(StrCat("folds: fold ",
                                               fold,
                                               " leaves ",
                                               train,
                                               " training rows of ",
                                               rows,
                                               "; at least 2 are needed"));
    }
    return absl::OkStatus();
  };
  if (folds.is_partition()) {
    const std::vector<int64_t> sizes = folds.Sizes();
    for (size_t f = 0; f < sizes.size(); ++f) {
      REPSCORE_RETURN_IF_ERROR(check(f, rows - sizes[f], sizes[f]));
    }
  }
  for (size_t f = 0; f < folds.overlapping.size(); ++f) {
    REPSCORE_RETURN_IF_ERROR(
        check(f,
              static_cast<int64_t>(folds.overlapping[f].train.size()),
              static_cast<int64_t>(folds.overlapping[f].test.size())));
  }
  return absl::OkStatus();
}

/// InvalidArgument when a row does not exist or is listed twice.
absl::Status CheckRows(const std::vector<int64_t>& list,
                       int64_t rows,
                       std::string_view field,
                       size_t fold) {
  std::vector<bool> seen(static_cast<size_t>(rows), false);
  for (const int64_t row : list) {
    if (row < 0 || row >= rows) {
      return absl::InvalidArgumentError(StrCat(field,
                                               "[",
                                               fold,
                                               "]: row ",
                                               row,
                                               " is not one of the ",
                                               rows,
                                               " rows"));
    }
    if (seen[static_cast<size_t>(row)]) {
      return absl::InvalidArgumentError(
          StrCat(field, "[", fold, "]: row ", row, " is given twice"));
    }
    seen[static_cast<size_t>(row)] = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<Folds> AssignExplicit(const FoldRule::Lists& lists,
                                     int64_t rows) {
  Folds folds;
  folds.count = static_cast<int32_t>(lists.test.size());
  for (size_t f = 0; f < lists.test.size(); ++f) {
    REPSCORE_RETURN_IF_ERROR(
        CheckRows(lists.test[f], rows, "explicit_folds", f));
  }
  for (size_t f = 0; f < lists.train.size(); ++f) {
    REPSCORE_RETURN_IF_ERROR(
        CheckRows(lists.train[f], rows, "explicit_training", f));
    folds.overlapping.push_back(
        {.train = lists.train[f], .test = lists.test[f]});
  }
  if (!lists.train.empty()) {
    return folds;
  }
  folds.fold_of_row.assign(static_cast<size_t>(rows), -1);
  for (size_t f = 0; f < lists.test.size(); ++f) {
    for (const int64_t row : lists.test[f]) {
      int32_t& slot = folds.fold_of_row[static_cast<size_t>(row)];
      if (slot >= 0) {
        return absl::InvalidArgumentError(StrCat("explicit_folds[",
                                                 f,
                                                 "]: row ",
                                                 row,
                                                 " is already in fold ",
                                                 slot,
                                                 "; folds that overlap need "
                                                 "explicit_training"));
      }
      slot = static_cast<int32_t>(f);
    }
  }
  return folds;
}

absl::StatusOr<Folds> AssignBatches(int64_t size, int64_t rows) {
  const int64_t batches = rows / size;
  if (batches == 0) {
    return absl::InvalidArgumentError(StrCat("a batch of ",
                                             size,
                                             " rows needs at least as many; "
                                             "there are ",
                                             rows));
  }
  Folds folds;
  folds.count = static_cast<int32_t>(batches);
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t batch = i / size;
    folds.fold_of_row.push_back(batch < batches ? static_cast<int32_t>(batch)
                                                : -1);
  }
  return folds;
}

absl::StatusOr<Folds> AssignTrajectories(const RowLayout& layout) {
  if (layout.conditions >= layout.rows) {
    return absl::InvalidArgumentError(
        StrCat("the dataset has no time axis: each of its ",
               layout.rows,
               " rows is a condition of one time bin; register it with axes "
               "such as time,condition,neuron"));
  }
  Folds folds;
  folds.count = static_cast<int32_t>(layout.conditions);
  for (int64_t i = 0; i < layout.rows; ++i) {
    folds.fold_of_row.push_back(static_cast<int32_t>(i % layout.conditions));
  }
  return folds;
}

/// Conditions of every class of a label, classes in the order of their names;
/// one class of all conditions without a label.
absl::StatusOr<std::vector<std::vector<int64_t>>> Classes(
    const RowLayout& layout, const std::string& label) {
  if (label.empty()) {
    std::vector<int64_t> all(static_cast<size_t>(layout.conditions));
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] = static_cast<int64_t>(i);
    }
    return std::vector<std::vector<int64_t>>{all};
  }
  std::string known;
  for (const auto& [name, values] : layout.labels) {
    if (name == label) {
      std::map<std::string, std::vector<int64_t>> classes;
      for (size_t i = 0; i < values.size(); ++i) {
        classes[values[i]].push_back(static_cast<int64_t>(i));
      }
      std::vector<std::vector<int64_t>> members;
      members.reserve(classes.size());
      for (auto& [value, conditions] : classes) {
        members.push_back(std::move(conditions));
      }
      return members;
    }
    known += StrCat(known.empty() ? "" : ", ", name);
  }
  return absl::InvalidArgumentError(
      StrCat("folds: the dataset has no label \"",
             label,
             known.empty() ? "\"; it has none" : StrCat("\"; it has ", known)));
}

std::vector<int64_t> Shuffled(const std::vector<int64_t>& items,
                              uint64_t seed,
                              uint64_t stream) {
  const std::vector<int64_t> order =
      Philox(seed, kShuffleStream + (stream << 8U))
          .Permutation(static_cast<int64_t>(items.size()));
  std::vector<int64_t> shuffled;
  shuffled.reserve(items.size());
  for (const int64_t i : order) {
    shuffled.push_back(items[static_cast<size_t>(i)]);
  }
  return shuffled;
}

/// Validation fold of every condition.
std::vector<int32_t> Deal(const std::vector<std::vector<int64_t>>& classes,
                          int64_t conditions,
                          int64_t count,
                          uint64_t seed) {
  std::vector<int32_t> fold_of_condition(static_cast<size_t>(conditions));
  int64_t next = 0;
  for (size_t c = 0; c < classes.size(); ++c) {
    for (const int64_t condition : Shuffled(classes[c], seed, c)) {
      fold_of_condition[static_cast<size_t>(condition)] =
          static_cast<int32_t>(next % count);
      ++next;
    }
  }
  return fold_of_condition;
}

/// How many of every class are tested: in proportion, largest remainders first.
std::vector<int64_t> TestCounts(
    const std::vector<std::vector<int64_t>>& classes, int64_t test) {
  double total = 0.0;
  for (const auto& members : classes) {
    total += static_cast<double>(members.size());
  }
  std::vector<int64_t> counts;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t given = 0;
  for (size_t c = 0; c < classes.size(); ++c) {
    const double share = static_cast<double>(classes[c].size()) *
                         static_cast<double>(test) / total;
    counts.push_back(static_cast<int64_t>(std::floor(share)));
    given += counts.back();
    remainders.emplace_back(std::floor(share) - share, c);
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; given < test; ++i, ++given) {
    ++counts[remainders[i].second];
  }
  return counts;
}

std::vector<int64_t> RowsOf(std::vector<int64_t> conditions,
                            const RowLayout& layout) {
  std::sort(conditions.begin(), conditions.end());
  std::vector<int64_t> rows;
  for (int64_t first = 0; first < layout.rows; first += layout.conditions) {
    for (const int64_t condition : conditions) {
      rows.push_back(first + condition);
    }
  }
  return rows;
}

/// `repeats` divisions of all conditions, `train_share` of them for training.
Folds DrawSplits(const std::vector<std::vector<int64_t>>& classes,
                 const RowLayout& layout,
                 double train_share,
                 int64_t repeats,
                 uint64_t seed) {
  Folds folds;
  folds.count = static_cast<int32_t>(repeats);
  const auto train = static_cast<int64_t>(
      std::floor(train_share * static_cast<double>(layout.conditions)));
  const std::vector<int64_t> tests =
      TestCounts(classes, layout.conditions - train);
  for (int64_t r = 0; r < repeats; ++r) {
    std::vector<int64_t> train_conditions;
    std::vector<int64_t> test_conditions;
    for (size_t c = 0; c < classes.size(); ++c) {
      const std::vector<int64_t> order = Shuffled(
          classes[c], seed, static_cast<uint64_t>(r) * classes.size() + c + 1);
      const auto cut = order.begin() + tests[c];
      test_conditions.insert(test_conditions.end(), order.begin(), cut);
      train_conditions.insert(train_conditions.end(), cut, order.end());
    }
    folds.overlapping.push_back(
        {.train = RowsOf(std::move(train_conditions), layout),
         .test = RowsOf(std::move(test_conditions), layout)});
  }
  return folds;
}

/// The blocks at random positions.
std::vector<int32_t> ShuffledBlocks(const std::vector<int32_t>& blocks,
                                    uint64_t seed) {
  std::vector<int32_t> shuffled(blocks.size());
  const std::vector<int64_t> order =
      Philox(seed, kShuffleStream)
          .Permutation(static_cast<int64_t>(blocks.size()));
  for (size_t i = 0; i < order.size(); ++i) {
    shuffled[static_cast<size_t>(order[i])] = blocks[i];
  }
  return shuffled;
}

/// A partition of rows that repeat their units, as time bins do.
Folds Repeated(const std::vector<int32_t>& fold_of_unit,
               int64_t count,
               int64_t rows) {
  Folds folds;
  folds.count = static_cast<int32_t>(count);
  folds.fold_of_row.resize(static_cast<size_t>(rows));
  for (size_t i = 0; i < folds.fold_of_row.size(); ++i) {
    folds.fold_of_row[i] = fold_of_unit[i % fold_of_unit.size()];
  }
  return folds;
}

}  // namespace

std::vector<int64_t> Folds::Sizes() const {
  std::vector<int64_t> sizes(static_cast<size_t>(count), 0);
  for (const int32_t fold : fold_of_row) {
    if (fold >= 0) {
      ++sizes[static_cast<size_t>(fold)];
    }
  }
  for (size_t f = 0; f < overlapping.size(); ++f) {
    sizes[f] = static_cast<int64_t>(overlapping[f].test.size());
  }
  return sizes;
}

std::vector<Split> Folds::Splits() const {
  if (!is_partition()) {
    return overlapping;
  }
  std::vector<Split> splits;
  for (int64_t f = 0; f < count; ++f) {
    splits.push_back(SplitAt(f));
  }
  return splits;
}

Split Folds::SplitAt(int64_t fold) const {
  if (!is_partition()) {
    return overlapping[static_cast<size_t>(fold)];
  }
  Split split;
  for (size_t i = 0; i < fold_of_row.size(); ++i) {
    (fold_of_row[i] == fold ? split.test : split.train)
        .push_back(static_cast<int64_t>(i));
  }
  return split;
}

absl::StatusOr<Folds> FoldRule::Assign(const RowLayout& layout) const {
  Folds folds;
  if (kind_ == Kind::kExplicit) {
    REPSCORE_ASSIGN_OR_RETURN(folds, AssignExplicit(lists_, layout.rows));
  } else if (kind_ == Kind::kRowBatches) {
    REPSCORE_ASSIGN_OR_RETURN(folds, AssignBatches(count_, layout.rows));
  } else if (kind_ == Kind::kTrajectories) {
    REPSCORE_ASSIGN_OR_RETURN(folds, AssignTrajectories(layout));
  } else if (kind_ == Kind::kSplit) {
    REPSCORE_ASSIGN_OR_RETURN(const auto classes, Classes(layout, label_));
    folds = DrawSplits(classes, layout, train_, count_, seed_);
  } else {
    const bool by_row = kind_ == Kind::kRowsContiguous ||
                        kind_ == Kind::kRowsShuffled ||
                        kind_ == Kind::kLeaveOneOut;
    const int64_t units = by_row ? layout.rows : layout.conditions;
    const int64_t count = kind_ == Kind::kLeaveOneOut ? units : count_;
    if (count > units) {
      return absl::InvalidArgumentError(StrCat("folds: ",
                                               count,
                                               " folds of ",
                                               units,
                                               by_row ? " rows" : " conditions",
                                               " leave some of them empty"));
    }
    std::vector<int32_t> fold_of_unit = ContiguousBlocks(units, count);
    if (kind_ == Kind::kRowsShuffled || kind_ == Kind::kConditionsShuffled) {
      fold_of_unit = ShuffledBlocks(fold_of_unit, seed_);
    } else if (kind_ == Kind::kStratified) {
      REPSCORE_ASSIGN_OR_RETURN(const auto classes, Classes(layout, label_));
      fold_of_unit = Deal(classes, units, count, seed_);
    }
    folds = Repeated(fold_of_unit, count, layout.rows);
    folds.leave_one_out = kind_ == Kind::kLeaveOneOut;
  }
  // Those two are not for validation.
  if (kind_ != Kind::kRowBatches && kind_ != Kind::kTrajectories) {
    REPSCORE_RETURN_IF_ERROR(CheckSplits(folds, layout.rows));
  }
  folds.digest = DigestOf(folds);
  return folds;
}

int64_t FoldRule::CountAmong(int64_t rows) const {
  const absl::StatusOr<Folds> folds =
      Assign({.rows = rows, .conditions = rows});
  return folds.ok() ? folds->count : kUnknownFolds;
}

}  // namespace repscore
