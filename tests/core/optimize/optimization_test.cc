#include "core/optimize/optimization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const Reference> MakeReference(const Table& table) {
  absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(table));
  EXPECT_TRUE(reference.ok()) << reference.status();
  return *reference;
}

OptimizationPlan PlanFor(const std::string& id) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = id, .explicit_folds = {}}});
  plan.stopping.max_steps = 40;
  plan.storage = ScalarType::kFloat64;
  return plan;
}

std::unique_ptr<Optimization> MustStart(const Table& reference,
                                        OptimizationPlan plan) {
  absl::StatusOr<std::unique_ptr<Optimization>> run =
      Optimization::Create(MakeReference(reference), std::move(plan));
  EXPECT_TRUE(run.ok()) << run.status();
  return *std::move(run);
}

void RunToEnd(Optimization& run) {
  while (run.stop_reason() == StopReason::kNone) {
    ASSERT_TRUE(run.Step().ok());
  }
}

void ExpectSameTrace(const std::vector<TracePoint>& a,
                     const std::vector<TracePoint>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].step, b[i].step);
    EXPECT_EQ(a[i].scores, b[i].scores);
    EXPECT_EQ(a[i].tracked, b[i].tracked);
    EXPECT_EQ(a[i].objective, b[i].objective);
    EXPECT_EQ(a[i].gradient_norm, b[i].gradient_norm);
    EXPECT_EQ(a[i].component_r2, b[i].component_r2);
  }
}

TEST(OptimizationTest, EveryMeasureRisesFromNoise) {
  const Table reference = Normals(60, 20, 3);
  for (const MeasureInfo& info : RegisteredMeasures()) {
    if (!info.differentiable) {
      continue;
    }
    OptimizationPlan plan = PlanFor(std::string(info.id));
    plan.stopping.max_steps = 100;
    plan.storage = ScalarType::kFloat32;
    const std::unique_ptr<Optimization> run =
        MustStart(reference, std::move(plan));

    RunToEnd(*run);

    const std::vector<TracePoint> trace = run->TakeTrace();
    EXPECT_GT(trace.back().objective, trace.front().objective + 0.2) << info.id;
  }
}

TEST(OptimizationTest, SmallStepsRiseEveryTime) {
  const Table reference = Normals(60, 20, 4);
  for (const MeasureInfo& info : RegisteredMeasures()) {
    if (!info.differentiable) {
      continue;
    }
    OptimizationPlan plan = PlanFor(std::string(info.id));
    plan.adam.learning_rate = 1e-4;
    plan.stopping.max_steps = 20;
    const std::unique_ptr<Optimization> run =
        MustStart(reference, std::move(plan));

    RunToEnd(*run);

    const std::vector<TracePoint> trace = run->TakeTrace();
    for (size_t i = 1; i < trace.size(); ++i) {
      EXPECT_GT(trace[i].objective, trace[i - 1].objective) << info.id;
    }
  }
}

TEST(OptimizationTest, StopsAtTheFirstScoreAboveTheThreshold) {
  OptimizationPlan plan = PlanFor("cka");
  plan.stopping.score = 0.8;

  const std::unique_ptr<Optimization> run =
      MustStart(Normals(50, 10, 5), std::move(plan));
  RunToEnd(*run);
  const std::vector<TracePoint> trace = run->TakeTrace();

  EXPECT_EQ(run->stop_reason(), StopReason::kScoreReached);
  EXPECT_GT(trace.back().scores[0], 0.8);
  EXPECT_LE(trace[trace.size() - 2].scores[0], 0.8);
}

TEST(OptimizationTest, DistancesGoDown) {
  OptimizationPlan plan = PlanFor("procrustes.angle");
  plan.stopping.score = 0.4;
  plan.stopping.max_steps = 500;

  const std::unique_ptr<Optimization> run =
      MustStart(Normals(50, 10, 5), std::move(plan));
  RunToEnd(*run);

  EXPECT_EQ(run->stop_reason(), StopReason::kScoreReached);
  EXPECT_LT(run->TakeTrace().back().scores[0], 0.4);
}

TEST(OptimizationTest, CadenceKeepsTheScoresOfTheFullTrace) {
  OptimizationPlan full = PlanFor("nbs");
  full.tracked.push_back({.id = "cka", .explicit_folds = {}});
  OptimizationPlan sparse = full;
  sparse.trace_every = 7;

  const std::unique_ptr<Optimization> full_run =
      MustStart(Normals(30, 8, 6), full);
  const std::unique_ptr<Optimization> sparse_run =
      MustStart(Normals(30, 8, 6), sparse);
  RunToEnd(*full_run);
  RunToEnd(*sparse_run);
  const std::vector<TracePoint> all = full_run->TakeTrace();
  const std::vector<TracePoint> some = sparse_run->TakeTrace();

  ASSERT_EQ(some.size(), 7);
  EXPECT_EQ(some.back().step, 40);
  for (const TracePoint& point : some) {
    EXPECT_EQ(point.scores, all[static_cast<size_t>(point.step)].scores);
    EXPECT_EQ(point.tracked, all[static_cast<size_t>(point.step)].tracked);
  }
}

TEST(OptimizationTest, ResumedTraceEqualsTheUninterruptedOneBitForBit) {
  for (const ScalarType storage :
       {ScalarType::kFloat32, ScalarType::kFloat64}) {
    OptimizationPlan plan = PlanFor("ridge_r2(folds=rows_shuffled(3,1))");
    plan.terms.push_back({.measure = {.id = "cka", .explicit_folds = {}},
                          .weight = 0.5,
                          .goal = Floor{0.9}});
    plan.moves = Moves::kBoth;
    plan.storage = storage;
    plan.principal_components = 3;
    const Table reference = Normals(40, 9, 7);
    const std::unique_ptr<Optimization> whole = MustStart(reference, plan);
    RunToEnd(*whole);

    const std::unique_ptr<Optimization> first = MustStart(reference, plan);
    for (int i = 0; i < 25; ++i) {
      ASSERT_TRUE(first->Step().ok());
    }
    std::vector<TracePoint> trace = first->TakeTrace();
    const absl::StatusOr<std::string> checkpoint = first->Checkpoint();
    ASSERT_TRUE(checkpoint.ok());
    const absl::StatusOr<std::unique_ptr<Optimization>> second =
        Optimization::Resume(MakeReference(reference), plan, *checkpoint);
    ASSERT_TRUE(second.ok()) << second.status();
    RunToEnd(**second);
    const std::vector<TracePoint> rest = (*second)->TakeTrace();
    trace.insert(trace.end(), rest.begin(), rest.end());

    ExpectSameTrace(trace, whole->TakeTrace());
    EXPECT_EQ((*second)->Finish()->best().candidate.data,
              whole->Finish()->best().candidate.data);
  }
}

TEST(OptimizationTest, DamagedCheckpointIsDataLoss) {
  const Table reference = Normals(20, 5, 8);
  const std::unique_ptr<Optimization> run =
      MustStart(reference, PlanFor("cka"));
  ASSERT_TRUE(run->Step().ok());
  std::string checkpoint = *run->Checkpoint();
  checkpoint[checkpoint.size() / 2] ^= 1;

  const absl::StatusOr<std::unique_ptr<Optimization>> resumed =
      Optimization::Resume(
          MakeReference(reference), PlanFor("cka"), checkpoint);

  EXPECT_EQ(resumed.status().code(), absl::StatusCode::kDataLoss);
}

TEST(OptimizationTest, SameSeedSameStart) {
  const Table reference = Normals(30, 6, 9);
  const auto start_from = [&](uint64_t seed) {
    OptimizationPlan plan = PlanFor("cka");
    plan.start.emplace<GaussianStart>(
        GaussianStart{.seed = seed, .features = 4});
    return MustStart(reference, std::move(plan));
  };

  const std::unique_ptr<Optimization> first = start_from(42);
  const std::unique_ptr<Optimization> second = start_from(42);
  const std::unique_ptr<Optimization> other = start_from(43);

  EXPECT_EQ(first->Finish()->best().candidate.data,
            second->Finish()->best().candidate.data);
  EXPECT_NE(first->Finish()->best().candidate.data,
            other->Finish()->best().candidate.data);
  EXPECT_THAT(first->Finish()->best().candidate.spec.shape, ElementsAre(30, 4));
}

TEST(OptimizationTest, StartIsReturnedInItsOwnRowOrder) {
  const Table start = Normals(30, 4, 10);
  OptimizationPlan plan = PlanFor("ridge_r2(folds=rows_shuffled(4,3))");
  plan.start = ToHostArray(start);

  const std::unique_ptr<Optimization> run =
      MustStart(Normals(30, 6, 11), std::move(plan));
  const Table result = FromHostArray(run->Finish()->best().candidate);

  EXPECT_LT(Norm(Sum(1.0, result, -1.0, start)), 1e-13 * Norm(start));
}

TEST(OptimizationTest, FinalScoresAreThoseOfTheReturnedCandidate) {
  const Table reference = Normals(40, 12, 12);
  for (const char* id :
       {"procrustes.angular_score", "cka.debiased", "ridge_r2(lambda=1)"}) {
    OptimizationPlan plan = PlanFor(id);
    plan.storage = ScalarType::kFloat32;
    const std::unique_ptr<Optimization> run = MustStart(reference, plan);
    RunToEnd(*run);

    const absl::StatusOr<OptimizationResult> result = run->Finish();
    const absl::StatusOr<double> rescored =
        StreamedScore(id,
                      {.candidate = FromHostArray(result->best().candidate),
                       .reference = reference});

    EXPECT_NEAR(result->best().scores[0].value, *rescored, 1e-13) << id;
  }
}

TEST(OptimizationTest, StartAtTheReferenceStopsAtTheOptimum) {
  const Table reference = Normals(40, 12, 12);
  OptimizationPlan plan = PlanFor("cka.angular_score");
  plan.start = ToHostArray(reference);

  const std::unique_ptr<Optimization> run =
      MustStart(reference, std::move(plan));
  RunToEnd(*run);

  EXPECT_EQ(run->stop_reason(), StopReason::kAtOptimum);
  EXPECT_EQ(run->steps(), 0);
  EXPECT_NEAR(run->TakeTrace().back().scores[0], 1.0, 1e-12);
}

TEST(OptimizationTest, PlateauAndTimeEndTheRun) {
  OptimizationPlan plan = PlanFor("cka");
  plan.stopping.plateau = PlateauRule{.patience = 3, .min_delta = 10.0};
  const std::unique_ptr<Optimization> flat =
      MustStart(Normals(30, 6, 13), plan);
  RunToEnd(*flat);

  plan.stopping.plateau.reset();
  plan.stopping.max_seconds = 1e-9;
  const std::unique_ptr<Optimization> late =
      MustStart(Normals(30, 6, 13), plan);
  RunToEnd(*late);

  EXPECT_EQ(flat->stop_reason(), StopReason::kPlateau);
  EXPECT_EQ(flat->steps(), 3);
  EXPECT_EQ(late->stop_reason(), StopReason::kMaxTime);
}

TEST(OptimizationTest, ComponentsAreCapturedExactlyByTheirOwnVectors) {
  const Table reference = Centred(Normals(30, 5, 14));
  OptimizationPlan plan = PlanFor("linear_r2");
  plan.start = ToHostArray(reference);
  plan.principal_components = 5;

  const std::unique_ptr<Optimization> run =
      MustStart(reference, std::move(plan));
  ASSERT_TRUE(run->Step().ok());

  const std::vector<TracePoint> trace = run->TakeTrace();
  ASSERT_EQ(trace.front().component_r2.size(), 5);
  for (const double r2 : trace.front().component_r2) {
    EXPECT_NEAR(r2, 1.0, 1e-12);
  }
}

TEST(OptimizationTest, BadStartsNameTheField) {
  const Table reference = Normals(30, 6, 15);
  const auto failure = [&](const Table& start) {
    OptimizationPlan plan = PlanFor("cka");
    plan.start = ToHostArray(start);
    absl::StatusOr<std::unique_ptr<Optimization>> run =
        Optimization::Create(MakeReference(reference), std::move(plan));
    return run.ok() ? (*run)->Step() : run.status();
  };
  Table holes = Normals(30, 4, 16);
  holes.at(7, 2) = std::numeric_limits<double>::quiet_NaN();

  const absl::Status rows = failure(Normals(29, 4, 16));
  const absl::Status hole = failure(holes);
  const absl::Status constant = failure({30, 4, std::vector<double>(120, 2.5)});

  for (const absl::Status& status : {rows, hole, constant}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("start.candidate"));
  }
  EXPECT_THAT(std::string(rows.message()), HasSubstr("29"));
  EXPECT_THAT(std::string(rows.message()), HasSubstr("30"));
  EXPECT_THAT(std::string(hole.message()), HasSubstr("row 7, column 2"));
}

}  // namespace
}  // namespace repscore::testing
