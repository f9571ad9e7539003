// Parameters that measures of predictivity share.
#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/numbers.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/predictivity.h"

namespace repscore {
namespace {

constexpr double kLargestLambda = 1e300;
constexpr int64_t kMostLambdas = 1000;
constexpr int64_t kMostInnerFolds = 1000;

bool Starts(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

absl::Status CheckLambdas(const std::vector<double>& lambdas) {
  if (lambdas.size() < 2) {
    return absl::InvalidArgumentError(
        "lambda: a grid needs at least two different values");
  }
  for (const double lambda : lambdas) {
    if (!(lambda >= 0.0 && lambda <= kLargestLambda)) {
      return absl::InvalidArgumentError(
          StrCat("lambda=", lambda, " is outside [0, ", kLargestLambda, "]"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<double>> ReadLambdas(Parameters& parameters) {
  const std::string text = parameters.Text("lambda");
  std::vector<double> lambdas;
  if (Starts(text, "grid(")) {
    REPSCORE_ASSIGN_OR_RETURN(lambdas, NumberArguments(text, "grid"));
    std::sort(lambdas.begin(), lambdas.end());
    lambdas.erase(std::unique(lambdas.begin(), lambdas.end()), lambdas.end());
    std::string canonical = "grid(";
    for (const double lambda : lambdas) {
      canonical +=
          StrCat(lambda == lambdas.front() ? "" : ",", ShortestNumber(lambda));
    }
    parameters.Replace("lambda", canonical + ")");
  } else if (Starts(text, "log_grid(")) {
    REPSCORE_ASSIGN_OR_RETURN(const std::vector<double> values,
                              NumberArguments(text, "log_grid"));
    const double count = values.size() == 3 ? values[2] : 0.0;
    if (!(count >= 2.0 && count <= static_cast<double>(kMostLambdas) &&
          count == std::floor(count) && values[0] < values[1])) {
      return absl::InvalidArgumentError(
          StrCat("lambda=",
                 text,
                 " should be log_grid(lowest,highest,count): count powers of "
                 "ten from 10^lowest to 10^highest"));
    }
    for (double i = 0.0; i < count; i += 1.0) {
      lambdas.push_back(std::pow(
          10.0, values[0] + (values[1] - values[0]) * i / (count - 1.0)));
    }
    parameters.Replace("lambda",
                       StrCat("log_grid(",
                              ShortestNumber(values[0]),
                              ",",
                              ShortestNumber(values[1]),
                              ",",
                              ShortestNumber(count),
                              ")"));
  } else {
    REPSCORE_ASSIGN_OR_RETURN(const double lambda,
                              parameters.Number("lambda", 0.0, kLargestLambda));
    return std::vector<double>{lambda};
  }
  REPSCORE_RETURN_IF_ERROR(CheckLambdas(lambdas));
  return lambdas;
}

absl::StatusOr<int64_t> ReadSelection(Parameters& parameters, bool fixed) {
  const std::string text = parameters.Text("selection");
  if (fixed) {
    if (text != "fixed") {
      return absl::InvalidArgumentError(
          StrCat("selection=",
                 text,
                 " needs several penalties, such as lambda=grid(0.1,1,10)"));
    }
    return 0;
  }
  if (text == "loo" || text == "fixed") {
    parameters.Replace("selection", "loo");
    return 0;
  }
  int64_t count = 0;
  constexpr std::string_view kName = "inner_folds(";
  const std::string_view whole = text;
  if (!Starts(whole, kName) || whole.back() != ')' ||
      !absl::SimpleAtoi(
          AbslView(whole.substr(kName.size(), whole.size() - kName.size() - 1)),
          &count) ||
      count < 2 || count > kMostInnerFolds) {
    return absl::InvalidArgumentError(
        StrCat("selection=", text, " is none of fixed, loo, inner_folds(k)"));
  }
  parameters.Replace("selection", StrCat("inner_folds(", count, ")"));
  return count;
}

absl::StatusOr<LambdaChoice> ReadLambda(Parameters& parameters) {
  LambdaChoice choice;
  REPSCORE_ASSIGN_OR_RETURN(choice.lambdas, ReadLambdas(parameters));
  REPSCORE_ASSIGN_OR_RETURN(
      const int scale,
      parameters.Choice("lambda_scale", {"raw", "per_sample"}));
  choice.scale = static_cast<LambdaScale>(scale);
  REPSCORE_ASSIGN_OR_RETURN(const int per_target,
                            parameters.Choice("per_target", {"no", "yes"}));
  choice.per_target = per_target == 1;
  if (choice.per_target && choice.fixed()) {
    return absl::InvalidArgumentError(
        "per_target=yes needs several penalties, such as "
        "lambda=grid(0.1,1,10)");
  }
  REPSCORE_ASSIGN_OR_RETURN(choice.inner_folds,
                            ReadSelection(parameters, choice.fixed()));
  return choice;
}

std::vector<ParameterInfo> LambdaParameters(std::string_view lambda) {
  return {{.name = "lambda",
           .default_value = lambda,
           .description = "penalty on the squared weights, at least 0; or "
                          "grid(a,b,...) or log_grid(lowest,highest,count), "
                          "powers of ten, to choose from on training rows"},
          {.name = "lambda_scale",
           .default_value = "raw",
           .description = "raw, or per_sample: times the training rows"},
          {.name = "per_target",
           .default_value = "no",
           .description = "yes: every target chooses its own lambda"},
          {.name = "selection",
           .default_value = "fixed",
           .description =
               "by least squared error: loo (what fixed becomes for a grid) or "
               "inner_folds(k), blocks of the training rows; fixed: one "
               "lambda"}};
}

absl::Status ReadScoring(Parameters& parameters, PredictionScoring& options) {
  if (!options.pearson) {
    REPSCORE_ASSIGN_OR_RETURN(
        const int denominator,
        parameters.Choice("denominator", {"train_mean", "validation_mean"}));
    options.denominator = static_cast<Denominator>(denominator);
  }
  REPSCORE_ASSIGN_OR_RETURN(
      const int pooling,
      parameters.Choice("pooling",
                        {"mean_of_folds", "pooled", "median_of_folds"}));
  options.pooling = static_cast<Pooling>(pooling);
  return absl::OkStatus();
}

absl::Status CheckSelection(const PredictivityOptions& options) {
  if (options.folds.kind() == FoldRule::Kind::kLeaveOneOut &&
      !options.lambda.fixed()) {
    return absl::InvalidArgumentError(
        "folds=loo needs one lambda: choosing it again for every row left out "
        "takes as many eigendecompositions as rows; use fewer folds");
  }
  return absl::OkStatus();
}

absl::StatusOr<TargetAggregation> ReadR2Aggregation(Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(
      const int aggregation,
      parameters.Choice("aggregation",
                        {"variance_weighted", "uniform", "median"}));
  return static_cast<TargetAggregation>(aggregation);
}

}  // namespace repscore
