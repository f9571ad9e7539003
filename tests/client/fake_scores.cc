#include "tests/client/fake_scores.h"

#include <limits>

namespace repscore::client {
namespace {

constexpr char kSuffix[] = "(canonical=yes)";

void FillCeiling(const v1::ContextOptions& options, v1::ScoreContext& context) {
  if (options.has_supplied_ceiling()) {
    context.mutable_ceiling()->set_value(options.supplied_ceiling());
    context.mutable_ceiling()->set_supplied(true);
  } else if (options.ceiling_splits() > 1) {
    context.mutable_ceiling()->set_value(0.8);
    context.mutable_ceiling()->set_error(0.01);
    context.mutable_ceiling()->set_splits(options.ceiling_splits());
  } else if (options.ceiling_splits() == 1) {
    v1::Warning& note = *context.add_notes();
    note.set_reason("NO_REPETITIONS");
    note.set_message("the dataset has no repetitions");
  }
  if (options.normalization() > v1::NORMALIZATION_NONE) {
    context.set_ceiled(0.5);
  }
}

void FillDraws(const v1::ContextOptions& options, v1::ScoreContext& context) {
  if (options.bootstrap_draws() > 0) {
    v1::Interval& interval = *context.mutable_interval();
    interval.set_lower(0.0625);
    interval.set_upper(0.25);
    interval.set_confidence(options.has_confidence() ? options.confidence()
                                                     : 0.95);
    interval.set_draws(options.bootstrap_draws());
    interval.set_unit("condition");
  }
  if (options.permutations() > 0) {
    v1::NullDistribution& null = *context.mutable_null_distribution();
    null.set_mean(0.03125);
    null.set_standard_deviation(0.01);
    null.set_p_value(0.01);
    null.set_permutations(options.permutations());
  }
}

}  // namespace

std::string Canonical(const std::string& id) {
  return id.find(kSuffix) == std::string::npos ? id + kSuffix : id;
}

void FillScores(
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& measures,
    const v1::ContextOptions& context,
    google::protobuf::RepeatedPtrField<v1::Score>* scores) {
  double value = 0.123456789012;
  for (const v1::MeasureSpec& measure : measures) {
    v1::Score& score = *scores->Add();
    score.set_measure(Canonical(measure.id()));
    score.set_value(value);
    value += 0.25;
    if (measure.id() == "halves") {
      score.set_error(0.015625);
    }
    FillCeiling(context, *score.mutable_context());
    FillDraws(context, *score.mutable_context());
    if (context.baseline()) {
      score.mutable_context()->set_baseline(0.75);
    }
    if (context.calibration()) {
      score.mutable_context()->mutable_calibration()->set_statement(
          "optimised noise at this score captures PCs 1-3 and decodes context "
          "at 0.61 where the recording gives 0.89; above the condition "
          "average");
    }
    if (context.companion() && measure.id() == "cka") {
      v1::Score& companion = *score.mutable_context()->mutable_companion();
      companion.set_measure("cka.debiased(canonical=yes)");
      companion.set_value(0.0078125);
    }
  }
  if (!scores->empty()) {
    v1::Warning& warning = *scores->Mutable(0)->add_warnings();
    warning.set_reason("SATURATED");
    warning.set_message("more features than rows");
  }
}

void FillProvenance(const std::string& dataset, v1::Provenance& provenance) {
  provenance.set_dataset_version(dataset);
  provenance.set_backend("cpu");
  provenance.set_server_version("9.9");
  provenance.set_precision(v1::PRECISION_FLOAT64);
}

void Summarize(const v1::TensorSpec& spec, v1::CandidateSummary& summary) {
  if (spec.shape_size() == 2) {
    summary.set_rows(spec.shape(0));
    summary.set_features(spec.shape(1));
  }
}

v1::MeasureDescription ShapeEuclidean() {
  v1::MeasureDescription measure;
  measure.set_id("shape.euclidean");
  measure.set_canonical("shape.euclidean(alpha=1)");
  measure.add_aliases("shape_euclidean");
  measure.set_summary("distance between shapes");
  measure.set_orientation(v1::ORIENTATION_DISTANCE);
  measure.set_highest(std::numeric_limits<double>::infinity());
  measure.set_metric(true);
  measure.set_exact_at_equality(true);
  measure.set_minimum_rows(2);
  measure.set_cost("n p q");
  measure.add_known_as("shapes: Euclidean");
  measure.add_examples("shape.euclidean(alpha=0)");
  v1::MeasureParameter& parameter = *measure.add_parameters();
  parameter.set_name("alpha");
  parameter.set_default_value("1");
  parameter.set_description("how much is whitened");
  return measure;
}

v1::MeasureDescription DescriptionOf(const std::string& id) {
  if (id == "shape.euclidean" || id == "shape_euclidean") {
    return ShapeEuclidean();
  }
  v1::MeasureDescription measure;
  measure.set_id(id);
  measure.set_canonical(Canonical(id));
  measure.set_orientation(v1::ORIENTATION_SCORE);
  return measure;
}

v1::EstimateScoreResponse CannedEstimate() {
  v1::EstimateScoreResponse response;
  response.set_space("feature");
  response.set_streams(true);
  v1::MemoryItem& item = *response.add_memory();
  item.set_what("candidate moments");
  item.set_bytes(4096);
  response.set_peak_bytes(8192);
  response.set_limit_bytes(65536);
  response.set_fits(true);
  response.set_flops(1.5e9);
  response.mutable_duration()->set_nanos(250'000'000);
  response.set_device("cuda:0");
  return response;
}

}  // namespace repscore::client
