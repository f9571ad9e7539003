// Scores with what stands beside them.
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr size_t kRowIdBytes = 512;

constexpr std::array<std::pair<v1::Normalization, Normalisation>, 6>
    kNormalisations = {{
        {v1::NORMALIZATION_UNSPECIFIED, Normalisation::kNone},
        {v1::NORMALIZATION_NONE, Normalisation::kNone},
        {v1::NORMALIZATION_R_OVER_C, Normalisation::kROverC},
        {v1::NORMALIZATION_R_SQUARED_OVER_C, Normalisation::kRSquaredOverC},
        {v1::NORMALIZATION_R_SQUARED_OVER_C_SQUARED,
         Normalisation::kRSquaredOverC2},
        {v1::NORMALIZATION_PER_UNIT_R_SQUARED_OVER_C,
         Normalisation::kPerUnitRSquaredOverC},
    }};

void AddWarnings(const std::vector<MeasureWarning>& warnings,
                 google::protobuf::RepeatedPtrField<v1::Warning>* out) {
  for (const MeasureWarning& warning : warnings) {
    v1::Warning* item = out->Add();
    item->set_reason(warning.reason);
    item->set_message(warning.message);
  }
}

void WriteContext(const ScoreContext& context, v1::ScoreContext* out) {
  if (context.ceiling.has_value()) {
    v1::Ceiling* ceiling = out->mutable_ceiling();
    ceiling->set_value(context.ceiling->value);
    if (context.ceiling->error.has_value()) {
      ceiling->set_error(*context.ceiling->error);
    }
    ceiling->set_error_reason(context.ceiling->error_reason);
    ceiling->set_splits(context.ceiling->splits);
    ceiling->set_supplied(context.ceiling->supplied);
  }
  if (context.ceiled.has_value()) {
    out->set_ceiled(*context.ceiled);
  }
  if (context.unclipped.has_value()) {
    out->set_unclipped(*context.unclipped);
  }
  if (context.interval.has_value()) {
    v1::Interval* interval = out->mutable_interval();
    interval->set_lower(context.interval->lower);
    interval->set_upper(context.interval->upper);
    interval->set_confidence(context.interval->confidence);
    interval->set_draws(context.interval->draws);
    interval->set_unit(context.interval->unit);
  }
  if (context.null.has_value()) {
    v1::NullDistribution* null = out->mutable_null_distribution();
    null->set_mean(context.null->mean);
    null->set_standard_deviation(context.null->sd);
    null->set_p_value(context.null->p_value);
    null->set_permutations(context.null->permutations);
  }
  if (context.baseline.has_value()) {
    out->set_baseline(*context.baseline);
  }
  AddWarnings(context.notes, out->mutable_notes());
}

}  // namespace

absl::StatusOr<ScoreOptions> ToScoreOptions(const v1::ContextOptions& options) {
  ScoreOptions result;
  ContextRequest& context = result.context;
  context.ceiling_splits = options.ceiling_splits();
  if (options.has_supplied_ceiling()) {
    context.supplied_ceiling = options.supplied_ceiling();
  }
  std::optional<Normalisation> normalisation;
  for (const auto& [wire, core] : kNormalisations) {
    if (wire == options.normalization()) {
      normalisation = core;
    }
  }
  if (!normalisation.has_value()) {
    return FieldError("context.normalization",
                      absl::StrCat("has the unknown value ",
                                   static_cast<int>(options.normalization())));
  }
  context.normalisation = *normalisation;
  context.clip = options.clip();
  context.bootstrap_draws = options.bootstrap_draws();
  if (options.has_confidence()) {
    context.confidence = options.confidence();
  }
  REPSCORE_RETURN_IF_ERROR(CheckText(
      options.bootstrap_group(), "context.bootstrap_group", kRowIdBytes));
  context.bootstrap_group = options.bootstrap_group();
  context.permutations = options.permutations();
  context.baseline = options.baseline();
  context.seed = options.seed();
  result.companions = options.companion();
  REPSCORE_RETURN_IF_ERROR(ValidateContext(context));
  return result;
}

absl::StatusOr<std::vector<std::string>> ToRowIds(
    const google::protobuf::RepeatedPtrField<std::string>& ids) {
  for (int i = 0; i < ids.size(); ++i) {
    REPSCORE_RETURN_IF_ERROR(
        CheckText(ids[i], absl::StrCat("row_ids[", i, "]"), kRowIdBytes));
  }
  return std::vector<std::string>(ids.begin(), ids.end());
}

v1::Score ToProto(const ScoreResult& score) {
  v1::Score result;
  result.set_measure(score.measure);
  result.set_value(score.value);
  AddWarnings(score.warnings, result.mutable_warnings());
  result.set_fold_digest(score.fold_digest);
  result.set_space(score.space);
  if (score.error.has_value()) {
    result.set_error(*score.error);
  }
  return result;
}

void AddScores(const ScoreReport& report,
               google::protobuf::RepeatedPtrField<v1::Score>* scores) {
  for (size_t i = 0; i < report.scores.size(); ++i) {
    v1::Score* score = scores->Add();
    *score = ToProto(report.scores[i]);
    if (!report.contexts.empty()) {
      WriteContext(report.contexts[i], score->mutable_context());
    }
    if (!report.companions.empty() && report.companions[i].has_value()) {
      *score->mutable_context()->mutable_companion() =
          ToProto(*report.companions[i]);
    }
  }
}

v1::CandidateSummary ToProto(const SideSummary& summary) {
  v1::CandidateSummary result;
  result.set_rows(summary.rows);
  result.set_features(summary.features);
  result.set_effective_dimensionality(summary.effective_dimensionality);
  return result;
}

}  // namespace repscore::server
