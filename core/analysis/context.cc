#include "core/analysis/context.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <string_view>
#include <utility>

#include "core/analysis/ceiling.h"
#include "core/analysis/resampling.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr int64_t kMostDraws = 1'000'000;
// Fewer units have too few different halves.
constexpr int64_t kFewestUnits = 6;
// Scores this close are equal: a permutation that changes nothing counts.
constexpr double kSameScore = 1e-12;

/// Draws of one measure that have a value.
std::vector<double> Column(const DrawnScores& scores, size_t measure) {
  std::vector<double> column;
  for (const Values& draw : scores.draws) {
    if (draw[measure].has_value()) {
      column.push_back(*draw[measure]);
    }
  }
  return column;
}

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

/// Population standard deviation.
double DeviationOf(const std::vector<double>& values) {
  const double mean = MeanOf(values);
  double sum = 0.0;
  for (const double value : values) {
    sum += (value - mean) * (value - mean);
  }
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// Quantile of sorted values, linear between order statistics at (i + 1) /
/// (size + 1).
double Quantile(const std::vector<double>& sorted, double probability) {
  const auto size = static_cast<double>(sorted.size());
  const double position =
      std::clamp(probability * (size + 1.0) - 1.0, 0.0, size - 1.0);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = position - static_cast<double>(below);
  return (1.0 - share) * sorted[below] + share * sorted[above];
}

double NormalQuantile(double probability) {
  double low = -40.0;
  double high = 40.0;
  constexpr int kHalvings = 80;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = 0.5 * (low + high);
    const double below = 0.5 * std::erfc(-middle / std::numbers::sqrt2);
    (below < probability ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Student's t over normal quantile, by its expansion in 1 / degrees of freedom
/// (Abramowitz & Stegun 26.7.5).
double StudentFactor(double probability, double degrees) {
  const double z2 = std::pow(NormalQuantile(probability), 2.0);
  const double first = (z2 + 1.0) / 4.0;
  const double second = (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / 96.0;
  return 1.0 + first / degrees + second / (degrees * degrees);
}

class ContextBuilder {
 public:
  ContextBuilder(const Reference& reference,
                 absl::Span<const std::shared_ptr<const Measure>> measures,
                 absl::Span<const double> scores,
                 const ContextRequest& request,
                 const Continue& keep_going)
      : reference_(reference),
        measures_(measures),
        scores_(scores),
        request_(request),
        keep_going_(keep_going),
        contexts_(measures.size()) {}

  absl::StatusOr<std::vector<ScoreContext>> Build(
      const Matrix& candidate_rows, const Matrix& candidate_means) {
    REPSCORE_ASSIGN_OR_RETURN(const Resampler resampler,
                              Resampler::Create(reference_, measures_));
    const Sides sides = {.candidate = candidate_rows,
                         .candidate_means = candidate_means,
                         .reference = reference_.centred(),
                         .compressed = reference_.compressed(),
                         .reference_means = reference_.means()};
    if (request_.supplied_ceiling.has_value()) {
      SupplyCeiling();
    } else if (request_.ceiling_splits > 0) {
      REPSCORE_RETURN_IF_ERROR(SplitHalves(resampler));
    }
    for (size_t m = 0; m < measures_.size(); ++m) {
      Normalise(m);
    }
    if (request_.bootstrap_draws > 0) {
      REPSCORE_RETURN_IF_ERROR(AddIntervals(resampler, sides));
    }
    if (request_.permutations > 0) {
      REPSCORE_RETURN_IF_ERROR(AddNulls(resampler, sides));
    }
    if (request_.baseline) {
      AddBaselines(resampler);
    }
    return std::move(contexts_);
  }

 private:
  bool IsScore(size_t m) const {
    return measures_[m]->info().orientation == Orientation::kScore;
  }

  void Note(size_t m, std::string reason, std::string message) {
    contexts_[m].notes.push_back(
        {.reason = std::move(reason), .message = std::move(message)});
  }
  void NoteAll(const std::string& reason, const std::string& message) {
    for (size_t m = 0; m < measures_.size(); ++m) {
      Note(m, reason, message);
    }
  }

  /// The values of a measure, unless fewer than half of the draws have one;
  /// notes what is missing.
  std::vector<double> Usable(const DrawnScores& scores,
                             size_t m,
                             std::string_view part) {
    std::vector<double> column = Column(scores, m);
    const size_t lost = scores.draws.size() - column.size();
    if (lost == 0) {
      return column;
    }
    const bool enough = 2 * column.size() >= scores.draws.size();
    Note(m,
         enough ? "DRAWS_SKIPPED" : "UNDEFINED_DRAWS",
         StrCat(part,
                ": ",
                lost,
                " of ",
                scores.draws.size(),
                " draws have no value: ",
                scores.failure));
    return enough ? column : std::vector<double>{};
  }

  void SupplyCeiling() {
    for (ScoreContext& context : contexts_) {
      context.ceiling = Ceiling{.value = *request_.supplied_ceiling,
                                .error = std::nullopt,
                                .error_reason = "supplied by the caller",
                                .splits = 0,
                                .supplied = true};
    }
  }

  absl::Status SplitHalves(const Resampler& resampler) {
    const std::string why_not = WhyNoHalves(reference_.dataset());
    if (!why_not.empty()) {
      NoteAll("NO_REPETITIONS", StrCat("ceiling: ", why_not));
      return absl::OkStatus();
    }
    REPSCORE_ASSIGN_OR_RETURN(const DrawnScores halves,
                              ScoreHalves(reference_,
                                          resampler,
                                          request_.ceiling_splits,
                                          request_.seed,
                                          keep_going_));
    for (size_t m = 0; m < measures_.size(); ++m) {
      std::vector<double> values = Usable(halves, m, "ceiling");
      if (values.empty()) {
        continue;
      }
      if (IsScore(m)) {
        // Spearman-Brown; disagreement is not made larger.
        for (double& value : values) {
          value = value > 0.0 ? 2.0 * value / (1.0 + value) : value;
        }
      } else {
        Note(m,
             "CEILING_OF_A_DISTANCE",
             "ceiling: the distance between halves of the repetitions, not "
             "corrected for their length");
      }
      Ceiling ceiling;
      ceiling.value = MeanOf(values);
      ceiling.splits = static_cast<int64_t>(values.size());
      if (values.size() > 1) {
        ceiling.error =
            DeviationOf(values) / std::sqrt(static_cast<double>(values.size()));
      } else {
        ceiling.error_reason = "one split";
      }
      contexts_[m].ceiling = std::move(ceiling);
    }
    return absl::OkStatus();
  }

  void Normalise(size_t m) {
    ScoreContext& context = contexts_[m];
    if (request_.normalisation == Normalisation::kNone ||
        !context.ceiling.has_value()) {
      return;
    }
    const double r = scores_[m];
    const double c = context.ceiling->value;
    if (!IsScore(m)) {
      Note(m, "NOT_A_SCORE", "ceiled: a distance is not divided by a ceiling");
      return;
    }
    if (!(c > 0.0)) {
      Note(m,
           "CEILING_NOT_POSITIVE",
           StrCat("ceiled: the ceiling is ", c, ", must be positive"));
      return;
    }
    double ceiled = r / c;
    if (request_.normalisation == Normalisation::kRSquaredOverC) {
      ceiled = r * r / c;
    } else if (request_.normalisation == Normalisation::kRSquaredOverC2) {
      ceiled = (r / c) * (r / c);
    }
    if (r < 0.0 && request_.normalisation != Normalisation::kROverC) {
      Note(m, "SIGN_LOST", "ceiled: the score is negative and was squared");
    }
    context.unclipped = ceiled;
    context.ceiled = request_.clip ? std::clamp(ceiled, 0.0, 1.0) : ceiled;
  }

  /// Unit of every condition, numbered by first appearance.
  absl::StatusOr<std::vector<int64_t>> Units() const {
    const Dataset& dataset = reference_.dataset();
    std::vector<int64_t> units(static_cast<size_t>(dataset.conditions()));
    std::iota(units.begin(), units.end(), int64_t{0});
    if (request_.bootstrap_group.empty()) {
      return units;
    }
    for (const NamedValues& group : dataset.description.groups) {
      if (group.name == request_.bootstrap_group) {
        std::map<std::string, int64_t> number;
        for (size_t c = 0; c < units.size(); ++c) {
          units[c] =
              number
                  .emplace(group.values[c], static_cast<int64_t>(number.size()))
                  .first->second;
        }
        return units;
      }
    }
    return absl::InvalidArgumentError(StrCat("context.bootstrap_group: ",
                                             dataset.name,
                                             " has no group '",
                                             request_.bootstrap_group,
                                             "'"));
  }

  absl::Status AddIntervals(const Resampler& resampler, const Sides& sides) {
    REPSCORE_ASSIGN_OR_RETURN(const std::vector<int64_t> units, Units());
    const int64_t count = *std::max_element(units.begin(), units.end()) + 1;
    const std::string unit = request_.bootstrap_group.empty()
                                 ? "condition"
                                 : request_.bootstrap_group;
    if (count < kFewestUnits) {
      NoteAll("TOO_FEW_UNITS",
              StrCat("interval: ",
                     count,
                     " values of ",
                     unit,
                     ", at least ",
                     kFewestUnits,
                     " are needed"));
      return absl::OkStatus();
    }
    const int64_t kept = count / 2;
    REPSCORE_ASSIGN_OR_RETURN(const DrawnScores halves,
                              resampler.ScoreSubsets(sides,
                                                     units,
                                                     count,
                                                     kept,
                                                     request_.bootstrap_draws,
                                                     request_.seed,
                                                     keep_going_));
    for (size_t m = 0; m < measures_.size(); ++m) {
      const std::vector<double> values = Usable(halves, m, "interval");
      if (!values.empty()) {
        contexts_[m].interval = IntervalOf(m, values, kept, count, unit);
      }
    }
    return absl::OkStatus();
  }

  /// Half-sampling: see context.h.
  Interval IntervalOf(size_t m,
                      const std::vector<double>& values,
                      int64_t kept,
                      int64_t count,
                      const std::string& unit) {
    const double ratio =
        static_cast<double>(kept) / static_cast<double>(count - kept);
    const double mean = MeanOf(values);
    const double centre = scores_[m] - ratio * (mean - scores_[m]);
    const double tail = 0.5 * (1.0 - request_.confidence);
    const double scale =
        std::sqrt(ratio) *
        StudentFactor(1.0 - tail, static_cast<double>(kept - 1));
    std::vector<double> deviations;
    for (const double value : values) {
      deviations.push_back(scale * (value - mean));
    }
    std::sort(deviations.begin(), deviations.end());
    const MeasureInfo& info = measures_[m]->info();
    Interval interval;
    interval.lower = std::clamp(
        centre - Quantile(deviations, 1.0 - tail), info.lowest, info.highest);
    interval.upper = std::clamp(
        centre - Quantile(deviations, tail), info.lowest, info.highest);
    interval.confidence = request_.confidence;
    interval.draws = static_cast<int64_t>(values.size());
    interval.unit = unit;
    const double margin = kSameScore * std::max(1.0, std::abs(scores_[m]));
    if (scores_[m] < interval.lower - margin ||
        scores_[m] > interval.upper + margin) {
      Note(m,
           "SCORE_OUTSIDE_INTERVAL",
           StrCat("interval: of the value under many conditions; the score's "
                  "bias at ",
                  count,
                  " of them exceeds its sampling error"));
    }
    return interval;
  }

  absl::Status AddNulls(const Resampler& resampler, const Sides& sides) {
    REPSCORE_ASSIGN_OR_RETURN(
        const DrawnScores draws,
        resampler.ScorePermutations(
            sides, request_.permutations, request_.seed, keep_going_));
    for (size_t m = 0; m < measures_.size(); ++m) {
      const std::vector<double> values = Usable(draws, m, "null");
      if (values.empty()) {
        continue;
      }
      const double sign = IsScore(m) ? 1.0 : -1.0;
      const double margin = kSameScore * std::max(1.0, std::abs(scores_[m]));
      const auto as_similar = static_cast<double>(
          std::count_if(values.begin(), values.end(), [&](double value) {
            return sign * (value - scores_[m]) >= -margin;
          }));
      contexts_[m].null = NullDistribution{
          .mean = MeanOf(values),
          .sd = DeviationOf(values),
          .p_value =
              (1.0 + as_similar) / (1.0 + static_cast<double>(values.size())),
          .permutations = static_cast<int64_t>(values.size())};
    }
    return absl::OkStatus();
  }

  void AddBaselines(const Resampler& resampler) {
    if (reference_.conditions() == reference_.rows()) {
      NoteAll("NO_CONDITION_AXIS",
              StrCat("baseline: ",
                     reference_.dataset().name,
                     " has no time bins, so that its average over conditions "
                     "does not vary"));
      return;
    }
    std::string failure;
    const Values values = ScoreConditionAverage(reference_, resampler, failure);
    for (size_t m = 0; m < measures_.size(); ++m) {
      contexts_[m].baseline = values[m];
      if (!values[m].has_value()) {
        Note(m, "UNDEFINED_BASELINE", StrCat("baseline: ", failure));
      }
    }
  }

  const Reference& reference_;
  const absl::Span<const std::shared_ptr<const Measure>> measures_;
  const absl::Span<const double> scores_;
  const ContextRequest& request_;
  const Continue& keep_going_;
  std::vector<ScoreContext> contexts_;
};

absl::Status CheckCount(int64_t value, std::string_view field) {
  if (value >= 0 && value <= kMostDraws) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat(
      "context.", field, ": ", value, ", must be from 0 to ", kMostDraws));
}

}  // namespace

absl::Status ValidateContext(const ContextRequest& request) {
  REPSCORE_RETURN_IF_ERROR(
      CheckCount(request.ceiling_splits, "ceiling_splits"));
  REPSCORE_RETURN_IF_ERROR(
      CheckCount(request.bootstrap_draws, "bootstrap_draws"));
  REPSCORE_RETURN_IF_ERROR(CheckCount(request.permutations, "permutations"));
  if (request.supplied_ceiling.has_value() &&
      !(std::isfinite(*request.supplied_ceiling) &&
        *request.supplied_ceiling > 0.0)) {
    return absl::InvalidArgumentError(StrCat("context.supplied_ceiling: ",
                                             *request.supplied_ceiling,
                                             ", must be positive and finite"));
  }
  if (!(request.confidence > 0.0 && request.confidence < 1.0)) {
    return absl::InvalidArgumentError(StrCat("context.confidence: ",
                                             request.confidence,
                                             ", must be between 0 and 1"));
  }
  const double fewest = std::ceil(2.0 / (1.0 - request.confidence) - 1e-6);
  if (request.bootstrap_draws > 0 &&
      static_cast<double>(request.bootstrap_draws) < fewest) {
    return absl::InvalidArgumentError(StrCat("context.bootstrap_draws: ",
                                             request.bootstrap_draws,
                                             " are too few for confidence ",
                                             request.confidence,
                                             ", which takes at least ",
                                             fewest));
  }
  if (request.normalisation != Normalisation::kNone &&
      request.ceiling_splits == 0 && !request.supplied_ceiling.has_value()) {
    return absl::InvalidArgumentError(
        "context.normalisation: needs a ceiling; ask for ceiling_splits or "
        "supply one");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ScoreContext>> ComputeContext(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    absl::Span<const double> scores,
    const Matrix& candidate_rows,
    const Matrix& candidate_means,
    const ContextRequest& request,
    const KeepGoing& keep_going) {
  using Result = absl::StatusOr<std::vector<ScoreContext>>;
  REPSCORE_RETURN_IF_ERROR(ValidateContext(request));
  if (scores.size() != measures.size()) {
    return absl::InternalError(
        StrCat(scores.size(), " scores for ", measures.size(), " measures"));
  }
  return Guarded([&]() -> Result {
    return ContextBuilder(reference, measures, scores, request, keep_going)
        .Build(candidate_rows, candidate_means);
  });
}

}  // namespace repscore
