#include "core/analysis/context.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>

#include "core/analysis/ceiling.h"
#include "core/analysis/draw_statistics.h"
#include "core/analysis/resampling.h"
#include "core/analysis/student_quantile.h"
#include "core/analysis/unit_ceiling.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

// Fewer units have no variance to speak of.
constexpr int64_t kFewestUnits = 5;
// Of the units in every draw of an interval; see context.h.
constexpr double kShareLeftOut = 0.1;
// Scores this close are equal: a permutation that changes nothing counts.
constexpr double kSameScore = 1e-12;
// Scores above 1 - this are too close to 1 for its logarithm.
constexpr double kNearlyEqual = 1e-9;

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

class ContextBuilder {
 public:
  ContextBuilder(const Reference& reference,
                 absl::Span<const std::shared_ptr<const Measure>> measures,
                 absl::Span<const double> scores,
                 absl::Span<const UnitScores> units,
                 const ContextRequest& request,
                 const Continue& keep_going)
      : reference_(reference),
        measures_(measures),
        scores_(scores),
        units_(units),
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
    std::vector<double> column = DefinedDraws(scores, m);
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
    unit_ceilings_ = {request_.supplied_ceiling};
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
    int64_t per_unit = 0;
    for (size_t m = 0; m < measures_.size(); ++m) {
      per_unit += IsPerUnit(m) ? 1 : 0;
    }
    if (per_unit > 0) {
      REPSCORE_RETURN_IF_ERROR(SplitUnits());
    }
    if (per_unit == static_cast<int64_t>(measures_.size())) {
      return absl::OkStatus();
    }
    REPSCORE_ASSIGN_OR_RETURN(const DrawnScores halves,
                              ScoreHalves(reference_,
                                          resampler,
                                          request_.ceiling_splits,
                                          request_.seed,
                                          keep_going_));
    for (size_t m = 0; m < measures_.size(); ++m) {
      std::vector<double> values;
      if (!IsPerUnit(m)) {
        values = Usable(halves, m, "ceiling");
      }
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
      contexts_[m].ceiling = CeilingOver(values);
    }
    return absl::OkStatus();
  }

  static Ceiling CeilingOver(const std::vector<double>& splits) {
    Ceiling ceiling;
    ceiling.value = MeanOf(splits);
    ceiling.splits = static_cast<int64_t>(splits.size());
    if (splits.size() > 1) {
      ceiling.error =
          DeviationOf(splits) / std::sqrt(static_cast<double>(splits.size()));
    } else {
      ceiling.error_reason = "one split";
    }
    return ceiling;
  }

  /// Whether every unit of this score has a ceiling of its own.
  bool IsPerUnit(size_t m) const {
    return request_.normalisation == Normalisation::kPerUnitRSquaredOverC &&
           !units_[m].values.empty();
  }

  absl::Status SplitUnits() {
    REPSCORE_ASSIGN_OR_RETURN(UnitReliability reliability,
                              ReliabilityOfUnits(reference_.dataset(),
                                                 request_.ceiling_splits,
                                                 request_.seed,
                                                 keep_going_));
    unit_ceilings_ = std::move(reliability.units);
    for (size_t m = 0; m < measures_.size(); ++m) {
      if (!IsPerUnit(m)) {
        continue;
      }
      if (reliability.medians.empty()) {
        Note(m, "UNDEFINED_DRAWS", "ceiling: no unit varies in both halves");
      } else {
        contexts_[m].ceiling = CeilingOver(reliability.medians);
      }
    }
    return absl::OkStatus();
  }

  void NormaliseUnits(size_t m) {
    if (!IsPerUnit(m)) {
      Note(m,
           "NO_UNIT_SCORES",
           "ceiled: the score is no mean or median of correlations of units of "
           "the reference with their predictions");
      return;
    }
    const CeiledUnits ceiled = CeilUnits(units_[m], unit_ceilings_);
    if (ceiled.skipped > 0) {
      Note(m,
           "UNITS_SKIPPED",
           StrCat("ceiled: ",
                  ceiled.skipped,
                  " of ",
                  units_[m].values.size(),
                  " units have no score or no positive ceiling"));
    }
    if (ceiled.negative > 0) {
      Note(m,
           "SIGN_LOST",
           StrCat("ceiled: ",
                  ceiled.negative,
                  " units have a negative score that was squared"));
    }
    if (ceiled.value.has_value()) {
      SetCeiled(m, *ceiled.value);
    }
  }

  void SetCeiled(size_t m, double ceiled) {
    contexts_[m].unclipped = ceiled;
    contexts_[m].ceiled = request_.clip ? std::clamp(ceiled, 0.0, 1.0) : ceiled;
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
    if (request_.normalisation == Normalisation::kPerUnitRSquaredOverC) {
      NormaliseUnits(m);
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
    SetCeiled(m, ceiled);
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
    const int64_t left_out = std::max<int64_t>(
        1, std::llround(kShareLeftOut * static_cast<double>(count)));
    const int64_t kept = count - left_out;
    REPSCORE_ASSIGN_OR_RETURN(const DrawnScores subsets,
                              resampler.ScoreSubsets(sides,
                                                     units,
                                                     count,
                                                     kept,
                                                     request_.bootstrap_draws,
                                                     request_.seed,
                                                     keep_going_));
    for (size_t m = 0; m < measures_.size(); ++m) {
      const std::vector<double> values = Usable(subsets, m, "interval");
      if (!values.empty()) {
        contexts_[m].interval = IntervalOf(m, values, kept, count, unit);
      }
    }
    return absl::OkStatus();
  }

  /// Scores up to 1 are judged by -log(1 - v), unless some are 1 to rounding.
  bool OnLogScale(size_t m, const std::vector<double>& values) const {
    const double largest =
        std::max(scores_[m], *std::max_element(values.begin(), values.end()));
    return IsScore(m) && measures_[m]->info().highest == 1.0 &&
           largest < 1.0 - kNearlyEqual;
  }

  /// The delete-d jackknife of context.h.
  Interval IntervalOf(size_t m,
                      std::vector<double> values,
                      int64_t kept,
                      int64_t count,
                      const std::string& unit) {
    const bool on_log_scale = OnLogScale(m, values);
    double score = scores_[m];
    if (on_log_scale) {
      score = -std::log1p(-score);
      for (double& value : values) {
        value = -std::log1p(-value);
      }
    }
    const double ratio =
        static_cast<double>(kept) / static_cast<double>(count - kept);
    const double centre = score - ratio * (MeanOf(values) - score);
    // The bias is known to a share of ratio / draws of the score's variance.
    const auto draws = static_cast<double>(values.size());
    const double error =
        std::sqrt(ratio * (1.0 + ratio / draws)) * DeviationOf(values);
    const double tail = 0.5 * (1.0 - request_.confidence);
    const double half_width =
        error * StudentQuantile(1.0 - tail, static_cast<double>(count - 1));
    const auto on_own_scale = [on_log_scale](double value) {
      return on_log_scale ? -std::expm1(-value) : value;
    };
    const MeasureInfo& info = measures_[m]->info();
    Interval interval;
    interval.lower = std::clamp(
        on_own_scale(centre - half_width), info.lowest, info.highest);
    interval.upper = std::clamp(
        on_own_scale(centre + half_width), info.lowest, info.highest);
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
  const absl::Span<const UnitScores> units_;
  const ContextRequest& request_;
  const Continue& keep_going_;
  std::vector<ScoreContext> contexts_;
  /// One per unit of the reference, or one for all.
  std::vector<std::optional<double>> unit_ceilings_;
};

}  // namespace

absl::StatusOr<std::vector<ScoreContext>> ComputeContext(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    absl::Span<const double> scores,
    absl::Span<const UnitScores> units,
    const CentredCandidate& candidate,
    const ContextRequest& request,
    const KeepGoing& keep_going) {
  using Result = absl::StatusOr<std::vector<ScoreContext>>;
  REPSCORE_RETURN_IF_ERROR(ValidateContext(request));
  if (scores.size() != measures.size() || units.size() != measures.size()) {
    return absl::InternalError(StrCat(scores.size(),
                                      " scores and ",
                                      units.size(),
                                      " of units for ",
                                      measures.size(),
                                      " measures"));
  }
  return Guarded([&]() -> Result {
    return ContextBuilder(
               reference, measures, scores, units, request, keep_going)
        .Build(candidate.rows, candidate.means);
  });
}

}  // namespace repscore
