// Brain-Score's regression metrics with their published parameters: median over
// targets of the held-out Pearson r, mean over splits.
#include <cmath>
#include <utility>

#include "core/base/status_macros.h"
#include "core/measures/directed.h"
#include "core/measures/families.h"
#include "core/measures/predictivity.h"

namespace repscore {
namespace {

constexpr std::string_view kSplits = "split(train=0.9,repeats=10,seed=1)";
// Added to norms by the language package.
constexpr double kLanguageEpsilon = 1e-8;
constexpr int64_t kMostComponents = 100000;

void AddLinear(double first,
               double last,
               int count,
               std::vector<double>& into) {
  for (int i = 0; i < count; ++i) {
    into.push_back(first + (last - first) * i / count);
  }
}

/// The 99 penalties of the vision package: four points from 10 to 100 and 18
/// in every decade from there to 1e7, evenly spaced, ends open but for the
/// last.
std::vector<double> VisionLambdas() {
  std::vector<double> lambdas = {0.01, 0.1, 0.5, 1.0};
  AddLinear(1e1, 1e2, 4, lambdas);
  for (const double decade : {1e2, 1e3, 1e4, 1e5, 1e6}) {
    AddLinear(decade, 10.0 * decade, 18, lambdas);
  }
  lambdas.push_back(1e7);
  return lambdas;
}

/// 1e-3 to 1e3.
std::vector<double> LanguageLambdas() {
  std::vector<double> lambdas;
  for (int exponent = -3; exponent <= 3; ++exponent) {
    lambdas.push_back(std::pow(10.0, exponent));
  }
  return lambdas;
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeBrainScore(
    const MeasureInfo& info, Parameters& parameters) {
  PredictivityOptions options;
  options.score.pearson = true;
  options.score.aggregation = TargetAggregation::kMedian;
  Direction direction = Direction::kCandidateToReference;
  if (info.id.find(".language.") != std::string_view::npos) {
    options.score.epsilon = kLanguageEpsilon;
  }
  if (info.id == "brainscore.vision.pls" ||
      info.id == "brainscore.vision.reverse_pls") {
    options.regressor = Regressor::kPls;
    options.pls.nipals = true;
    REPSCORE_ASSIGN_OR_RETURN(
        options.pls.components,
        parameters.Integer("components", 1, kMostComponents));
    if (info.id == "brainscore.vision.reverse_pls") {
      direction = Direction::kReferenceToCandidate;
    }
  } else if (info.id == "brainscore.vision.neuron_to_neuron") {
    options.regressor = Regressor::kOneToOne;
  } else if (info.id == "brainscore.vision.ridge") {
    options.lambda.lambdas = {1.0};
  } else if (info.id == "brainscore.vision.ridgecv") {
    options.lambda.lambdas = VisionLambdas();
  } else if (info.id == "brainscore.language.ridge") {
    options.lambda.lambdas = LanguageLambdas();
  }
  REPSCORE_ASSIGN_OR_RETURN(options.folds, parameters.Folds("folds"));
  REPSCORE_RETURN_IF_ERROR(CheckSelection(options));
  const std::string id = parameters.Canonical();
  return MakeDirected(
      MakePredictivity(info, std::move(options), id), direction, id);
}

ParameterInfo FoldsParameter() {
  return {.name = "folds", .default_value = kSplits, .description = kFoldsHelp};
}

MeasureInfo Linear() {
  return {.id = "brainscore.vision.linear",
          .aliases = {},
          .summary =
              "Brain-Score's linear predictivity: median held-out Pearson r "
              "of least squares",
          .orientation = Orientation::kScore,
          .lowest = -1.0,
          .highest = 1.0,
          .exact_at_equality = true,
          .symmetric = false,
          .metric = false,
          .differentiable = false,
          .invariances = {"orthogonal",
                          "permutation",
                          "scale",
                          "translation",
                          "invertible"},
          .parameters = {FoldsParameter()},
          .minimum_rows = 3,
          .source = "Schrimpf et al. 2018, Brain-Score; brain-score/vision",
          .cost = "as linear_r",
          .known_as = {"brain-score/vision: linear_predictivity"}};
}

MeasureInfo PlsFrom(MeasureInfo pls) {
  pls.id = "brainscore.vision.pls";
  pls.summary =
      "Brain-Score's PLS predictivity: 25 components by power "
      "iteration (tolerance 1e-6)";
  pls.exact_at_equality = false;
  pls.invariances = {"orthogonal", "permutation", "scale", "translation"};
  pls.parameters = {{.name = "components",
                     .default_value = "25",
                     .description = "latent components; the package uses 25"},
                    FoldsParameter()};
  pls.examples = {
      "brainscore.vision.pls(components=3,folds=rows_shuffled(4,2))"};
  pls.cost = "as pls_r";
  pls.known_as = {"brain-score/vision: pls"};
  return pls;
}

MeasureInfo OneToOneFrom(MeasureInfo one) {
  one.id = "brainscore.vision.neuron_to_neuron";
  one.summary =
      "median held-out Pearson r of every target with the unit that "
      "correlates best in training";
  one.invariances = {"permutation", "scale", "translation"};
  one.cost = "k n p q for k splits";
  one.known_as = {"brain-score/vision: neuron_to_neuron"};
  return one;
}

}  // namespace

std::vector<MeasureEntry> BrainScoreFamily() {
  const MeasureInfo linear = Linear();
  const MeasureInfo pls = PlsFrom(linear);
  MeasureInfo reverse = pls;
  reverse.id = "brainscore.vision.reverse_pls";
  reverse.summary =
      "Brain-Score's PLS predictivity of the candidate by the "
      "reference";
  reverse.invariances = {"scale", "translation"};
  reverse.examples = {};
  reverse.known_as = {"brain-score/vision: reverse_pls"};
  MeasureInfo ridge = linear;
  ridge.id = "brainscore.vision.ridge";
  ridge.aliases = {"brainscore.vision.dual_ridge"};
  ridge.summary =
      "Brain-Score's ridge predictivity: penalty 1, not scaled by rows";
  ridge.exact_at_equality = false;
  ridge.invariances = {"orthogonal", "permutation", "translation"};
  ridge.cost = "as ridge_r";
  ridge.known_as = {"brain-score/vision: ridge",
                    "brain-score/vision: dual_ridge"};
  MeasureInfo ridge_cv = ridge;
  ridge_cv.id = "brainscore.vision.ridgecv";
  ridge_cv.aliases = {};
  ridge_cv.summary =
      "Brain-Score's ridge predictivity with one of 99 penalties "
      "from 0.01 to 1e7, chosen by leave-one-out error";
  ridge_cv.known_as = {"brain-score/vision: ridgecv_split"};
  MeasureInfo language_linear = linear;
  language_linear.id = "brainscore.language.linear";
  language_linear.summary =
      "Brain-Score Language's linear predictivity: a target that does not vary "
      "counts as 0";
  language_linear.exact_at_equality = false;
  language_linear.known_as = {"brain-score/language: linear_pearsonr"};
  MeasureInfo language_ridge = ridge_cv;
  language_ridge.id = "brainscore.language.ridge";
  language_ridge.summary =
      "Brain-Score Language's ridge predictivity with one of 7 penalties from "
      "1e-3 to 1e3, chosen by leave-one-out error";
  language_ridge.known_as = {"brain-score/language: ridge_pearsonr"};
  return {{pls, MakeBrainScore},
          {ridge, MakeBrainScore},
          {ridge_cv, MakeBrainScore},
          {linear, MakeBrainScore},
          {OneToOneFrom(linear), MakeBrainScore},
          {reverse, MakeBrainScore},
          {language_ridge, MakeBrainScore},
          {language_linear, MakeBrainScore}};
}

}  // namespace repscore
