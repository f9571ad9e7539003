// Measures whose parameter is another measure: the mean of both directions, and
// a score relative to a noise ceiling.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/directed.h"
#include "core/measures/families.h"
#include "core/measures/registry.h"

namespace repscore {
namespace {

// A ceiling is a reliability or a correlation; small estimates of it make
// ratios of noise.
constexpr double kSmallestCeiling = 1e-6;

constexpr std::string_view kMeasureHelp =
    "specification of the measure, with its own parameters; explicit folds are "
    "its folds";

/// The measure that the parameter `measure` names; its canonical form becomes
/// the parameter's.
absl::StatusOr<std::shared_ptr<const Measure>> MakeInner(
    Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(
      std::shared_ptr<const Measure> inner,
      CreateMeasure({.id = parameters.Text("measure"),
                     .explicit_folds = parameters.lists().test,
                     .explicit_training = parameters.lists().train},
                    "measure"));
  parameters.Replace("measure", inner->id());
  return inner;
}

/// What `registered` says of itself, with the claims of `claims`.
MeasureInfo Described(MeasureInfo claims, const MeasureInfo& registered) {
  claims.id = registered.id;
  claims.aliases = registered.aliases;
  claims.summary = registered.summary;
  claims.parameters = registered.parameters;
  claims.source = registered.source;
  claims.examples = registered.examples;
  claims.cost = registered.cost;
  claims.known_as = registered.known_as;
  return claims;
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeBidirectional(
    const MeasureInfo& registered, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<const Measure> inner,
                            MakeInner(parameters));
  constexpr Direction kBoth = Direction::kSymmetricMean;
  MeasureInfo claims =
      Described(DirectedClaims(inner->info(), kBoth), registered);
  return MakeDirected(
      std::move(inner), kBoth, std::move(claims), parameters.Canonical());
}

enum class Normalisation {
  kNone,
  kValue,                   ///< r/c
  kSquaredValue,            ///< r2/c
  kSquaredValueAndCeiling,  ///< r2/c2
};

constexpr std::array<std::string_view, 4> kNormalisations = {
    "none", "r/c", "r2/c", "r2/c2"};

/// f(r) of a score r.
struct Correction {
  Normalisation normalisation = Normalisation::kNone;
  double ceiling = 1.0;
  bool clips = false;

  bool squares() const {
    return normalisation == Normalisation::kSquaredValue ||
           normalisation == Normalisation::kSquaredValueAndCeiling;
  }
  double factor() const {
    switch (normalisation) {
      case Normalisation::kNone:
        return 1.0;
      case Normalisation::kSquaredValueAndCeiling:
        return 1.0 / (ceiling * ceiling);
      default:
        return 1.0 / ceiling;
    }
  }
  double Value(double r) const {
    const double value = factor() * (squares() ? r * r : r);
    return clips ? std::clamp(value, 0.0, 1.0) : value;
  }
  /// df / dr where nothing is clipped.
  double Slope(double r) const {
    return factor() * (squares() ? 2.0 * r : 1.0);
  }

  /// The range of f over that of r.
  void Claim(MeasureInfo& info) const {
    const double ends[] = {info.lowest, info.highest};
    info.highest = std::max(Value(ends[0]), Value(ends[1]));
    info.lowest = squares() && ends[0] < 0.0
                      ? Value(0.0)
                      : std::min(Value(ends[0]), Value(ends[1]));
    info.exact_at_equality = info.exact_at_equality && Value(1.0) == 1.0;
    info.differentiable = info.differentiable && !clips;
  }
};

class NoiseCorrected final : public Measure {
 public:
  NoiseCorrected(MeasureInfo info,
                 std::shared_ptr<const Measure> inner,
                 Correction correction,
                 std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        inner_(std::move(inner)),
        correction_(correction) {}

  const MeasureInfo& info() const override { return info_; }
  const FoldRule* fold_rule() const override { return inner_->fold_rule(); }
  StatisticsNeeds Needs(const ProblemSize& size) const override {
    return inner_->Needs(size);
  }
  absl::Status CheckSize(const ProblemSize& size) const override {
    return inner_->CheckSize(size);
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    return inner_->WorkElements(size);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    REPSCORE_ASSIGN_OR_RETURN(Evaluation inner,
                              inner_->Evaluate(statistics, request, accuracy));
    const double slope = correction_.Slope(inner.value);
    Evaluation result;
    result.value = correction_.Value(inner.value);
    if (inner.error.has_value()) {
      result.error = std::abs(slope) * *inner.error;
    }
    result.adjoint.AddScaled(*statistics.backend, slope, inner.adjoint);
    result.at_optimum = inner.at_optimum;
    result.warnings = std::move(inner.warnings);
    Warn(inner.value, result.warnings);
    return result;
  }

 private:
  void Warn(double r, std::vector<MeasureWarning>& warnings) const {
    const double uncut =
        correction_.factor() * (correction_.squares() ? r * r : r);
    if (correction_.squares() && r < 0.0) {
      warnings.push_back(
          {.reason = "NEGATIVE_SQUARED",
           .message = StrCat("the score is ",
                             r,
                             ", and its square hides that it is negative")});
    }
    if (uncut > 1.0 && correction_.normalisation != Normalisation::kNone) {
      warnings.push_back(
          {.reason = "ABOVE_CEILING",
           .message =
               StrCat("the score ",
                      r,
                      " is above its ceiling ",
                      correction_.ceiling,
                      correction_.clips ? " and was clipped to 1" : "")});
    }
  }

  const MeasureInfo info_;
  const std::shared_ptr<const Measure> inner_;
  const Correction correction_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeNoiseCorrected(
    const MeasureInfo& registered, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<const Measure> inner,
                            MakeInner(parameters));
  if (inner->info().orientation != Orientation::kScore) {
    return absl::InvalidArgumentError(
        StrCat("measure=",
               inner->id(),
               " is a distance, which has no ceiling; use a score"));
  }
  Correction correction;
  REPSCORE_ASSIGN_OR_RETURN(
      correction.ceiling, parameters.Number("ceiling", kSmallestCeiling, 1.0));
  REPSCORE_ASSIGN_OR_RETURN(
      const int normalisation,
      parameters.Choice("normalisation", kNormalisations));
  correction.normalisation = static_cast<Normalisation>(normalisation);
  REPSCORE_ASSIGN_OR_RETURN(
      const int clip, parameters.Choice("clip", {"none", "unit_interval"}));
  correction.clips = clip == 1;
  MeasureInfo claims = Described(inner->info(), registered);
  correction.Claim(claims);
  return std::make_shared<NoiseCorrected>(
      std::move(claims), std::move(inner), correction, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> WrapperFamily() {
  const MeasureInfo bidirectional = {
      .id = "bidirectional",
      .aliases = {},
      .summary = "mean of a measure in both directions: bidirectional(m)",
      .orientation = Orientation::kScore,
      .lowest = 0.0,
      .highest = 1.0,
      .symmetric = true,
      .metric = false,
      .differentiable = true,
      .invariances = {"orthogonal", "permutation", "scale", "translation"},
      .parameters = {{.name = "measure",
                      .default_value = "linear_r2",
                      .description = kMeasureHelp}},
      .minimum_rows = 2,
      .source = "the wrapped measure's",
      .examples =
          {"bidirectional(ridge_r2(lambda=2))",
           "bidirectional(ridge_r(folds=rows_shuffled(4,7),lambda=20))",
           "bidirectional(pls_r2(components=2,folds=rows_contiguous(4)))"},
      .cost = "twice the wrapped measure"};
  MeasureInfo corrected = bidirectional;
  corrected.id = "noise_corrected";
  corrected.summary =
      "a score relative to a ceiling that the caller knows: "
      "noise_corrected(m,ceiling=c,normalisation=r2/c)";
  corrected.symmetric = false;
  corrected.invariances = {
      "orthogonal", "permutation", "scale", "translation", "invertible"};
  corrected.reference_invariances = {"permutation", "scale", "translation"};
  corrected.parameters = {
      {.name = "ceiling",
       .default_value = "1",
       .description =
           "c, above 0 and at most 1. For r2/c a reliability, that is already "
           "a squared quantity; for r/c and r2/c2 on the scale of the score"},
      {.name = "clip",
       .default_value = "none",
       .description = "none, or unit_interval: to [0, 1]"},
      {.name = "measure",
       .default_value = "linear_r",
       .description = kMeasureHelp},
      {.name = "normalisation",
       .default_value = "none",
       .description =
           "none; r/c; r2/c (Brain-Score since 2026, for correlations r); "
           "r2/c2 (before). Squares lose the sign, which is a warning. One "
           "ceiling for all targets: with one per target, divide the scores of "
           "single targets"}};
  corrected.lowest = -1.0;
  corrected.differentiable = false;
  corrected.minimum_rows = 3;
  corrected.source =
      "Schrimpf et al. 2018, Brain-Score; Spearman 1904 (correction for "
      "attenuation)";
  corrected.examples = {
      "noise_corrected(cka,ceiling=0.8,normalisation=r/c)",
      "noise_corrected(cka.debiased,ceiling=0.5,normalisation=r2/c2)",
      "noise_corrected(bidirectional(ridge_r2(lambda=2)),ceiling=0.9,"
      "normalisation=r/c)",
      "noise_corrected(ridge_r(folds=rows_contiguous(4),lambda=20),ceiling=0.7,"
      "clip=unit_interval,normalisation=r2/c)"};
  corrected.cost = "the wrapped measure";
  corrected.known_as = {
      "brain-score/vision: raw^2 / ceiling (normalisation=r2/c)"};
  return {{bidirectional, MakeBidirectional}, {corrected, MakeNoiseCorrected}};
}

}  // namespace repscore
