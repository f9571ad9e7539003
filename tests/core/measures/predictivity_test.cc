// Identities of predictivity, its parameters and its awkward inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/analysis/score_stream.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/reference.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// Two algorithms for one number.
constexpr double kSame = 1e-10;

std::vector<Split> SplitsOf(const std::string& rule, int64_t rows) {
  return FoldRule::Parse(rule, {})
      ->Assign({.rows = rows, .conditions = rows})
      ->Splits();
}

/// With the splits as explicit lists: every one is fitted by itself.
absl::StatusOr<Outcome> OnSplits(const std::string& id,
                                 const std::vector<Split>& splits,
                                 const Pair& pair,
                                 Space space) {
  MeasureRequest request = {.id = id};
  for (const Split& split : splits) {
    request.explicit_folds.push_back(split.test);
    request.explicit_training.push_back(split.train);
  }
  REPSCORE_ASSIGN_OR_RETURN(const std::shared_ptr<const Measure> measure,
                            CreateMeasure(request, "measure"));
  return Evaluate(*measure, pair, {.space = space});
}

/// id(folds=rule,rest) and id(folds=explicit,rest).
std::string With(const std::string& id,
                 const std::string& folds,
                 const std::string& rest) {
  return id + "(folds=" + folds + (rest.empty() ? "" : ",") + rest + ")";
}

TEST(PredictivityTest, LeaveOneOutByFormulaIsOneFitForEveryRow) {
  for (const Pair& pair : {MixedPair(24, 6, 5, 1),
                           MixedPair(13, 12, 4, 2),
                           MixedPair(14, 25, 6, 3)}) {
    const std::vector<Split> splits = SplitsOf("loo", pair.candidate.rows);
    for (const std::string rest :
         {"lambda=3,pooling=pooled",
          "lambda=0,pooling=pooled",
          "lambda=2,lambda_scale=per_sample",
          "aggregation=median,lambda=1,pooling=pooled"}) {
      for (const Space space : {Space::kFeature, Space::kSample}) {
        const absl::StatusOr<Outcome> refits =
            OnSplits(With("ridge_r2", "explicit", rest), splits, pair, space);
        ASSERT_TRUE(refits.ok()) << refits.status();
        const double value =
            MustEvaluate(With("ridge_r2", "loo", rest), pair, {.space = space})
                .value;
        EXPECT_NEAR(
            value, refits->value, kSame * std::max(1.0, std::abs(value)))
            << rest << " " << pair.candidate.cols;
      }
    }
  }
}

TEST(PredictivityTest, LeaveOneOutSurvivesARowThatAloneSpansADirection) {
  Pair pair = MixedPair(20, 4, 3, 4);
  for (int64_t i = 0; i < 20; ++i) {
    pair.candidate.at(i, 2) = i == 7 ? 5.0 : 1.0;
  }
  const absl::StatusOr<Outcome> refits =
      OnSplits("linear_r2(folds=explicit,pooling=pooled)",
               SplitsOf("loo", 20),
               pair,
               Space::kFeature);
  ASSERT_TRUE(refits.ok()) << refits.status();

  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(
        MustEvaluate(
            "linear_r2(folds=loo,pooling=pooled)", pair, {.space = space})
            .value,
        refits->value,
        1e-9);
  }
}

TEST(PredictivityTest, FoldsByMomentsAreFitsOfTheirRows) {
  for (const Pair& pair : {MixedPair(40, 6, 5, 5), MixedPair(20, 30, 4, 6)}) {
    const std::string rule = "rows_shuffled(4,7)";
    const std::vector<Split> splits = SplitsOf(rule, pair.candidate.rows);
    for (const std::string rest : {"lambda=3",
                                   "lambda=3,pooling=pooled",
                                   "lambda=3,lambda_scale=per_sample",
                                   "denominator=validation_mean,lambda=3"}) {
      const absl::StatusOr<Outcome> engine = OnSplits(
          With("ridge_r2", "explicit", rest), splits, pair, Space::kFeature);
      ASSERT_TRUE(engine.ok()) << engine.status();
      EXPECT_NEAR(MustEvaluate(With("ridge_r2", rule, rest), pair).value,
                  engine->value,
                  kSame)
          << rest;
    }
    EXPECT_NEAR(MustEvaluate(With("linear_r2", rule, ""), pair).value,
                MustEvaluate(With("ridge_r2", rule, "lambda=0"), pair).value,
                kSame);
  }
}

TEST(PredictivityTest, ChosenPenaltyIsTheOneWithTheSmallestError) {
  const std::vector<std::string> lambdas = {"0.1", "1", "10", "100", "1000"};
  const std::string grid = "lambda=grid(1000,0.1,1,10,100)";
  for (const Pair& pair : {MixedPair(40, 12, 5, 7), MixedPair(20, 30, 4, 8)}) {
    for (const auto& [selection, folds] :
         std::vector<std::pair<std::string, std::string>>{
             {"loo", "loo"}, {"inner_folds(4)", "rows_contiguous(4)"}}) {
      std::string best;
      double best_value = -1e300;
      for (const std::string& lambda : lambdas) {
        const double value =
            MustEvaluate(With("ridge_r2",
                              folds,
                              "denominator=validation_mean,pooling=pooled,"
                              "lambda=" +
                                  lambda),
                         pair)
                .value;
        if (value > best_value) {
          best_value = value;
          best = lambda;
        }
      }
      const Outcome chosen = MustEvaluate(
          With("ridge_r2", "none", StrCat(grid, ",selection=", selection)),
          pair);

      EXPECT_NEAR(
          chosen.value,
          MustEvaluate(With("ridge_r2", "none", "lambda=" + best), pair).value,
          kSame);
      ASSERT_EQ(chosen.warnings.size(), 1);
      EXPECT_EQ(chosen.warnings[0].reason, "LAMBDA_CHOSEN");
      EXPECT_THAT(chosen.warnings[0].message, HasSubstr(best + " (1 times)"));
    }
  }
}

TEST(PredictivityTest, EveryTargetMayChooseItsOwnPenalty) {
  const Pair pair = MixedPair(30, 8, 3, 9);
  const std::string options =
      "aggregation=uniform,lambda=grid(0.01,30,3000),selection=loo";
  double mean = 0.0;
  for (int64_t j = 0; j < 3; ++j) {
    Pair one = pair;
    one.reference = {30, 1, {}};
    for (int64_t i = 0; i < 30; ++i) {
      one.reference.values.push_back(pair.reference.at(i, j));
    }
    mean += MustEvaluate(With("ridge_r2", "rows_contiguous(3)", options), one)
                .value /
            3.0;
  }

  EXPECT_NEAR(
      MustEvaluate(
          With("ridge_r2", "rows_contiguous(3)", options + ",per_target=yes"),
          pair)
          .value,
      mean,
      kSame);
}

TEST(PredictivityTest, InnerFoldsFollowTheDatasetWhateverTheOrderOfRows) {
  const Pair pair = MixedPair(40, 6, 5, 10);
  const std::string rest =
      "lambda=grid(0.1,3,100),per_target=yes,selection=inner_folds(3)";
  // rows_shuffled keeps rows by fold, explicit training lists as they came.
  const absl::StatusOr<Outcome> in_order =
      OnSplits(With("ridge_r2", "explicit", rest),
               SplitsOf("rows_shuffled(4,7)", 40),
               pair,
               Space::kFeature);
  ASSERT_TRUE(in_order.ok()) << in_order.status();

  EXPECT_NEAR(
      MustEvaluate(With("ridge_r2", "rows_shuffled(4,7)", rest), pair).value,
      in_order->value,
      kSame);
}

TEST(PredictivityTest, PlsWithAllComponentsIsLeastSquares) {
  const Pair pair = MixedPair(40, 6, 5, 11);
  for (const std::string solver : {"svd", "nipals"}) {
    EXPECT_NEAR(
        MustEvaluate("pls_r2(components=6,folds=none,solver=" + solver + ")",
                     pair)
            .value,
        MustEvaluate("linear_r2", pair).value,
        kSame);
    EXPECT_NEAR(
        MustEvaluate("pls_r(components=6,solver=" + solver + ")", pair).value,
        MustEvaluate("linear_r", pair).value,
        kSame);
  }
}

TEST(PredictivityTest, PlsOfOneComponentIsTheDominantCovariance) {
  // Orthogonal columns of norms 3 and 1: the first covaries more.
  const Table x = {4, 2, {3, 1, 3, -1, -3, 1, -3, -1}};
  const Table y = {4, 2, {1, 1, 1, -1, -1, 1, -1, -1}};

  EXPECT_NEAR(MustEvaluate("pls_r2(components=1,folds=none)",
                           {.candidate = x, .reference = y})
                  .value,
              0.5,
              1e-12);
}

TEST(PredictivityTest, PlsStopsWhereThePredictorIsExhausted) {
  Pair pair = MixedPair(40, 2, 5, 12);
  pair.candidate = Product(pair.candidate, Normals(2, 8, 13));
  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(
        MustEvaluate("pls_r2(components=8,folds=none)", pair, {.space = space})
            .value,
        MustEvaluate("linear_r2", pair).value,
        1e-9);
  }
}

TEST(PredictivityTest, OneToOneTakesTheLargestSignedCorrelation) {
  // Units a and b; targets -b and a: the first has r = 0 with a, -1 with b.
  const Table x = {6, 2, {1, 2, -1, 2, 2, -1, -2, -1, 1, -1, -1, -1}};
  const Table y = {6, 2, {-2, 1, -2, -1, 1, 2, 1, -2, 1, 1, 1, -1}};
  const double value =
      MustEvaluate("brainscore.vision.neuron_to_neuron(folds=none)",
                   {.candidate = x, .reference = y})
          .value;

  EXPECT_NEAR(value, 0.5, 1e-12);  // the median of 0 and 1
}

TEST(PredictivityTest, ReversePlsIsPlsOfTheSwappedPair) {
  const Pair pair = MixedPair(60, 28, 27, 14);

  EXPECT_NEAR(
      MustEvaluate("brainscore.vision.reverse_pls", pair).value,
      MustEvaluate("brainscore.vision.pls",
                   {.candidate = pair.reference, .reference = pair.candidate})
          .value,
      1e-12);
}

TEST(PredictivityTest, ValueAndErrorAreMeanAndStandardErrorOfTheSplits) {
  const Pair pair = MixedPair(40, 6, 5, 15);
  const std::vector<Split> splits =
      SplitsOf("split(train=0.7,repeats=4,seed=3)", 40);
  std::vector<double> values;
  values.reserve(splits.size());
  for (const Split& split : splits) {
    values.push_back(OnSplits("brainscore.vision.ridge(folds=explicit)",
                              {split},
                              pair,
                              Space::kFeature)
                         ->value);
  }
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 4.0;
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean) / 4.0;
  }
  const std::shared_ptr<const Reference> reference =
      *Reference::Create(TestBackend(), MakeDataset(pair.reference));
  const HostArray candidate = ToHostArray(pair.candidate);
  const auto stream = *ScoreStream::Create(
      reference,
      {MustCreate("brainscore.vision.ridge(folds=split(train=0.7,repeats=4,"
                  "seed=3))"),
       MustCreate("cka"),
       MustCreate("ridge_r2(folds=rows_shuffled(3,1))")},
      candidate.spec);
  ASSERT_TRUE(stream->Append(candidate.data).ok());
  const absl::StatusOr<ScoreReport> report = stream->Finish();
  ASSERT_TRUE(report.ok()) << report.status();

  EXPECT_NEAR(report->scores[0].value, mean, 1e-12);
  ASSERT_TRUE(report->scores[0].error.has_value());
  EXPECT_NEAR(*report->scores[0].error, std::sqrt(squares / 4.0), 1e-12);
  EXPECT_FALSE(report->scores[1].error.has_value());
  EXPECT_TRUE(report->scores[2].error.has_value());
}

TEST(PredictivityTest, MedianOfFoldsIsTheMiddleOne) {
  const Pair pair = MixedPair(40, 6, 5, 16);
  const std::vector<Split> splits = SplitsOf("rows_contiguous(3)", 40);
  std::vector<double> values;
  values.reserve(splits.size());
  for (const Split& split : splits) {
    values.push_back(
        OnSplits(
            "ridge_r2(folds=explicit,lambda=2)", {split}, pair, Space::kFeature)
            ->value);
  }
  std::sort(values.begin(), values.end());

  EXPECT_NEAR(MustEvaluate("ridge_r2(folds=rows_contiguous(3),lambda=2,"
                           "pooling=median_of_folds)",
                           pair)
                  .value,
              values[1],
              kSame);
}

TEST(PredictivityTest, ConstantTargetsAreSkippedAndCounted) {
  const Pair pair = MixedPair(40, 6, 5, 17);
  Pair padded = pair;
  padded.reference = {40, 6, {}};
  for (int64_t i = 0; i < 40; ++i) {
    for (int64_t j = 0; j < 6; ++j) {
      padded.reference.values.push_back(j < 5 ? pair.reference.at(i, j)
                                              : 0.7e6);
    }
  }
  for (const std::string id :
       {"linear_r2(aggregation=uniform)",
        "ridge_r2(aggregation=median)",
        "ridge_r(folds=rows_contiguous(4))",
        "pls_r(components=3,folds=rows_contiguous(4))",
        "brainscore.vision.neuron_to_neuron(folds=rows_contiguous(4))"}) {
    const Outcome outcome = MustEvaluate(id, padded);

    EXPECT_NEAR(outcome.value, MustEvaluate(id, pair).value, 1e-8) << id;
    ASSERT_EQ(outcome.warnings.size(), 1) << id;
    EXPECT_EQ(outcome.warnings[0].reason, "SKIPPED_TARGETS");
  }
  // The language package counts them as 0 instead.
  const Outcome language = MustEvaluate(
      "brainscore.language.linear(folds=rows_contiguous(4))", padded);
  EXPECT_TRUE(language.warnings.empty());
  EXPECT_LT(
      language.value,
      MustEvaluate("brainscore.language.linear(folds=rows_contiguous(4))", pair)
          .value);
}

TEST(PredictivityTest, ConstantUnitsAreNeverTheBest) {
  Pair pair = MixedPair(40, 3, 5, 18);
  for (int64_t i = 0; i < 40; ++i) {
    pair.candidate.at(i, 0) = 1e6;
  }
  Pair without = pair;
  without.candidate = {40, 2, {}};
  for (int64_t i = 0; i < 40; ++i) {
    without.candidate.values.push_back(pair.candidate.at(i, 1));
    without.candidate.values.push_back(pair.candidate.at(i, 2));
  }

  EXPECT_NEAR(MustEvaluate("brainscore.vision.neuron_to_neuron", pair).value,
              MustEvaluate("brainscore.vision.neuron_to_neuron", without).value,
              kSame);
}

struct Refusal {
  std::string id;
  std::string text;
};

TEST(PredictivityTest, WhatHasNoMeaningIsRefused) {
  for (const Refusal& refusal : std::vector<Refusal>{
           {"ridge_r2(lambda=grid(1))", "at least two"},
           {"ridge_r2(lambda=grid(1,x))", "grid(number"},
           {"ridge_r2(lambda=grid(-1,1))", "outside"},
           {"ridge_r2(lambda=log_grid(3,-3,7))", "log_grid(lowest"},
           {"ridge_r2(lambda=log_grid(-3,3,2.5))", "log_grid(lowest"},
           {"ridge_r2(selection=loo)", "several penalties"},
           {"ridge_r2(per_target=yes)", "several penalties"},
           {"ridge_r2(lambda=grid(1,2),selection=inner_folds(1))",
            "inner_folds(k)"},
           {"ridge_r2(folds=loo,lambda=grid(1,2))", "needs one lambda"},
           {"pls_r(components=0)", "outside"},
           {"pls_r(solver=power)", "none of"},
           {"ridge_r(aggregation=uniform)", "none of"},
           {"brainscore.vision.ridge(lambda=2)", "no parameter"}}) {
    const absl::Status status =
        CreateMeasure({.id = refusal.id}, "measure").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << refusal.id;
    EXPECT_THAT(std::string(status.message()), HasSubstr(refusal.text))
        << refusal.id;
  }
}

TEST(PredictivityTest, SizesWithoutAValueAreRefused) {
  const Pair pair = MixedPair(20, 6, 5, 19);
  for (const Refusal& refusal : std::vector<Refusal>{
           {"pls_r(components=7)", "6 features"},
           {"brainscore.vision.pls", "6 features"},
           {"linear_r(folds=loo)", "pooling=pooled"},
           {"ridge_r2(aggregation=uniform,denominator=validation_mean,"
            "folds=loo)",
            "pooling=pooled"}}) {
    const absl::Status status =
        Evaluate(*MustCreate(refusal.id), pair).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << refusal.id;
    EXPECT_THAT(std::string(status.message()), HasSubstr(refusal.text))
        << refusal.id;
  }
  const absl::Status few =
      Evaluate(*MustCreate("pls_r(components=5,folds=split(train=0.2))"), pair)
          .status();
  EXPECT_THAT(std::string(few.message()), HasSubstr("4 training rows"));
}

TEST(PredictivityTest, GridsHaveOneCanonicalForm) {
  EXPECT_EQ(MustCreate("ridge_r(lambda=grid(10, 1,0.10,1))")->id(),
            "ridge_r(aggregation=median,direction=candidate_to_reference,"
            "folds=split(train=0.9,repeats=10,seed=1),lambda=grid(0.1,1,10),"
            "lambda_scale=raw,per_target=no,pooling=mean_of_folds,"
            "selection=loo)");
  const std::string id =
      MustCreate(
          "ridge_r2(lambda=log_grid(-3,3.0,7),selection=inner_folds(05))")
          ->id();
  EXPECT_THAT(id, HasSubstr("lambda=log_grid(-3,3,7)"));
  EXPECT_THAT(id, HasSubstr("selection=inner_folds(5)"));
  EXPECT_EQ(MustCreate(id)->id(), id);
}

TEST(PredictivityTest, LeaveOneOutKeepsNoMomentsOfItsFolds) {
  const std::shared_ptr<const Measure> measure =
      MustCreate("ridge_r2(folds=loo,pooling=pooled)");
  const StatisticsNeeds needs = measure->Needs({.rows = 100,
                                                .candidate_features = 10,
                                                .reference_features = 10,
                                                .space = Space::kFeature});
  const absl::StatusOr<Folds> folds =
      measure->fold_rule()->Assign({.rows = 100, .conditions = 100});

  EXPECT_FALSE(needs.fold_gram);
  EXPECT_FALSE(folds->has_moments());
  EXPECT_FALSE(measure->info().differentiable);
}

}  // namespace
}  // namespace repscore::testing
