// Several goals over the same statistics.
#include <gtest/gtest.h>

#include "core/optimize/optimization.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr double kReached = 0.01;

MemberResult Solve(std::vector<ObjectiveTerm> terms,
                   Moves moves,
                   int64_t steps,
                   double learning_rate) {
  const absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(Normals(30, 8, 21)));
  OptimizationPlan plan;
  plan.terms = std::move(terms);
  plan.moves = moves;
  plan.adam.learning_rate = learning_rate;
  plan.stopping.max_steps = steps;
  plan.stopping.goal_tolerance = kReached;
  plan.storage = ScalarType::kFloat64;
  absl::StatusOr<std::unique_ptr<Optimization>> run =
      Optimization::Create(*reference, std::move(plan));
  EXPECT_TRUE(run.ok()) << run.status();
  while ((*run)->stop_reason() == StopReason::kNone) {
    EXPECT_TRUE((*run)->Step().ok());
  }
  return (*run)->Finish()->best();
}

ObjectiveTerm Aim(const std::string& id, Goal goal) {
  return {.measure = {.id = id, .explicit_folds = {}}, .goal = goal};
}

TEST(JointOptimizationTest, ReachesTargetsThatAKnownCandidateHas) {
  // Both scores of one noisy copy of the reference are reachable together.
  const Table reference = Normals(30, 8, 21);
  const Pair known = {.candidate = Sum(1.0, reference, 0.7, Normals(30, 8, 22)),
                      .reference = reference};
  const double cka = MustEvaluate("cka", known).value;
  const double procrustes =
      MustEvaluate("procrustes.angular_score", known).value;

  for (const Moves moves : {Moves::kCandidate, Moves::kBoth}) {
    const MemberResult result =
        Solve({Aim("cka", Target{cka}),
               Aim("procrustes.angular_score",
                   Target{procrustes, TargetLoss::kSquared})},
              moves,
              2000,
              0.01);

    EXPECT_EQ(result.stop_reason, StopReason::kGoalsReached);
    for (const GoalVerdict& verdict : result.verdicts) {
      EXPECT_TRUE(verdict.reached) << verdict.measure << verdict.residual;
    }
  }
}

TEST(JointOptimizationTest, UnreachableCornerIsReportedWithItsResidual) {
  // High angular Procrustes implies high CKA.
  const MemberResult result = Solve(
      {Aim("cka", Target{0.1}), Aim("procrustes.angular_score", Target{0.95})},
      Moves::kCandidate,
      300,
      0.05);

  EXPECT_EQ(result.stop_reason, StopReason::kMaxSteps);
  double residual = 0.0;
  for (const GoalVerdict& verdict : result.verdicts) {
    residual += verdict.residual;
  }
  EXPECT_GT(residual, 0.2);
}

TEST(JointOptimizationTest, FloorHoldsWhileTheOtherTermMoves) {
  // Pulling CKA down to 0.5 would take NBS with it; the floor holds it.
  const MemberResult free =
      Solve({Aim("cka", Target{0.3})}, Moves::kCandidate, 800, 0.02);
  const MemberResult held =
      Solve({Aim("cka", Target{0.3}), Aim("nbs", Floor{0.75})},
            Moves::kCandidate,
            2000,
            0.02);

  EXPECT_NEAR(free.scores[0].value, 0.3, kReached);
  EXPECT_GE(held.scores[1].value, 0.75 - kReached);
}

TEST(JointOptimizationTest, GoalOutsideTheRangeNamesItsField) {
  const absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(Normals(30, 8, 21)));
  OptimizationPlan plan;
  plan.terms = {Aim("cka", Maximize{}), Aim("nbs", Target{1.5})};

  const absl::Status status = Optimization::Create(*reference, plan).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message().find("terms[1].target.value: 1.5"), 0);
}

}  // namespace
}  // namespace repscore::testing
