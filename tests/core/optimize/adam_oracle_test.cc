// Adam on the golden pair: candidate starts at B0, reference A0, lr 0.1, beta
// .9/.999, eps 1e-8. The trace tells a wrong bias correction or place of
// epsilon at step 1 or 2, and a wrong gradient at step 1.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/optimize/optimization.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

// Rounding grows along the trace: these are what two programs agree to.
constexpr double kEarlyTolerance = 1e-10;
constexpr double kLateTolerance = 1e-8;
constexpr double kPrintedDigits = 1e-12;
// float32 rows with float64 factors.
constexpr double kMixedTolerance = 1e-3;

struct Oracle {
  std::string id;
  std::map<int64_t, double> scores;
};

class AdamOracleTest : public ::testing::TestWithParam<Oracle> {};

std::vector<TracePoint> TraceOf(const Oracle& oracle, ScalarType storage) {
  const GoldenPair golden = MakeGoldenPair();
  const absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(golden.a));
  EXPECT_TRUE(reference.ok()) << reference.status();
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = oracle.id, .explicit_folds = {}}});
  plan.start = ToHostArray(golden.b);
  plan.stopping.max_steps = 50;
  plan.storage = storage;
  absl::StatusOr<std::unique_ptr<Optimization>> run =
      Optimization::Create(*reference, plan);
  EXPECT_TRUE(run.ok()) << run.status();
  while ((*run)->stop_reason() == StopReason::kNone) {
    EXPECT_TRUE((*run)->Step().ok());
  }
  return (*run)->TakeTrace();
}

TEST_P(AdamOracleTest, TraceIsTheKnownOne) {
  const std::vector<TracePoint> trace =
      TraceOf(GetParam(), ScalarType::kFloat64);

  ASSERT_EQ(trace.size(), 51);
  for (const auto& [step, score] : GetParam().scores) {
    const double tolerance =
        kPrintedDigits + (step <= 5 ? kEarlyTolerance : kLateTolerance);
    EXPECT_NEAR(trace[static_cast<size_t>(step)].scores[0], score, tolerance)
        << "step " << step;
  }
}

TEST_P(AdamOracleTest, MixedPrecisionFollowsIt) {
  const std::vector<TracePoint> trace =
      TraceOf(GetParam(), ScalarType::kFloat32);

  for (const int64_t step : {1, 5, 50}) {
    EXPECT_NEAR(trace[static_cast<size_t>(step)].scores[0],
                GetParam().scores.at(step),
                kMixedTolerance)
        << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(G0,
                         AdamOracleTest,
                         ::testing::Values(Oracle{"cka",
                                                  {{0, .4893427391044},
                                                   {1, .7441784386569},
                                                   {2, .8765625514604},
                                                   {3, .9338387231828},
                                                   {5, .9617635589453},
                                                   {10, .9746820620788},
                                                   {15, .9875179755119},
                                                   {20, .9916471636051},
                                                   {30, .9968882529340},
                                                   {50, .9993832250129}}},
                                           Oracle{
                                               "ridge_r2(folds=none,lambda=1)",
                                               {{0, .6465756766639},
                                                {1, .8547226651359},
                                                {2, .9275187708068},
                                                {3, .9551401526317},
                                                {5, .9745590893117},
                                                {10, .9889111423893},
                                                {15, .9937635315559},
                                                {20, .9956508747825},
                                                {30, .9973745077479},
                                                {50, .9986551483490}}},
                                           Oracle{"procrustes.angular_score",
                                                  {{0, .5142708402617},
                                                   {1, .6770582409624},
                                                   {2, .8013982879325},
                                                   {3, .8794865971334},
                                                   {5, .9217652329184},
                                                   {10, .9430710972024},
                                                   {15, .9694033734317},
                                                   {20, .9814330543775},
                                                   {30, .9901408870304},
                                                   {50, .9963279535769}}},
                                           Oracle{"cka.debiased",
                                                  {{0, .0235986985806},
                                                   {1, .4971031850858},
                                                   {2, .7470474494715},
                                                   {3, .8561316998487},
                                                   {5, .9204752305070},
                                                   {10, .9462852191241},
                                                   {15, .9725759950779},
                                                   {20, .9814974525074},
                                                   {30, .9908833561926},
                                                   {50, .9969100616521}}},
                                           Oracle{"ridge_r2(lambda=1)",
                                                  {{0, -.3379418883424},
                                                   {1, .2506859092380},
                                                   {2, .4769875442141},
                                                   {3, .5657763901047},
                                                   {5, .6530350825092},
                                                   {10, .7675459910586},
                                                   {15, .8247231112378},
                                                   {20, .8519216373769},
                                                   {30, .8819762291319},
                                                   {50, .9020477878659}}}),
                         [](const auto& parameter) {
                           return "Oracle" + std::to_string(parameter.index);
                         });

}  // namespace
}  // namespace repscore::testing
