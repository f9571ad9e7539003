// Golden pair G0 (NumPy legacy seed 0, two 30 x 25 uniform arrays): values of
// the public table nacloos/similarity-repository and independent float64
// computations; gradients checked there by central differences.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

// Sums of a few hundred products of numbers near 1.
constexpr double kValueTolerance = 1e-12;
// Through singular values or cross-validation.
constexpr double kFactorTolerance = 1e-11;
// Two formulas of one gradient, against its norm.
constexpr double kGradientTolerance = 1e-10;

struct GoldenValue {
  std::string id;
  double value;
  double tolerance;
};

std::string Name(const ::testing::TestParamInfo<GoldenValue>& info) {
  std::string name = std::to_string(info.index) + "_" + info.param.id;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

/// Candidate B0 predicts reference A0.
Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

TEST(GoldenPairTest, IsTheOneThatWasPublished) {
  const GoldenPair pair = MakeGoldenPair();

  EXPECT_EQ(pair.a.at(0, 0), 0.5488135039273248);
  EXPECT_EQ(pair.a.at(29, 24), 0.5076355472407649);
  EXPECT_EQ(pair.b.at(0, 0), 0.3004036831584872);
  EXPECT_EQ(pair.b.at(29, 24), 0.22774099334728648);
}

class GoldenValueTest : public ::testing::TestWithParam<GoldenValue> {};

TEST_P(GoldenValueTest, MatchesInBothSpacesAndThroughTheStream) {
  const GoldenValue& golden = GetParam();
  const Pair pair = BToA();

  const double feature =
      MustEvaluate(golden.id, pair, {.space = Space::kFeature}).value;
  const double sample =
      MustEvaluate(golden.id, pair, {.space = Space::kSample}).value;
  const absl::StatusOr<double> streamed = StreamedScore(golden.id, pair);

  EXPECT_NEAR(feature, golden.value, golden.tolerance);
  EXPECT_NEAR(sample, golden.value, golden.tolerance);
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_NEAR(*streamed, golden.value, golden.tolerance);
}

std::string Ridge(const std::string& lambda, const std::string& rest) {
  return "ridge_r2(lambda=" + lambda + "," + rest + ")";
}

std::vector<GoldenValue> GoldenValues() {
  const std::string in_sample = "folds=none";
  const std::string paper = "folds=rows_contiguous(5)";
  const std::string validation = paper + ",denominator=validation_mean";
  const std::string pooled = paper + ",pooling=pooled";
  std::vector<GoldenValue> values = {
      {"cka", 0.4893427391044152, kValueTolerance},
      {"cka.angular", 1.0594603937845424, kValueTolerance},
      {"cka.angular_score", 0.3255265652764166, kValueTolerance},
      {"cka.debiased", 0.0235986985805570, kValueTolerance},
      {"nbs", 0.7227787175993364, kFactorTolerance},
      {"procrustes.angle", 0.7629815799340968, kFactorTolerance},
      {"procrustes.angular_score", 0.5142708402616978, kFactorTolerance},
      {"linear_r2", 0.8634248158677452, kFactorTolerance},
      {"linear_r2(direction=reference_to_candidate)",
       0.8639582977842288,
       kFactorTolerance},
      {"linear_r2(direction=symmetric_mean)",
       0.5 * (0.8634248158677452 + 0.8639582977842288),
       kFactorTolerance},
  };
  const std::vector<std::string> lambdas = {"1", "10", "100", "1000"};
  const std::vector<std::pair<std::string, std::vector<double>>> tables = {
      {in_sample,
       {.6465756766638615,
        .2681240306298047,
        .0412891530669315,
        .0043738126950245}},
      {paper,
       {-.3379418883424133,
        -.0143820670562715,
        .0007478131237449,
        .0001119409059650}},
      {validation,
       {-.6293086597729878,
        -.2355119865188967,
        -.2170027650954953,
        -.2177594913937060}},
      {pooled,
       {-.4306624214720229,
        -.0844135680054168,
        -.0676212842291182,
        -.0682057535139176}},
  };
  for (const auto& [rest, row] : tables) {
    for (size_t i = 0; i < lambdas.size(); ++i) {
      values.push_back({Ridge(lambdas[i], rest), row[i], kFactorTolerance});
    }
  }
  // Leave-one-out: pooled over 30 folds of one row.
  const std::vector<double> loo = {
      -.4526121705157249, -.0886918273520270, -.0695038427718917};
  for (size_t i = 0; i < loo.size(); ++i) {
    values.push_back(
        {Ridge(lambdas[i], "folds=rows_contiguous(30),pooling=pooled"),
         loo[i],
         kFactorTolerance});
  }
  return values;
}

INSTANTIATE_TEST_SUITE_P(G0,
                         GoldenValueTest,
                         ::testing::ValuesIn(GoldenValues()),
                         Name);

struct GoldenGradient {
  std::string id;
  double norm;
  double entry;  ///< [3][4]
  bool reference;
};

class GoldenGradientTest : public ::testing::TestWithParam<GoldenGradient> {};

TEST_P(GoldenGradientTest, MatchesInBothSpaces) {
  const GoldenGradient& golden = GetParam();
  const Pair pair = BToA();
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const Outcome outcome =
        MustEvaluate(golden.id,
                     pair,
                     {.candidate_gradient = !golden.reference,
                      .reference_gradient = golden.reference,
                      .space = space});
    const Table& gradient = golden.reference ? outcome.reference_gradient
                                             : outcome.candidate_gradient;

    EXPECT_NEAR(Norm(gradient), golden.norm, kGradientTolerance * golden.norm)
        << SpaceName(space);
    EXPECT_NEAR(
        gradient.at(3, 4), golden.entry, kGradientTolerance * golden.norm)
        << SpaceName(space);
  }
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    GoldenGradientTest,
    ::testing::Values(
        GoldenGradient{"cka", 0.142170709011131, 0.00318808614316679, false},
        GoldenGradient{
            "cka.angular_score", 0.103783465953502, 0.00232727706007483, false},
        GoldenGradient{
            "cka.debiased", 0.252321669642837, 0.00368715356464545, false},
        GoldenGradient{"procrustes.angular_score",
                       0.0808086819499222,
                       0.00353683023710965,
                       false},
        GoldenGradient{
            "linear_r2", 0.303783674944855, 0.00259153709638744, false},
        GoldenGradient{"ridge_r2(folds=none,lambda=1)",
                       0.143180104037571,
                       0.00774573865616288,
                       false},
        GoldenGradient{"ridge_r2(folds=none,lambda=100)",
                       0.0144886132296570,
                       -0.000382049629622503,
                       false},
        GoldenGradient{
            "ridge_r2(lambda=1)", 0.455765357505967, 0.0509274091268614, false},
        GoldenGradient{"ridge_r2(lambda=100)",
                       0.0101910210891042,
                       0.000267029338258588,
                       false},
        GoldenGradient{"ridge_r2(lambda=1,denominator=validation_mean)",
                       0.554700664769648,
                       0.0616739419114809,
                       false},
        GoldenGradient{"ridge_r2(lambda=1,pooling=pooled)",
                       0.485463444140726,
                       0.0554524570533414,
                       false},
        GoldenGradient{
            "linear_r2", .0876291897496337, -.000912851940593462, true},
        GoldenGradient{"ridge_r2(folds=none,lambda=1)",
                       .0939183646269350,
                       -.0000937299971278,
                       true},
        GoldenGradient{
            "ridge_r2(lambda=1)", .331734864114832, -.00499794102230896, true},
        GoldenGradient{"ridge_r2(lambda=1,denominator=validation_mean)",
                       .463542179419869,
                       .00511601154583265,
                       true},
        GoldenGradient{"ridge_r2(lambda=1,pooling=pooled)",
                       .358335691125764,
                       -.00387337808675549,
                       true}));

}  // namespace
}  // namespace repscore::testing
