// Golden pair G0 for RSA and neighbours, and the Brain-Score set of linear
// congruential numbers: published and independent values.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

// Sums of a few hundred products of numbers near 1.
constexpr double kValueTolerance = 1e-12;
// Two formulas of one gradient, against its norm.
constexpr double kGradientTolerance = 1e-10;

struct GoldenValue {
  std::string id;
  double value;
};

std::string Name(const std::string& id, size_t index) {
  std::string name = std::to_string(index) + "_" + id;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

void ExpectValue(const std::string& id, const Pair& pair, double value) {
  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(
        MustEvaluate(id, pair, {.space = space}).value, value, kValueTolerance)
        << id << " " << SpaceName(space);
  }
  const absl::StatusOr<double> streamed = StreamedScore(id, pair);
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_NEAR(*streamed, value, kValueTolerance) << id;
}

class RsaGoldenTest : public ::testing::TestWithParam<GoldenValue> {};

TEST_P(RsaGoldenTest, MatchesInBothSpacesAndThroughTheStream) {
  ExpectValue(GetParam().id, BToA(), GetParam().value);
}

std::string Rsa(const std::string& rdm, const std::string& compare) {
  return "rsa(compare=" + compare + ",rdm=" + rdm + ")";
}

std::vector<GoldenValue> GoldenValues() {
  std::vector<GoldenValue> values;
  const auto add = [&values](const std::string& rdm,
                             const std::vector<double>& row) {
    const std::vector<std::string> compare = {
        "cosine", "pearson", "spearman", "kendall_tau_a"};
    for (size_t i = 0; i < row.size(); ++i) {
      values.push_back({Rsa(rdm, compare[i]), row[i]});
    }
    // There are no ties.
    values.push_back({Rsa(rdm, "rho_a"), row[2]});
    values.push_back({Rsa(rdm, "kendall_tau_b"), row[3]});
  };
  add("sq_euclidean",
      {0.9510853545112665,
       0.0480849202406427,
       0.0266521561017994,
       0.0187403993855607});
  add("euclidean",
      {0.9867935292991990,
       0.0584357291904609,
       0.0266521561017994,
       0.0187403993855607});
  add("correlation",
      {0.9587049512055273,
       0.0035062460192807,
       -0.0040927956940652,
       -0.0020022246941046});
  add("cosine",
      {0.9413494992363984,
       0.0648971436028401,
       0.0596640799373703,
       0.0388897717040098});
  const std::vector<GoldenValue> others = {
      {Rsa("sq_euclidean", "whitened_cosine"), 0.4893427391044157},
      {Rsa("sq_euclidean", "whitened_pearson"), 0.0260051529267210},
      {"rsm_difference", 6.9982406833886595},
      {"rsm_difference(rdm=correlation)", 6.0122652452548015},
      {"knn.mutual", 0.34},
      {"knn.mutual(metric=cosine)", 0.3466666666666667},
      {"knn.mutual(metric=cosine,rows=centred)", 0.30},
      {"knn.mutual(metric=inner)", 0.43},
      {"knn.jaccard", 0.2112040722721838},
      {"knn.jaccard(metric=cosine)", 0.2148807476206857},
      {"knn.jaccard(metric=cosine,rows=centred)", 0.1844222484315364},
      {"knn.jaccard(metric=inner)", 0.2805208408149584},
      {"brainscore.vision.cka_biased", 0.4893427391044152},
      {"brainscore.vision.rdm", -0.0040927956940652}};
  values.insert(values.end(), others.begin(), others.end());
  return values;
}

INSTANTIATE_TEST_SUITE_P(G0,
                         RsaGoldenTest,
                         ::testing::ValuesIn(GoldenValues()),
                         [](const auto& parameter) {
                           return Name(parameter.param.id, parameter.index);
                         });

struct GoldenGradient {
  std::string id;
  double norm;
  double entry;  ///< [3][4]
};

class RsaGoldenGradientTest : public ::testing::TestWithParam<GoldenGradient> {
};

TEST_P(RsaGoldenGradientTest, MatchesInBothSpaces) {
  const GoldenGradient& golden = GetParam();
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const Table gradient =
        MustEvaluate(
            golden.id, BToA(), {.candidate_gradient = true, .space = space})
            .candidate_gradient;

    EXPECT_NEAR(Norm(gradient), golden.norm, kGradientTolerance * golden.norm);
    EXPECT_NEAR(
        gradient.at(3, 4), golden.entry, kGradientTolerance * golden.norm);
  }
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    RsaGoldenGradientTest,
    ::testing::Values(GoldenGradient{Rsa("sq_euclidean", "pearson"),
                                     0.491247879745190,
                                     -0.00505385376269101},
                      GoldenGradient{Rsa("sq_euclidean", "cosine"),
                                     0.0328440942988912,
                                     -0.00131799542688836},
                      GoldenGradient{Rsa("euclidean", "pearson"),
                                     0.476414587329027,
                                     -0.00589576509858472},
                      GoldenGradient{Rsa("correlation", "pearson"),
                                     0.235773542465172,
                                     -0.00367560674351593}),
    [](const auto& parameter) {
      return Name(parameter.param.id, parameter.index);
    });

/// 64-bit linear congruential numbers in [-.5, .5), row-major.
Table LinearCongruential(int64_t rows, int64_t cols, uint64_t seed) {
  Table table = {
      rows, cols, std::vector<double>(static_cast<size_t>(rows * cols))};
  uint64_t state = seed;
  for (double& value : table.values) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    value = static_cast<double>(state >> 11U) / 9007199254740992.0 - 0.5;
  }
  return table;
}

Pair BrainScorePair() {
  Pair pair;
  pair.candidate = LinearCongruential(120, 40, 1);
  pair.reference = LinearCongruential(120, 10, 2);
  const Table& x = pair.candidate;
  for (int64_t i = 0; i < 120; ++i) {
    for (int64_t j = 0; j < 10; ++j) {
      double& y = pair.reference.at(i, j);
      y = x.at(i, j) + 0.5 * x.at(i, (j + 1) % 40) + 0.3 * y;
    }
  }
  return pair;
}

TEST(BrainScoreGoldenTest, PairIsTheOneThatWasPublished) {
  const Pair pair = BrainScorePair();

  EXPECT_EQ(pair.candidate.at(0, 0), -0.07679082912728674);
  EXPECT_EQ(pair.candidate.at(119, 39), -0.3121401751982187);
  EXPECT_NEAR(pair.reference.at(0, 0), 0.008375798374713334, 1e-16);
  EXPECT_NEAR(pair.reference.at(119, 9), 0.10014817833790046, 1e-16);
}

TEST(BrainScoreGoldenTest, AllRowsGiveThePublishedValues) {
  const Pair pair = BrainScorePair();

  ExpectValue("cka.debiased", pair, 0.423061154228604);
  // As their code gives it: 1e-12 in the denominator.
  ExpectValue("brainscore.vision.cka", pair, 0.42306115422653573);
  EXPECT_NEAR(MustEvaluate("brainscore.vision.cka", pair).value,
              0.42306115422653573,
              1e-14);
  ExpectValue("brainscore.vision.cka_biased", pair, 0.48099066945486313);
  ExpectValue("brainscore.vision.rdm", pair, 0.3947638421288597);
}

TEST(RsaStorageTest, RowsInFloat32GiveNearlyTheSame) {
  const Pair pair = MixedPair(40, 12, 9, 60);
  for (const std::string id :
       {"rsa(compare=cosine)",
        "rsa(rdm=euclidean)",
        "rsa(rdm=correlation)",
        "rsa(rdm=cosine)",
        "rsa(compare=bures)",
        "rsa(folds=rows_contiguous(2),rdm=crossnobis(0.2))",
        "rsm_difference",
        "brainscore.vision.cka",
        "brainscore.language.cka"}) {
    const Outcome exact = MustEvaluate(id, pair, {.candidate_gradient = true});
    const Outcome fast = MustEvaluate(id,
                                      pair,
                                      {.candidate_gradient = true,
                                       .storage = ScalarType::kFloat32,
                                       .accuracy = Accuracy::kFast});
    EXPECT_NEAR(fast.value, exact.value, 1e-5) << id;
    EXPECT_LT(
        Norm(Sum(1.0, fast.candidate_gradient, -1.0, exact.candidate_gradient)),
        1e-3 * Norm(exact.candidate_gradient))
        << id;
  }
}

}  // namespace
}  // namespace repscore::testing
