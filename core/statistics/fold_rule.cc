// The text form of fold rules.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "absl/strings/numbers.h"
#include "core/base/digest.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/statistics/folds.h"

namespace repscore {
namespace {

constexpr int64_t kDigestPrefix = 16;
constexpr int64_t kMostFolds = 1000000;

struct RuleName {
  FoldRule::Kind kind;
  std::string_view name;
  std::string_view alias;
  /// Names of the arguments in their order; the first `required` must be there.
  std::array<std::string_view, 4> arguments;
  size_t required;
};

constexpr std::array<RuleName, 6> kRuleNames = {{
    {FoldRule::Kind::kRowsContiguous, "rows_contiguous", "", {"k"}, 1},
    {FoldRule::Kind::kRowsShuffled, "rows_shuffled", "", {"k", "seed"}, 1},
    {FoldRule::Kind::kConditionsContiguous,
     "conditions_contiguous",
     "by_condition_contiguous",
     {"k"},
     1},
    {FoldRule::Kind::kConditionsShuffled,
     "conditions_shuffled",
     "by_condition_shuffled",
     {"k", "seed"},
     1},
    {FoldRule::Kind::kStratified, "stratified", "", {"k", "label", "seed"}, 2},
    {FoldRule::Kind::kSplit,
     "split",
     "",
     {"train", "repeats", "seed", "stratify"},
     0},
}};

const RuleName* FindRule(std::string_view name) {
  for (const RuleName& rule : kRuleNames) {
    if (name == rule.name || (!rule.alias.empty() && name == rule.alias)) {
      return &rule;
    }
  }
  return nullptr;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

absl::Status Malformed(std::string_view text, const RuleName& rule) {
  std::string form;
  for (const std::string_view argument : rule.arguments) {
    if (!argument.empty()) {
      form += StrCat(form.empty() ? "" : ",", argument);
    }
  }
  return absl::InvalidArgumentError(
      StrCat("folds: \"", text, "\" should be ", rule.name, "(", form, ")"));
}

/// Arguments by position or by name=value; empty where not given.
absl::StatusOr<std::array<std::string_view, 4>> Arguments(
    std::string_view text, std::string_view inner, const RuleName& rule) {
  std::array<std::string_view, 4> values;
  size_t position = 0;
  for (size_t first = 0; first < inner.size();) {
    const size_t comma = std::min(inner.find(',', first), inner.size());
    std::string_view piece = Trim(inner.substr(first, comma - first));
    first = comma + 1;
    size_t slot = position++;
    if (const size_t equals = piece.find('=');
        equals != std::string_view::npos) {
      const std::string_view name = Trim(piece.substr(0, equals));
      const auto* found =
          std::find(rule.arguments.begin(), rule.arguments.end(), name);
      slot = static_cast<size_t>(found - rule.arguments.begin());
      piece = Trim(piece.substr(equals + 1));
    }
    if (slot >= values.size() || rule.arguments.at(slot).empty() ||
        piece.empty() || !values.at(slot).empty()) {
      return Malformed(text, rule);
    }
    values.at(slot) = piece;
  }
  for (size_t i = 0; i < rule.required; ++i) {
    if (values.at(i).empty()) {
      return Malformed(text, rule);
    }
  }
  return values;
}

std::string Shortest(double value) {
  std::array<char, 32> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

constexpr std::string_view kExplicit = "explicit";

absl::Status CheckLists(const FoldRule::Lists& lists) {
  if (lists.test.size() < 2 && lists.train.empty()) {
    return absl::InvalidArgumentError(
        "explicit_folds: folds=explicit needs at least two lists of "
        "validation rows");
  }
  if (!lists.train.empty() && lists.train.size() != lists.test.size()) {
    return absl::InvalidArgumentError(StrCat("explicit_training: has ",
                                             lists.train.size(),
                                             " lists for the ",
                                             lists.test.size(),
                                             " of explicit_folds"));
  }
  for (size_t f = 0; f < lists.test.size(); ++f) {
    if (lists.test[f].empty()) {
      return absl::InvalidArgumentError(
          StrCat("explicit_folds[", f, "]: has no rows"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool FoldRule::IsExplicit(std::string_view text) {
  return text.substr(0, text.find('(')) == kExplicit;
}

absl::StatusOr<FoldRule> FoldRule::Parse(std::string_view text, Lists lists) {
  FoldRule rule;
  if (text == "none") {
    return rule;
  }
  if (text == "loo") {
    rule.kind_ = Kind::kLeaveOneOut;
    return rule;
  }
  if (IsExplicit(text)) {
    REPSCORE_RETURN_IF_ERROR(CheckLists(lists));
    rule.kind_ = Kind::kExplicit;
    rule.count_ = static_cast<int64_t>(lists.test.size());
    rule.lists_ = std::move(lists);
    const std::string canonical = rule.ToString();
    if (text != kExplicit && text != canonical) {
      return absl::InvalidArgumentError(
          StrCat("folds: \"",
                 text,
                 "\" names other folds than were given, which are ",
                 canonical));
    }
    return rule;
  }
  const size_t open = text.find('(');
  const RuleName* name = FindRule(text.substr(0, open));
  const bool bare = open == std::string_view::npos;
  if (name == nullptr || (bare && name->required > 0) ||
      (!bare && text.back() != ')')) {
    return absl::InvalidArgumentError(StrCat(
        "folds: \"",
        text,
        "\" is none of none, rows_contiguous(k), rows_shuffled(k,seed), "
        "conditions_contiguous(k), conditions_shuffled(k,seed), "
        "stratified(k,label,seed), split(train,repeats,seed,stratify), loo, "
        "explicit"));
  }
  const std::string_view inner =
      bare ? "" : text.substr(open + 1, text.size() - open - 2);
  REPSCORE_ASSIGN_OR_RETURN(const auto values, Arguments(text, inner, *name));
  rule.kind_ = name->kind;
  const auto value_of = [&](std::string_view argument,
                            std::string_view otherwise) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (name->arguments.at(i) == argument && !values.at(i).empty()) {
        return values.at(i);
      }
    }
    return otherwise;
  };
  const bool split = name->kind == Kind::kSplit;
  const std::string_view count =
      split ? value_of("repeats", "10") : value_of("k", "");
  if (!absl::SimpleAtoi(AbslView(count), &rule.count_) ||
      rule.count_ < (split ? 1 : 2) || rule.count_ > kMostFolds) {
    return absl::InvalidArgumentError(
        StrCat("folds: \"", count, "\" is no number of folds (at least 2)"));
  }
  if (!absl::SimpleAtoi(AbslView(value_of("seed", split ? "1" : "0")),
                        &rule.seed_)) {
    return Malformed(text, *name);
  }
  rule.label_ = std::string(value_of(split ? "stratify" : "label", ""));
  if (split &&
      (!absl::SimpleAtod(AbslView(value_of("train", "0.9")), &rule.train_) ||
       !(rule.train_ > 0.0 && rule.train_ < 1.0))) {
    return absl::InvalidArgumentError(
        StrCat("folds: train=", value_of("train", ""), " is outside (0, 1)"));
  }
  return rule;
}

FoldRule FoldRule::RowBatches(int64_t size) {
  FoldRule rule;
  rule.kind_ = Kind::kRowBatches;
  rule.count_ = size;
  return rule;
}

FoldRule FoldRule::Trajectories() {
  FoldRule rule;
  rule.kind_ = Kind::kTrajectories;
  return rule;
}

std::string FoldRule::ToString() const {
  switch (kind_) {
    case Kind::kTrajectories:
      return "trajectories";
    case Kind::kNone:
      return "none";
    case Kind::kLeaveOneOut:
      return "loo";
    case Kind::kRowBatches:
      return StrCat("row_batches(", count_, ")");
    case Kind::kStratified:
      return StrCat("stratified(", count_, ",", label_, ",", seed_, ")");
    case Kind::kSplit:
      return StrCat("split(train=",
                    Shortest(train_),
                    ",repeats=",
                    count_,
                    ",seed=",
                    seed_,
                    label_.empty() ? "" : StrCat(",stratify=", label_),
                    ")");
    case Kind::kExplicit: {
      std::string text;
      for (const auto* lists : {&lists_.test, &lists_.train}) {
        for (const std::vector<int64_t>& fold : *lists) {
          for (const int64_t row : fold) {
            text += StrCat(row, ",");
          }
          text += ";";
        }
      }
      return StrCat("explicit(", Sha256Hex(text).substr(0, kDigestPrefix), ")");
    }
    default:
      break;
  }
  for (const RuleName& rule : kRuleNames) {
    if (rule.kind == kind_) {
      return rule.arguments[1].empty()
                 ? StrCat(rule.name, "(", count_, ")")
                 : StrCat(rule.name, "(", count_, ",", seed_, ")");
    }
  }
  return "none";
}

}  // namespace repscore
