#include "core/analysis/aggregation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/text.h"

namespace repscore {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Ranks from 1 (smallest), ties share their average.
std::vector<double> AverageRanks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&values](size_t a, size_t b) {
    return values[a] < values[b];
  });
  std::vector<double> ranks(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) {
      ++end;
    }
    for (size_t i = first; i < end; ++i) {
      ranks[order[i]] = 0.5 * static_cast<double>(first + 1 + end);
    }
    first = end;
  }
  return ranks;
}

/// Tau-b, (C - D) / sqrt((P - T_a) (P - T_b)) over all pairs P; NaN when all
/// values of a side are equal.
double KendallTauB(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0.0;
  double untied_a = 0.0;
  double untied_b = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const int sign_a = (a[i] > a[j]) - (a[i] < a[j]);
      const int sign_b = (b[i] > b[j]) - (b[i] < b[j]);
      difference += sign_a * sign_b;
      untied_a += sign_a != 0;
      untied_b += sign_b != 0;
    }
  }
  const double scale = std::sqrt(untied_a) * std::sqrt(untied_b);
  return scale > 0.0 ? std::clamp(difference / scale, -1.0, 1.0) : kNaN;
}

double Pearson(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  const double scale = std::sqrt(aa) * std::sqrt(bb);
  return scale > 0.0 ? std::clamp(ab / scale, -1.0, 1.0) : kNaN;
}

/// Scores that grow with similarity, one row per system.
struct Table {
  std::vector<double> values;
  size_t systems = 0;
  size_t measures = 0;
  std::vector<bool> left_out;

  double at(size_t system, size_t measure) const {
    return values[system * measures + measure];
  }
  bool there(size_t system, size_t measure) const {
    return !left_out[system] && !std::isnan(at(system, measure));
  }
  /// Systems with a score of this measure.
  std::vector<size_t> With(size_t measure) const {
    std::vector<size_t> with;
    for (size_t i = 0; i < systems; ++i) {
      if (there(i, measure)) {
        with.push_back(i);
      }
    }
    return with;
  }
};

/// Adds one measure's contribution to every system that has it.
class MeanOverMeasures {
 public:
  explicit MeanOverMeasures(size_t systems)
      : sums_(systems, 0.0), counts_(systems, 0.0) {}

  void Add(size_t system, double value) {
    sums_[system] += value;
    counts_[system] += 1.0;
  }
  std::vector<double> Means() const {
    std::vector<double> means(sums_.size(), kNaN);
    for (size_t i = 0; i < means.size(); ++i) {
      if (counts_[i] > 0.0) {
        means[i] = sums_[i] / counts_[i];
      }
    }
    return means;
  }

 private:
  std::vector<double> sums_;
  std::vector<double> counts_;
};

std::vector<double> ZScores(const std::vector<double>& values) {
  const auto [lowest, highest] =
      std::minmax_element(values.begin(), values.end());
  std::vector<double> scores(values.size(), 0.0);
  if (values.empty() || *lowest == *highest) {
    return scores;
  }
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double square = 0.0;
  for (const double value : values) {
    square += (value - mean) * (value - mean);
  }
  const double sd = std::sqrt(square / n);
  for (size_t i = 0; i < values.size(); ++i) {
    scores[i] = sd > 0.0 ? (values[i] - mean) / sd : 0.0;
  }
  return scores;
}

void Summarise(const Table& table, Aggregation& aggregation) {
  MeanOverMeasures plain(table.systems);
  MeanOverMeasures standard(table.systems);
  MeanOverMeasures rank(table.systems);
  for (size_t m = 0; m < table.measures; ++m) {
    const std::vector<size_t> with = table.With(m);
    std::vector<double> values;
    std::vector<double> negative;
    for (const size_t i : with) {
      values.push_back(table.at(i, m));
      negative.push_back(-table.at(i, m));
    }
    const std::vector<double> z = ZScores(values);
    const std::vector<double> ranks = AverageRanks(negative);
    for (size_t i = 0; i < with.size(); ++i) {
      plain.Add(with[i], values[i]);
      standard.Add(with[i], z[i]);
      rank.Add(with[i], ranks[i]);
    }
  }
  aggregation.arithmetic_mean = plain.Means();
  aggregation.z_score_mean = standard.Means();
  aggregation.mean_rank = rank.Means();
}

void Correlate(const Table& table, Aggregation& aggregation) {
  const size_t m = table.measures;
  aggregation.kendall.assign(m * m, kNaN);
  aggregation.spearman.assign(m * m, kNaN);
  for (size_t a = 0; a < m; ++a) {
    for (size_t b = 0; b <= a; ++b) {
      std::vector<double> first;
      std::vector<double> second;
      for (size_t i = 0; i < table.systems; ++i) {
        if (table.there(i, a) && table.there(i, b)) {
          first.push_back(table.at(i, a));
          second.push_back(table.at(i, b));
        }
      }
      if (first.size() < 2) {
        continue;
      }
      aggregation.kendall[a * m + b] = KendallTauB(first, second);
      aggregation.kendall[b * m + a] = aggregation.kendall[a * m + b];
      aggregation.spearman[a * m + b] =
          Pearson(AverageRanks(first), AverageRanks(second));
      aggregation.spearman[b * m + a] = aggregation.spearman[a * m + b];
    }
  }
}

}  // namespace

absl::StatusOr<Aggregation> AggregateScores(
    absl::Span<const double> scores,
    int64_t systems,
    int64_t measures,
    const std::vector<bool>& higher_is_better,
    MissingScores missing) {
  if (systems < 1 || measures < 1 ||
      scores.size() / static_cast<size_t>(systems) !=
          static_cast<size_t>(measures) ||
      scores.size() % static_cast<size_t>(systems) != 0) {
    return absl::InvalidArgumentError(StrCat("scores: ",
                                             scores.size(),
                                             " for ",
                                             systems,
                                             " systems and ",
                                             measures,
                                             " measures"));
  }
  if (higher_is_better.size() != static_cast<size_t>(measures)) {
    return absl::InvalidArgumentError(StrCat("higher_is_better: ",
                                             higher_is_better.size(),
                                             " for ",
                                             measures,
                                             " measures"));
  }
  Table table = {.values = {scores.begin(), scores.end()},
                 .systems = static_cast<size_t>(systems),
                 .measures = static_cast<size_t>(measures),
                 .left_out = std::vector<bool>(static_cast<size_t>(systems))};
  Aggregation aggregation;
  for (size_t i = 0; i < table.values.size(); ++i) {
    double& value = table.values[i];
    const size_t system = i / table.measures;
    const bool score = higher_is_better[i % table.measures];
    if (std::isinf(value)) {
      return absl::InvalidArgumentError(StrCat("scores: system ",
                                               system,
                                               ", measure ",
                                               i % table.measures,
                                               " is infinite"));
    }
    if (!std::isnan(value)) {
      value = score ? value : -value;
    } else if (missing == MissingScores::kCompleteCases) {
      table.left_out[system] = true;
    } else if (missing == MissingScores::kZero && !score) {
      return absl::InvalidArgumentError(
          StrCat("missing: system ",
                 system,
                 " has no value of measure ",
                 i % table.measures,
                 ", a distance, of which 0 is the best; use scores, or another "
                 "rule for missing scores"));
    }
  }
  aggregation.systems_left_out =
      std::count(table.left_out.begin(), table.left_out.end(), true);
  Correlate(table, aggregation);
  if (missing == MissingScores::kZero) {
    std::replace_if(
        table.values.begin(),
        table.values.end(),
        [](double value) { return std::isnan(value); },
        0.0);
  }
  Summarise(table, aggregation);
  return aggregation;
}

}  // namespace repscore
