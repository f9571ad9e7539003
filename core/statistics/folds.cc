#include "core/statistics/folds.h"

#include <algorithm>
#include <array>

#include "absl/strings/numbers.h"
#include "core/base/digest.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

// Philox stream of fold shuffles; the start of an optimisation uses stream 0.
constexpr uint64_t kShuffleStream = 1;
constexpr int64_t kDigestPrefix = 16;

struct RuleName {
  FoldRule::Kind kind;
  std::string_view name;
  std::string_view alias;
  bool seeded;
};

constexpr std::array<RuleName, 4> kRuleNames = {{
    {FoldRule::Kind::kRowsContiguous, "rows_contiguous", "", false},
    {FoldRule::Kind::kRowsShuffled, "rows_shuffled", "", true},
    {FoldRule::Kind::kConditionsContiguous,
     "conditions_contiguous",
     "by_condition_contiguous",
     false},
    {FoldRule::Kind::kConditionsShuffled,
     "conditions_shuffled",
     "by_condition_shuffled",
     true},
}};

const RuleName* FindRule(std::string_view name) {
  for (const RuleName& rule : kRuleNames) {
    if (name == rule.name || name == rule.alias) {
      return &rule;
    }
  }
  return nullptr;
}

std::string DigestOf(const std::vector<int32_t>& fold_of_row) {
  std::string bytes(fold_of_row.size() * 4, '\0');
  for (size_t i = 0; i < fold_of_row.size(); ++i) {
    const auto word = static_cast<uint32_t>(fold_of_row[i]);
    for (size_t b = 0; b < 4; ++b) {
      bytes[4 * i + b] = static_cast<char>((word >> (8 * b)) & 0xffU);
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

absl::Status CheckTrainingRows(const Folds& folds, int64_t rows) {
  const std::vector<int64_t> sizes = folds.Sizes();
  for (size_t f = 0; f < sizes.size(); ++f) {
    if (rows - sizes[f] < 2) {
      return absl::InvalidArgumentError(StrCat("folds: fold ",
                                               f,
                                               " leaves ",
                                               rows - sizes[f],
                                               " training rows of ",
                                               rows,
                                               "; at least 2 are needed"));
    }
  }
  return absl::OkStatus();
}

/// The comma-separated pieces of `text`, without blanks around them.
std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (size_t first = 0; first <= text.size();) {
    const size_t comma = std::min(text.find(',', first), text.size());
    std::string_view piece = text.substr(first, comma - first);
    while (!piece.empty() && piece.front() == ' ') {
      piece.remove_prefix(1);
    }
    while (!piece.empty() && piece.back() == ' ') {
      piece.remove_suffix(1);
    }
    pieces.push_back(piece);
    first = comma + 1;
  }
  return pieces;
}

absl::StatusOr<Folds> AssignExplicit(
    const std::vector<std::vector<int64_t>>& lists, int64_t rows) {
  Folds folds;
  folds.count = static_cast<int32_t>(lists.size());
  folds.fold_of_row.assign(static_cast<size_t>(rows), -1);
  for (size_t f = 0; f < lists.size(); ++f) {
    for (const int64_t row : lists[f]) {
      if (row < 0 || row >= rows) {
        return absl::InvalidArgumentError(StrCat("explicit_folds[",
                                                 f,
                                                 "]: row ",
                                                 row,
                                                 " is not one of the ",
                                                 rows,
                                                 " rows"));
      }
      int32_t& slot = folds.fold_of_row[static_cast<size_t>(row)];
      if (slot >= 0) {
        return absl::InvalidArgumentError(StrCat("explicit_folds[",
                                                 f,
                                                 "]: row ",
                                                 row,
                                                 " is already in fold ",
                                                 slot));
      }
      slot = static_cast<int32_t>(f);
    }
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
  return sizes;
}

absl::StatusOr<FoldRule> FoldRule::Parse(
    std::string_view text, std::vector<std::vector<int64_t>> explicit_folds) {
  FoldRule rule;
  if (text == "none") {
    return rule;
  }
  if (text == "explicit") {
    if (explicit_folds.size() < 2) {
      return absl::InvalidArgumentError(
          "explicit_folds: folds=explicit needs at least two lists of "
          "validation rows");
    }
    for (size_t f = 0; f < explicit_folds.size(); ++f) {
      if (explicit_folds[f].empty()) {
        return absl::InvalidArgumentError(
            StrCat("explicit_folds[", f, "]: has no rows"));
      }
    }
    rule.kind_ = Kind::kExplicit;
    rule.count_ = static_cast<int64_t>(explicit_folds.size());
    rule.explicit_folds_ = std::move(explicit_folds);
    return rule;
  }
  const size_t open = text.find('(');
  const RuleName* name = FindRule(text.substr(0, open));
  if (name == nullptr || open == std::string_view::npos || text.back() != ')') {
    return absl::InvalidArgumentError(StrCat(
        "folds: \"",
        text,
        "\" is none of none, rows_contiguous(k), rows_shuffled(k,seed), "
        "conditions_contiguous(k), conditions_shuffled(k,seed), explicit"));
  }
  const std::string_view inner = text.substr(open + 1, text.size() - open - 2);
  const std::vector<std::string_view> arguments = Split(inner);
  const auto value_of = [](std::string_view argument, std::string_view key) {
    const std::string prefix = StrCat(key, "=");
    if (argument.substr(0, prefix.size()) == prefix) {
      argument.remove_prefix(prefix.size());
    }
    return AbslView(argument);
  };
  rule.kind_ = name->kind;
  if (!absl::SimpleAtoi(value_of(arguments[0], "k"), &rule.count_) ||
      rule.count_ < 2 || rule.count_ > 1000000) {
    return absl::InvalidArgumentError(StrCat(
        "folds: \"", arguments[0], "\" is no number of folds (at least 2)"));
  }
  const size_t most = name->seeded ? 2 : 1;
  if (arguments.size() > most ||
      (arguments.size() == 2 &&
       !absl::SimpleAtoi(value_of(arguments[1], "seed"), &rule.seed_))) {
    return absl::InvalidArgumentError(
        StrCat("folds: \"",
               text,
               "\" should be ",
               name->name,
               name->seeded ? "(k,seed)" : "(k)"));
  }
  return rule;
}

std::string FoldRule::ToString() const {
  if (kind_ == Kind::kNone) {
    return "none";
  }
  if (kind_ == Kind::kExplicit) {
    std::string text;
    for (const std::vector<int64_t>& fold : explicit_folds_) {
      for (const int64_t row : fold) {
        text += StrCat(row, ",");
      }
      text += ";";
    }
    return StrCat("explicit(", Sha256Hex(text).substr(0, kDigestPrefix), ")");
  }
  for (const RuleName& rule : kRuleNames) {
    if (rule.kind == kind_) {
      return rule.seeded ? StrCat(rule.name, "(", count_, ",", seed_, ")")
                         : StrCat(rule.name, "(", count_, ")");
    }
  }
  return "none";
}

absl::StatusOr<Folds> FoldRule::Assign(int64_t rows, int64_t conditions) const {
  Folds folds;
  if (kind_ == Kind::kExplicit) {
    REPSCORE_ASSIGN_OR_RETURN(folds, AssignExplicit(explicit_folds_, rows));
  } else {
    const bool by_condition = kind_ == Kind::kConditionsContiguous ||
                              kind_ == Kind::kConditionsShuffled;
    const int64_t units = by_condition ? conditions : rows;
    if (count_ > units) {
      return absl::InvalidArgumentError(
          StrCat("folds: ",
                 count_,
                 " folds of ",
                 units,
                 by_condition ? " conditions" : " rows",
                 " leave some of them empty"));
    }
    const std::vector<int32_t> blocks = ContiguousBlocks(units, count_);
    std::vector<int32_t> fold_of_unit = blocks;
    if (kind_ == Kind::kRowsShuffled || kind_ == Kind::kConditionsShuffled) {
      const std::vector<int64_t> order =
          Philox(seed_, kShuffleStream).Permutation(units);
      for (size_t i = 0; i < order.size(); ++i) {
        fold_of_unit[static_cast<size_t>(order[i])] = blocks[i];
      }
    }
    folds.count = static_cast<int32_t>(count_);
    folds.fold_of_row.resize(static_cast<size_t>(rows));
    for (int64_t i = 0; i < rows; ++i) {
      folds.fold_of_row[static_cast<size_t>(i)] =
          fold_of_unit[static_cast<size_t>(i % units)];
    }
  }
  REPSCORE_RETURN_IF_ERROR(CheckTrainingRows(folds, rows));
  folds.digest = DigestOf(folds.fold_of_row);
  return folds;
}

}  // namespace repscore
