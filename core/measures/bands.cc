#include "core/measures/bands.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/specification.h"

namespace repscore {
namespace {

// Philox stream of random weights.
constexpr uint64_t kWeightStream = 11;
constexpr int64_t kMostBands = 64;
constexpr int64_t kMostWeights = 1000;
constexpr double kLargestDelta = 100.0;
constexpr double kMostColumns = 1e9;
constexpr double kLargestSeed = 9007199254740992.0;  // 2^53

bool IsWhole(double value, double lowest, double highest) {
  return value == std::floor(value) && value >= lowest && value <= highest;
}

std::string_view NameOfCall(std::string_view text) {
  return text.substr(0, text.find('('));
}

std::string Call(std::string_view name, const std::vector<double>& values) {
  std::string list;
  for (const double value : values) {
    list += StrCat(list.empty() ? "" : ",", ShortestNumber(value));
  }
  return StrCat(name, "(", list, ")");
}

/// "a-b"
bool ParseRange(std::string_view text, std::pair<int64_t, int64_t>& range) {
  const size_t dash = text.find('-');
  return dash != std::string_view::npos &&
         absl::SimpleAtoi(AbslView(text.substr(0, dash)), &range.first) &&
         absl::SimpleAtoi(AbslView(text.substr(dash + 1)), &range.second) &&
         range.first >= 0 && range.first <= range.second &&
         static_cast<double>(range.second) < kMostColumns;
}

/// Appends all ways to write `rest` steps as a sum over `bands` bands.
void Compositions(int64_t rest,
                  int64_t bands,
                  std::vector<int64_t>& prefix,
                  std::vector<std::vector<int64_t>>& all) {
  if (bands == 1) {
    all.push_back(prefix);
    all.back().push_back(rest);
    return;
  }
  for (int64_t first = rest; first >= 0; --first) {
    prefix.push_back(first);
    Compositions(rest - first, bands - 1, prefix, all);
    prefix.pop_back();
  }
}

/// Number of ways to write `steps` as a sum over `bands` bands.
double CompositionCount(int64_t steps, int64_t bands) {
  double count = 1.0;
  for (int64_t i = 1; i < bands; ++i) {
    count *= static_cast<double>(steps + i) / static_cast<double>(i);
  }
  return count;
}

}  // namespace

absl::StatusOr<BandRule> BandRule::Parse(std::string_view text) {
  const auto malformed = [text] {
    return absl::InvalidArgumentError(
        StrCat("bands=",
               text,
               " should be equal(k), counts(a,b,...) or ranges(0-3,4-7,...) "
               "with 1 to ",
               kMostBands,
               " bands"));
  };
  BandRule rule;
  const std::string_view name = NameOfCall(text);
  if (name == "ranges" && text.size() > name.size() + 2 && text.back() == ')') {
    rule.kind_ = Kind::kRanges;
    const std::string_view inner =
        text.substr(name.size() + 1, text.size() - name.size() - 2);
    for (const auto piece : absl::StrSplit(AbslView(inner), ',')) {
      std::pair<int64_t, int64_t> range;
      if (!ParseRange({piece.data(), piece.size()}, range)) {
        return malformed();
      }
      rule.ranges_.push_back(range);
    }
    rule.count_ = static_cast<int64_t>(rule.ranges_.size());
    return rule.count_ <= kMostBands ? absl::StatusOr<BandRule>(rule)
                                     : malformed();
  }
  if (name != "equal" && name != "counts") {
    return malformed();
  }
  const absl::StatusOr<std::vector<double>> numbers =
      NumberArguments(text, name);
  if (!numbers.ok()) {
    return malformed();
  }
  for (const double number : *numbers) {
    if (!IsWhole(number, 1.0, kMostColumns)) {
      return malformed();
    }
    rule.sizes_.push_back(static_cast<int64_t>(number));
  }
  rule.count_ = static_cast<int64_t>(rule.sizes_.size());
  rule.kind_ = Kind::kCounts;
  if (name == "equal") {
    if (rule.count_ != 1) {
      return malformed();
    }
    rule.kind_ = Kind::kEqual;
    rule.count_ = rule.sizes_[0];
  }
  return rule.count_ <= kMostBands ? absl::StatusOr<BandRule>(rule)
                                   : malformed();
}

std::string BandRule::ToString() const {
  if (kind_ == Kind::kRanges) {
    std::string list;
    for (const auto& [first, last] : ranges_) {
      list += StrCat(list.empty() ? "" : ",", first, "-", last);
    }
    return StrCat("ranges(", list, ")");
  }
  return Call(kind_ == Kind::kEqual ? "equal" : "counts",
              {sizes_.begin(), sizes_.end()});
}

absl::StatusOr<std::vector<int64_t>> BandRule::Assign(int64_t features) const {
  std::vector<int64_t> bands(static_cast<size_t>(features), -1);
  std::vector<std::pair<int64_t, int64_t>> ranges = ranges_;
  int64_t first = 0;
  for (int64_t b = 0; kind_ != Kind::kRanges && b < count_; ++b) {
    const int64_t size = kind_ == Kind::kEqual
                             ? features / count_ + (b < features % count_)
                             : sizes_[static_cast<size_t>(b)];
    ranges.emplace_back(first, first + size - 1);
    first += size;
  }
  for (size_t b = 0; b < ranges.size(); ++b) {
    const auto [low, high] = ranges[b];
    if (high < low || high >= features) {
      return absl::InvalidArgumentError(StrCat("bands=",
                                               ToString(),
                                               ": the candidate has ",
                                               features,
                                               " columns, which these bands do "
                                               "not divide"));
    }
    for (int64_t j = low; j <= high; ++j) {
      int64_t& band = bands[static_cast<size_t>(j)];
      if (band >= 0) {
        return absl::InvalidArgumentError(
            StrCat("bands=", ToString(), ": column ", j, " lies in two bands"));
      }
      band = static_cast<int64_t>(b);
    }
  }
  for (size_t j = 0; j < bands.size(); ++j) {
    if (bands[j] < 0) {
      return absl::InvalidArgumentError(StrCat("bands=",
                                               ToString(),
                                               ": column ",
                                               j,
                                               " of the candidate's ",
                                               features,
                                               " lies in no band"));
    }
  }
  return bands;
}

absl::StatusOr<BandWeights> BandWeights::Parse(std::string_view text) {
  const auto malformed = [text] {
    return absl::InvalidArgumentError(
        StrCat("weights=",
               text,
               " should be deltas(d1,d2,...) in [-",
               kLargestDelta,
               ", ",
               kLargestDelta,
               "], random(count,seed) or simplex(steps), with at most ",
               kMostWeights,
               " weights to try"));
  };
  const std::string_view name = NameOfCall(text);
  const absl::StatusOr<std::vector<double>> numbers =
      NumberArguments(text, name);
  if (!numbers.ok()) {
    return malformed();
  }
  BandWeights weights;
  if (name == "deltas") {
    weights.kind_ = Kind::kDeltas;
    weights.deltas_ = *numbers;
    for (const double delta : *numbers) {
      if (std::abs(delta) > kLargestDelta) {
        return malformed();
      }
    }
    return weights;
  }
  const bool random = name == "random";
  const size_t expected = random ? 2 : 1;
  if ((!random && name != "simplex") || numbers->size() != expected ||
      !IsWhole((*numbers)[0], 1.0, static_cast<double>(kMostWeights)) ||
      !IsWhole(numbers->back(), 0.0, kLargestSeed)) {
    return malformed();
  }
  weights.kind_ = random ? Kind::kRandom : Kind::kSimplex;
  weights.count_ = static_cast<int64_t>((*numbers)[0]);
  weights.seed_ = random ? static_cast<uint64_t>((*numbers)[1]) : 0;
  return weights;
}

std::string BandWeights::ToString() const {
  switch (kind_) {
    case Kind::kDeltas:
      return Call("deltas", deltas_);
    case Kind::kRandom:
      return StrCat("random(", count_, ",", seed_, ")");
    case Kind::kSimplex:
      break;
  }
  return StrCat("simplex(", count_, ")");
}

absl::StatusOr<std::vector<std::vector<double>>> BandWeights::List(
    int64_t bands) const {
  std::vector<std::vector<double>> list;
  const auto size = static_cast<size_t>(bands);
  if (kind_ == Kind::kDeltas) {
    if (deltas_.size() != size) {
      return absl::InvalidArgumentError(
          StrCat("weights=", ToString(), ": there are ", bands, " bands"));
    }
    list.emplace_back();
    for (const double delta : deltas_) {
      list.back().push_back(std::exp(delta));
    }
    return list;
  }
  if (kind_ == Kind::kSimplex) {
    if (CompositionCount(count_, bands) > static_cast<double>(kMostWeights)) {
      return absl::InvalidArgumentError(
          StrCat("weights=",
                 ToString(),
                 ": more than ",
                 kMostWeights,
                 " weights of ",
                 bands,
                 " bands; use fewer steps or random(count,seed)"));
    }
    std::vector<std::vector<int64_t>> all;
    std::vector<int64_t> prefix;
    Compositions(count_, bands, prefix, all);
    for (const std::vector<int64_t>& steps : all) {
      list.emplace_back();
      for (const int64_t step : steps) {
        list.back().push_back(static_cast<double>(step) /
                              static_cast<double>(count_));
      }
    }
    return list;
  }
  // Normalised exponentials are uniform on the simplex.
  const Philox random(seed_, kWeightStream);
  list.emplace_back(size, 1.0 / static_cast<double>(bands));
  for (int64_t draw = 1; draw < count_; ++draw) {
    std::vector<double> weights;
    double sum = 0.0;
    for (int64_t b = 0; b < bands; ++b) {
      weights.push_back(
          -std::log(random.Uniform(static_cast<uint64_t>(draw * bands + b))));
      sum += weights.back();
    }
    for (double& weight : weights) {
      weight /= sum;
    }
    list.push_back(std::move(weights));
  }
  return list;
}

}  // namespace repscore
