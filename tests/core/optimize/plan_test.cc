#include "core/optimize/plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

namespace repscore {
namespace {

OptimizationPlan GoodPlan() {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "cka", .explicit_folds = {}}});
  return plan;
}

TEST(ValidatePlanTest, DefaultsAreGood) {
  EXPECT_TRUE(ValidatePlan(GoodPlan()).ok());
}

struct BadPlan {
  std::string field;
  std::function<void(OptimizationPlan&)> spoil;
};

class BadPlanTest : public ::testing::TestWithParam<BadPlan> {};

TEST_P(BadPlanTest, NamesTheField) {
  OptimizationPlan plan = GoodPlan();
  GetParam().spoil(plan);

  const absl::Status status = ValidatePlan(plan);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message().find(GetParam().field + ": "), 0) << status;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Fields,
    BadPlanTest,
    ::testing::Values(
        BadPlan{"adam.learning_rate",
                [](auto& p) { p.adam.learning_rate = kNan; }},
        BadPlan{"adam.learning_rate",
                [](auto& p) { p.adam.learning_rate = 0.0; }},
        BadPlan{"adam.learning_rate",
                [](auto& p) { p.adam.learning_rate = 1e308; }},
        BadPlan{"adam.beta1", [](auto& p) { p.adam.beta1 = 1.0; }},
        BadPlan{"adam.beta2", [](auto& p) { p.adam.beta2 = -0.1; }},
        BadPlan{"adam.epsilon", [](auto& p) { p.adam.epsilon = 0.0; }},
        BadPlan{"stopping.max_steps",
                [](auto& p) { p.stopping.max_steps = 0; }},
        BadPlan{"stopping.max_steps",
                [](auto& p) { p.stopping.max_steps = int64_t{1} << 31; }},
        BadPlan{"stopping.max_time",
                [](auto& p) { p.stopping.max_seconds = -1.0; }},
        BadPlan{"stopping.score", [](auto& p) { p.stopping.score = kNan; }},
        BadPlan{"stopping.score",
                [](auto& p) {
                  p.stopping.score = 0.9;
                  p.terms[0].goal = Target{0.5};
                }},
        BadPlan{"stopping.plateau.patience",
                [](auto& p) {
                  p.stopping.plateau = PlateauRule{0, 0.1};
                }},
        BadPlan{"stopping.plateau.min_delta",
                [](auto& p) {
                  p.stopping.plateau = PlateauRule{5, kInfinity};
                }},
        BadPlan{"stopping.goal_tolerance",
                [](auto& p) { p.stopping.goal_tolerance = 0.0; }},
        BadPlan{"trace.every", [](auto& p) { p.trace_every = 0; }},
        BadPlan{"trace.principal_components",
                [](auto& p) { p.principal_components = -1; }},
        BadPlan{"terms", [](auto& p) { p.terms.clear(); }},
        BadPlan{"terms", [](auto& p) { p.terms.resize(17, p.terms[0]); }},
        BadPlan{"terms[0].weight", [](auto& p) { p.terms[0].weight = 0.0; }},
        BadPlan{"terms[0].target.value",
                [](auto& p) { p.terms[0].goal = Target{kNan}; }},
        BadPlan{"adam.schedule.warmup_steps",
                [](auto& p) { p.adam.schedule.warmup_steps = -1; }},
        BadPlan{
            "adam.schedule.cosine.steps",
            [](auto& p) { p.adam.schedule.decay = CosineDecay{.steps = 0}; }},
        BadPlan{"adam.schedule.cosine.final_factor",
                [](auto& p) {
                  p.adam.schedule.decay =
                      CosineDecay{.steps = 5, .final_factor = 1.5};
                }},
        BadPlan{"adam.schedule.exponential.factor",
                [](auto& p) {
                  p.adam.schedule.decay = ExponentialDecay{.factor = 0.0};
                }},
        BadPlan{"adam.schedule.exponential.every",
                [](auto& p) {
                  p.adam.schedule.decay = ExponentialDecay{.every = 0};
                }},
        BadPlan{"lbfgs.memory",
                [](auto& p) { p.lbfgs = LbfgsOptions{.memory = 0}; }},
        BadPlan{"lbfgs.initial_step",
                [](auto& p) { p.lbfgs = LbfgsOptions{.initial_step = kNan}; }},
        BadPlan{"lbfgs.max_trials",
                [](auto& p) { p.lbfgs = LbfgsOptions{.max_trials = 0}; }},
        BadPlan{"restarts", [](auto& p) { p.restarts = 257; }},
        BadPlan{"restarts",
                [](auto& p) {
                  p.terms[0].goal = Target{0.5};
                  p.targets = {{0.5}};
                  p.restarts = 2;
                }},
        BadPlan{"targets.points",
                [](auto& p) {
                  p.terms[0].goal = Target{0.5};
                  p.targets.resize(257, {0.5});
                }},
        BadPlan{"targets.points[1].values",
                [](auto& p) {
                  p.terms[0].goal = Target{0.5};
                  p.targets = {{0.5}, {kNan}};
                }},
        BadPlan{"trace.snapshot_scores[1]",
                [](auto& p) {
                  p.snapshot_scores = {0.5, kInfinity};
                }},
        BadPlan{"trace.snapshot_scores",
                [](auto& p) {
                  p.terms.resize(2, p.terms[0]);
                  p.snapshot_scores = {0.5};
                }},
        BadPlan{"trace.decode_every",
                [](auto& p) { p.decoding = TraceDecoding{.every = 0}; }},
        BadPlan{"trace.decoding.c",
                [](auto& p) {
                  p.decoding = TraceDecoding{};
                  p.decoding->options.c = -1.0;
                }},
        BadPlan{"trace.decoding.folds",
                [](auto& p) {
                  p.decoding = TraceDecoding{};
                  p.decoding->options.folds = 1;
                }},
        BadPlan{"start.gaussian.features",
                [](auto& p) {
                  p.start = GaussianStart{.seed = 0, .features = -3};
                }}),
    [](const auto& parameter) {
      return "Plan" + std::to_string(parameter.index);
    });

}  // namespace
}  // namespace repscore
