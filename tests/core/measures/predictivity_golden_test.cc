// Golden values of predictivity: cross-validated regression on G0 and the
// Brain-Score variants on the set L.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/base/status_macros.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

// Through factorisations and cross-validation.
constexpr double kTolerance = 1e-11;
// Power iterations that stop by the same rule.
constexpr double kNipalsTolerance = 1e-6;

struct Golden {
  std::string id;
  double value;
  bool a_to_b = false;
};

std::string Name(const ::testing::TestParamInfo<Golden>& info) {
  std::string name = std::to_string(info.index) + "_" + info.param.id;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

class PredictivityGoldenTest : public ::testing::TestWithParam<Golden> {};

TEST_P(PredictivityGoldenTest, MatchesInBothSpacesAndThroughTheStream) {
  const GoldenPair golden = MakeGoldenPair();
  const Pair pair = GetParam().a_to_b
                        ? Pair{.candidate = golden.a, .reference = golden.b}
                        : Pair{.candidate = golden.b, .reference = golden.a};
  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(MustEvaluate(GetParam().id, pair, {.space = space}).value,
                GetParam().value,
                kTolerance)
        << SpaceName(space);
  }
  const absl::StatusOr<double> streamed = StreamedScore(GetParam().id, pair);
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_NEAR(*streamed, GetParam().value, kTolerance);
}

std::vector<Golden> GoldenValues() {
  std::vector<Golden> values = {
      {"linear_r2(aggregation=uniform)", 0.8672951363980},
      {"linear_r2(aggregation=median)", 0.8834199256985},
      {"linear_r2(aggregation=uniform)", 0.8648101880688, true},
      {"linear_r2(aggregation=median)", 0.9032895709523, true},
      {"ridge_r2(aggregation=uniform,folds=none,lambda=1)",
       0.6273011188296,
       true},
      {"ridge_r2(aggregation=uniform,folds=rows_contiguous(5),lambda=1,"
       "pooling=pooled)",
       -.4080885630026571,
       true},
      {"ridge_r(aggregation=mean,folds=rows_contiguous(5),lambda=1,"
       "pooling=pooled)",
       -.0215950165825615,
       true},
  };
  const std::vector<std::pair<std::string, std::vector<double>>> tables = {
      {"ridge_r2(aggregation=uniform,folds=none,lambda=",
       {.6509812999993833,
        .2695010178564328,
        .0414750285606768,
        .0043932539597178}},
      {"ridge_r2(aggregation=median,folds=none,lambda=",
       {.6743035500237652,
        .2784521699930355,
        .0410958919027826,
        .0043035696756674}},
      {"ridge_r2(aggregation=uniform,denominator=validation_mean,lambda=",
       {-1.2642150707656774,
        -.6878459727960797,
        -.6573063798746406,
        -.6584276695841277}},
      {"ridge_r2(aggregation=uniform,pooling=pooled,lambda=",
       {-.4204361668335713,
        -.0864910424132324,
        -.0696188884555436,
        -.0701390613454825}},
      {"ridge_r(aggregation=flat,folds=rows_contiguous(5),lambda=",
       {.0114401648436234,
        .0272159154302634,
        .0289652396809288,
        .0290184056725307}},
      {"ridge_r(aggregation=mean,folds=rows_contiguous(5),pooling=pooled,"
       "lambda=",
       {-.0238803534981532,
        -.1540788341746829,
        -.3233505038089568,
        -.3360883847043034}},
      {"ridge_r(aggregation=median,folds=rows_contiguous(5),pooling=pooled,"
       "lambda=",
       {-.0814686773323946,
        -.2011583821730821,
        -.3089360440900742,
        -.3118891341187123}},
      {"ridge_r(aggregation=flat,folds=none,lambda=",
       {.8430705312671105,
        .7492715697173525,
        .7099042149614893,
        .7042985484722473}},
      {"ridge_r2(folds=loo,pooling=pooled,lambda=",
       {-.4526121705157249, -.0886918273520270, -.0695038427718917}},
  };
  const std::vector<std::string> lambdas = {"1", "10", "100", "1000"};
  for (const auto& [id, row] : tables) {
    for (size_t i = 0; i < row.size(); ++i) {
      values.push_back({id + lambdas[i] + ")", row[i]});
    }
  }
  return values;
}

INSTANTIATE_TEST_SUITE_P(G0,
                         PredictivityGoldenTest,
                         ::testing::ValuesIn(GoldenValues()),
                         Name);

/// Set L: y_j = x_j + x_(j+1) / 2 + 3 noise / 10 from a linear congruential
/// generator.
Table Congruential(int64_t rows, int64_t cols, uint64_t seed) {
  Table table = {
      rows, cols, std::vector<double>(static_cast<size_t>(rows * cols))};
  uint64_t state = seed;
  for (double& value : table.values) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    value = static_cast<double>(state >> 11U) / 9007199254740992.0 - 0.5;
  }
  return table;
}

Pair SetL() {
  Pair pair;
  pair.candidate = Congruential(120, 40, 1);
  pair.reference = Congruential(120, 10, 2);
  for (int64_t i = 0; i < 120; ++i) {
    for (int64_t j = 0; j < 10; ++j) {
      pair.reference.at(i, j) = pair.candidate.at(i, j) +
                                0.5 * pair.candidate.at(i, (j + 1) % 40) +
                                0.3 * pair.reference.at(i, j);
    }
  }
  return pair;
}

/// On train rows 0 to 99 and test rows 100 to 119.
absl::StatusOr<Outcome> OnSetL(const std::string& id, Space space) {
  Split split;
  for (int64_t i = 0; i < 120; ++i) {
    (i < 100 ? split.train : split.test).push_back(i);
  }
  REPSCORE_ASSIGN_OR_RETURN(const std::shared_ptr<const Measure> measure,
                            CreateMeasure({.id = id,
                                           .explicit_folds = {split.test},
                                           .explicit_training = {split.train}},
                                          "measure"));
  return Evaluate(*measure, SetL(), {.space = space});
}

TEST(SetLTest, IsTheOneThatWasPublished) {
  const Pair pair = SetL();

  EXPECT_EQ(pair.candidate.at(0, 0), -0.07679082912728674);
  EXPECT_EQ(pair.candidate.at(119, 39), -0.3121401751982187);
  EXPECT_NEAR(pair.reference.at(0, 0), 0.008375798374713334, 1e-16);
  EXPECT_NEAR(pair.reference.at(119, 9), 0.10014817833790046, 1e-16);
}

TEST(SetLTest, BrainScoreVariantsMatchInBothSpaces) {
  struct Row {
    std::string id;
    double value;
    double tolerance;
  };
  const std::vector<Row> rows = {
      {"brainscore.vision.pls(folds=explicit)",
       0.9415355697029524,
       kNipalsTolerance},
      {"pls_r(folds=explicit,solver=nipals)",
       0.9415355697029524,
       kNipalsTolerance},
      {"pls_r(folds=explicit)", 0.9415747736162355, 1e-10},
      {"brainscore.vision.ridge(folds=explicit)",
       0.9480618743875704,
       kTolerance},
      {"brainscore.vision.dual_ridge(folds=explicit)",
       0.9480618743875704,
       kTolerance},
      {"ridge_r(folds=explicit,lambda=1)", 0.9480618743875704, kTolerance},
      {"brainscore.vision.linear(folds=explicit)",
       0.9504220531148322,
       kTolerance},
      {"brainscore.vision.neuron_to_neuron(folds=explicit)",
       0.8665624756638081,
       kTolerance},
      {"brainscore.vision.ridgecv(folds=explicit)",
       0.950542534632320,
       kTolerance},
      // The language package adds 1e-8 to both norms.
      {"brainscore.language.ridge(folds=explicit)", 0.950542534632320, 1e-7},
      {"brainscore.language.linear(folds=explicit)", 0.9504220531148322, 1e-7},
      // The mean of the published per-target values of ridge.
      {"ridge_r(aggregation=mean,folds=explicit,lambda=1)",
       (.9547330744 + .9525443206 + .9229000448 + .9678405572 + .9454284595 +
        .9506952893 + .9619058189 + .9174474868 + .9160324265 + .9390561374) /
           10,
       1e-10},
  };
  for (const Row& row : rows) {
    for (const Space space : {Space::kFeature, Space::kSample}) {
      const absl::StatusOr<Outcome> outcome = OnSetL(row.id, space);
      ASSERT_TRUE(outcome.ok()) << row.id << outcome.status();
      EXPECT_NEAR(outcome->value, row.value, row.tolerance)
          << row.id << " " << SpaceName(space);
    }
  }
}

TEST(SetLTest, ChosenPenaltyIsReported) {
  for (const std::string id :
       {"brainscore.vision.ridgecv", "brainscore.language.ridge"}) {
    const absl::StatusOr<Outcome> outcome =
        OnSetL(id + "(folds=explicit)", Space::kFeature);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_EQ(outcome->warnings.size(), 1);
    EXPECT_EQ(outcome->warnings[0].reason, "LAMBDA_CHOSEN");
    EXPECT_THAT(outcome->warnings[0].message,
                ::testing::HasSubstr(": 0.1 (1 times)"));
  }
}

}  // namespace
}  // namespace repscore::testing
