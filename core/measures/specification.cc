#include "core/measures/specification.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/statistics/folds.h"

namespace repscore {
namespace {

constexpr size_t kLongestSpecification = 4096;
constexpr std::string_view kVersion = "1";
// The parameter that is another specification.
constexpr std::string_view kMeasure = "measure";

bool IsWord(std::string_view text) {
  if (text.empty()) {
    return false;
  }
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '.';
    if (!fits) {
      return false;
    }
  }
  return true;
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

/// Pieces between commas outside parentheses; empty when these do not balance.
std::vector<std::string_view> SplitTopLevel(std::string_view text) {
  std::vector<std::string_view> pieces;
  int depth = 0;
  size_t first = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth < 0) {
      return {};
    }
    if (text[i] == ',' && depth == 0) {
      pieces.push_back(text.substr(first, i - first));
      first = i + 1;
    }
  }
  if (depth != 0) {
    return {};
  }
  pieces.push_back(text.substr(first));
  return pieces;
}

/// Position of the first '=' outside parentheses.
size_t FindEquals(std::string_view text) {
  const size_t equals = text.find('=');
  return equals < text.find('(') ? equals : std::string_view::npos;
}

absl::Status Malformed(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(StrCat(
      "\"", text.substr(0, 200), "\" is no measure specification: ", why));
}

}  // namespace

std::string ShortestNumber(double value) {
  std::array<char, 32> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

absl::StatusOr<std::vector<double>> NumberArguments(std::string_view text,
                                                    std::string_view name) {
  std::vector<double> values;
  const bool named =
      text.substr(0, name.size()) == name && text.substr(name.size(), 1) == "(";
  size_t at = named ? name.size() + 1 : text.size();
  while (at < text.size()) {
    while (at < text.size() && text[at] == ' ') {
      ++at;
    }
    double value = 0.0;
    const auto [end, error] =
        std::from_chars(text.data() + at, text.data() + text.size(), value);
    at = static_cast<size_t>(end - text.data());
    while (at < text.size() && text[at] == ' ') {
      ++at;
    }
    const bool closes = at + 1 == text.size() && text[at] == ')';
    if (error != std::errc() || !std::isfinite(value) ||
        !(closes || (at < text.size() && text[at] == ','))) {
      break;
    }
    values.push_back(value);
    ++at;
    if (closes) {
      return values;
    }
  }
  return absl::InvalidArgumentError(
      StrCat("\"", text, "\" should be ", name, "(number,number,...)"));
}

absl::Status CheckNesting(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  for (const char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    deepest = std::max(deepest, depth);
  }
  return deepest > kDeepestNesting
             ? Malformed(text,
                         StrCat("parentheses nest deeper than ",
                                kDeepestNesting,
                                " levels"))
             : absl::OkStatus();
}

absl::StatusOr<Specification> ParseSpecification(std::string_view text) {
  if (text.size() > kLongestSpecification) {
    return Malformed(text, StrCat("it has ", text.size(), " characters"));
  }
  REPSCORE_RETURN_IF_ERROR(CheckNesting(text));
  std::string_view rest = Trim(text);
  const size_t close = rest.rfind(')');
  const size_t at = rest.find('@', close == std::string_view::npos ? 0 : close);
  if (at != std::string_view::npos) {
    if (rest.substr(at + 1) != kVersion) {
      return Malformed(text, "the only version of the measures is @1");
    }
    rest = Trim(rest.substr(0, at));
  }
  Specification specification;
  const size_t open = rest.find('(');
  specification.id = std::string(Trim(rest.substr(0, open)));
  if (!IsWord(specification.id)) {
    return Malformed(text,
                     "it should be like cka or ridge_r2(lambda=100) in lower "
                     "case");
  }
  if (open == std::string_view::npos) {
    return specification;
  }
  if (rest.back() != ')') {
    return Malformed(text, "a parenthesis is not closed");
  }
  const std::string_view inner =
      Trim(rest.substr(open + 1, rest.size() - open - 2));
  if (inner.empty()) {
    return specification;
  }
  const std::vector<std::string_view> pieces = SplitTopLevel(inner);
  if (pieces.empty()) {
    return Malformed(text, "parentheses do not balance");
  }
  for (const std::string_view piece : pieces) {
    const size_t equals = FindEquals(piece);
    const std::string name(Trim(piece.substr(0, equals)));
    if (equals == std::string_view::npos && piece.data() == inner.data() &&
        !name.empty()) {
      specification.unnamed = name;
      continue;
    }
    if (equals == std::string_view::npos || !IsWord(name)) {
      return Malformed(
          text, StrCat("\"", Trim(piece), "\" should be parameter=value"));
    }
    const std::string value(Trim(piece.substr(equals + 1)));
    if (value.empty() ||
        !specification.parameters.emplace(name, value).second) {
      return Malformed(
          text,
          StrCat("parameter ",
                 name,
                 value.empty() ? " has no value" : " is given twice"));
    }
  }
  return specification;
}

absl::StatusOr<Parameters> Parameters::Create(
    const MeasureInfo& info,
    const Specification& specification,
    FoldRule::Lists lists) {
  Parameters parameters;
  parameters.id_ = std::string(info.id);
  std::map<std::string, std::string> given = specification.parameters;
  const bool has_measure = std::any_of(info.parameters.begin(),
                                       info.parameters.end(),
                                       [](const ParameterInfo& parameter) {
                                         return parameter.name == kMeasure;
                                       });
  if (!specification.unnamed.empty()) {
    if (!has_measure) {
      return absl::InvalidArgumentError(StrCat(info.id,
                                               ": \"",
                                               specification.unnamed,
                                               "\" should be parameter=value"));
    }
    if (!given.emplace(kMeasure, specification.unnamed).second) {
      return absl::InvalidArgumentError(
          StrCat(info.id, ": parameter measure is given twice"));
    }
  }
  std::string known;
  for (const ParameterInfo& parameter : info.parameters) {
    parameters.values_[std::string(parameter.name)] =
        std::string(parameter.default_value);
    known += StrCat(known.empty() ? "" : ", ", parameter.name);
  }
  for (const auto& [name, value] : given) {
    const auto found = parameters.values_.find(name);
    if (found == parameters.values_.end()) {
      return absl::InvalidArgumentError(StrCat(
          info.id,
          " has no parameter ",
          name,
          known.empty() ? "; it takes none" : StrCat("; it has ", known)));
    }
    found->second = value;
  }
  const auto folds = parameters.values_.find("folds");
  const bool listed = !lists.test.empty() || !lists.train.empty();
  if (listed && !has_measure &&
      (folds == parameters.values_.end() ||
       !FoldRule::IsExplicit(folds->second))) {
    return absl::InvalidArgumentError(StrCat("explicit folds were given, but ",
                                             info.id,
                                             folds == parameters.values_.end()
                                                 ? " has no folds"
                                                 : " does not say "
                                                   "folds=explicit"));
  }
  parameters.lists_ = std::move(lists);
  return parameters;
}

absl::StatusOr<double> Parameters::Number(std::string_view name,
                                          double lowest,
                                          double highest) {
  std::string& text = values_[std::string(name)];
  double value = 0.0;
  const auto result =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() ||
      !std::isfinite(value)) {
    return absl::InvalidArgumentError(
        StrCat(name, "=", text, " is no finite number"));
  }
  if (value < lowest || value > highest) {
    return absl::InvalidArgumentError(
        StrCat(name, "=", text, " is outside [", lowest, ", ", highest, "]"));
  }
  text = ShortestNumber(value);
  return value;
}

absl::StatusOr<int64_t> Parameters::Integer(std::string_view name,
                                            int64_t lowest,
                                            int64_t highest) {
  std::string& text = values_[std::string(name)];
  int64_t value = 0;
  if (!absl::SimpleAtoi(AbslView(text), &value)) {
    return absl::InvalidArgumentError(
        StrCat(name, "=", text, " is no whole number"));
  }
  if (value < lowest || value > highest) {
    return absl::InvalidArgumentError(
        StrCat(name, "=", text, " is outside [", lowest, ", ", highest, "]"));
  }
  text = StrCat(value);
  return value;
}

absl::StatusOr<int> Parameters::Choice(
    std::string_view name, absl::Span<const std::string_view> choices) {
  const std::string& text = values_[std::string(name)];
  int index = 0;
  std::string known;
  for (const std::string_view choice : choices) {
    if (text == choice) {
      return index;
    }
    known += StrCat(known.empty() ? "" : ", ", choice);
    ++index;
  }
  return absl::InvalidArgumentError(
      StrCat(name, "=", text, " is none of ", known));
}

absl::StatusOr<FoldRule> Parameters::Folds(std::string_view name) {
  std::string& text = values_[std::string(name)];
  absl::StatusOr<FoldRule> rule = FoldRule::Parse(text, std::move(lists_));
  if (rule.ok()) {
    text = rule->ToString();
  }
  return rule;
}

std::string Parameters::Canonical() const {
  if (values_.empty()) {
    return id_;
  }
  std::string text;
  for (const auto& [name, value] : values_) {
    text += StrCat(text.empty() ? "" : ",", name, "=", value);
  }
  return StrCat(id_, "(", text, ")");
}

}  // namespace repscore
