// Several members in one run, L-BFGS, decoding along the trace, snapshots.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/base/text.h"
#include "core/optimize/optimization.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// (5 time bins, 24 conditions, features) with a label that drives one column.
std::shared_ptr<const Dataset> MakeRecording(int64_t features) {
  Table rows = Normals(120, features, 31);
  auto dataset = std::make_shared<Dataset>();
  NamedValues object = {.name = "object", .values = {}};
  for (int64_t c = 0; c < 24; ++c) {
    object.values.push_back(StrCat("c", c % 3));
    for (int64_t t = 0; t < 5; ++t) {
      rows.at(t * 24 + c, 0) += 4.0 * static_cast<double>(c % 3);
    }
  }
  HostArray array = ToHostArray(rows);
  dataset->name = "datasets/test/versions/1";
  dataset->description.spec = {.type = DataType::kFloat64,
                               .shape = {5, 24, features}};
  dataset->description.labels = {object};
  EXPECT_TRUE(Normalize(dataset->description).ok());
  dataset->data = std::move(array.data);
  return dataset;
}

std::shared_ptr<const Reference> MakeReference(
    std::shared_ptr<const Dataset> dataset) {
  absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), std::move(dataset));
  EXPECT_TRUE(reference.ok()) << reference.status();
  return *reference;
}

OptimizationPlan PlanFor(const std::string& id, int64_t steps) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = id}});
  plan.stopping.max_steps = steps;
  return plan;
}

std::unique_ptr<Optimization> MustStart(
    const std::shared_ptr<const Reference>& reference,
    const OptimizationPlan& plan) {
  absl::StatusOr<std::unique_ptr<Optimization>> run =
      Optimization::Create(reference, plan);
  EXPECT_TRUE(run.ok()) << run.status();
  return *std::move(run);
}

using Traces = std::map<int64_t, std::vector<TracePoint>>;

void Collect(Optimization& run, Traces& traces) {
  for (TracePoint& point : run.TakeTrace()) {
    traces[point.member].push_back(std::move(point));
  }
}

Traces RunToEnd(Optimization& run) {
  Traces traces;
  while (run.stop_reason() == StopReason::kNone) {
    EXPECT_TRUE(run.Step().ok());
    Collect(run, traces);
  }
  return traces;
}

void ExpectSame(const std::vector<TracePoint>& a,
                const std::vector<TracePoint>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].step, b[i].step);
    EXPECT_EQ(a[i].scores, b[i].scores);
    EXPECT_EQ(a[i].tracked, b[i].tracked);
    EXPECT_EQ(a[i].gradient_norm, b[i].gradient_norm);
    EXPECT_EQ(a[i].candidate_norm, b[i].candidate_norm);
    EXPECT_EQ(a[i].component_r2, b[i].component_r2);
    EXPECT_EQ(a[i].decoding, b[i].decoding);
  }
}

/// Everything a trace can show.
OptimizationPlan RichPlan() {
  OptimizationPlan plan = PlanFor("ridge_r2(folds=rows_shuffled(4,1))", 12);
  plan.tracked = {{.id = "nbs"}, {.id = "cka"}};
  plan.principal_components = 4;
  plan.decoding = TraceDecoding{.every = 3};
  plan.snapshot_scores = {0.05, 0.3};
  plan.trace_every = 2;
  return plan;
}

TEST(MembersTest, EveryRestartIsItsOwnRunBitForBit) {
  const auto reference = MakeReference(MakeRecording(6));
  OptimizationPlan plan = RichPlan();
  plan.start = GaussianStart{.seed = 5};
  plan.restarts = 3;
  const std::unique_ptr<Optimization> batch = MustStart(reference, plan);
  const Traces traces = RunToEnd(*batch);
  const OptimizationResult together = *batch->Finish();

  ASSERT_EQ(together.members.size(), 3);
  for (int64_t i = 0; i < 3; ++i) {
    OptimizationPlan own = plan;
    own.start = GaussianStart{.seed = 5 + static_cast<uint64_t>(i)};
    own.restarts = 1;
    const std::unique_ptr<Optimization> run = MustStart(reference, own);
    const Traces alone = RunToEnd(*run);
    const OptimizationResult result = *run->Finish();

    EXPECT_EQ(batch->members()[static_cast<size_t>(i)].seed, 5 + i);
    ExpectSame(traces.at(i), alone.at(0));
    EXPECT_EQ(together.members[static_cast<size_t>(i)].candidate.data,
              result.best().candidate.data);
  }
}

TEST(MembersTest, MembersOfALargeProblemTakeTurnsWithTheSameResult) {
  // Beyond the size at which members take one thread each.
  const auto reference = MakeReference(MakeDataset(Normals(1300, 100, 32)));
  OptimizationPlan plan = PlanFor("cka", 3);
  plan.restarts = 2;
  const std::unique_ptr<Optimization> batch = MustStart(reference, plan);
  const Traces traces = RunToEnd(*batch);

  plan.restarts = 1;
  plan.start = GaussianStart{.seed = 1};
  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  const Traces alone = RunToEnd(*run);

  ExpectSame(traces.at(1), alone.at(0));
}

TEST(MembersTest, ResumedRunsGoOnBitForBit) {
  const auto reference = MakeReference(MakeRecording(6));
  for (const bool lbfgs : {false, true}) {
    OptimizationPlan plan = RichPlan();
    plan.restarts = 3;
    if (lbfgs) {
      plan.lbfgs = LbfgsOptions{.memory = 3};
    }
    const std::unique_ptr<Optimization> whole = MustStart(reference, plan);
    const Traces expected = RunToEnd(*whole);

    const std::unique_ptr<Optimization> first = MustStart(reference, plan);
    Traces traces;
    for (int i = 0; i < 11; ++i) {
      ASSERT_TRUE(first->Step().ok());
      Collect(*first, traces);
    }
    const size_t snapshots = first->TakeSnapshots().size();
    const absl::StatusOr<std::string> checkpoint = first->Checkpoint();
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    const absl::StatusOr<std::unique_ptr<Optimization>> second =
        Optimization::Resume(reference, plan, *checkpoint);
    ASSERT_TRUE(second.ok()) << second.status();
    for (auto& [member, rest] : RunToEnd(**second)) {
      auto& trace = traces[member];
      trace.insert(trace.end(), rest.begin(), rest.end());
    }

    for (const auto& [member, trace] : expected) {
      ExpectSame(traces[member], trace);
    }
    EXPECT_EQ(snapshots + (*second)->TakeSnapshots().size(),
              whole->TakeSnapshots().size());
    const OptimizationResult a = *whole->Finish();
    const OptimizationResult b = *(*second)->Finish();
    for (size_t i = 0; i < a.members.size(); ++i) {
      EXPECT_EQ(a.members[i].candidate.data, b.members[i].candidate.data);
      EXPECT_EQ(a.members[i].component_thresholds[0].midpoint_to_max,
                b.members[i].component_thresholds[0].midpoint_to_max);
    }
  }
}

TEST(MembersTest, SnapshotsAreTheFirstCandidatesAboveTheirScores) {
  const auto reference = MakeReference(MakeRecording(6));
  OptimizationPlan plan = PlanFor("cka", 60);
  plan.snapshot_scores = {0.5, 0.9, 2.0};

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  const std::vector<TracePoint> trace = RunToEnd(*run).at(0);
  const std::vector<Snapshot> snapshots = run->TakeSnapshots();

  ASSERT_EQ(snapshots.size(), 2);
  for (const Snapshot& snapshot : snapshots) {
    const auto step = static_cast<size_t>(snapshot.step);
    EXPECT_EQ(snapshot.score, trace[step].scores[0]);
    EXPECT_GT(snapshot.score, snapshot.threshold);
    EXPECT_LE(trace[step - 1].scores[0], snapshot.threshold);
    EXPECT_THAT(snapshot.candidate.spec.shape, ElementsAre(120, 6));
  }
}

TEST(MembersTest, DecodingRisesFromChanceToTheRecordingsLevel) {
  const auto reference = MakeReference(MakeRecording(6));
  OptimizationPlan plan = PlanFor("procrustes.angular_score", 80);
  plan.decoding = TraceDecoding{.labels = {"object"}};

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  const std::vector<TracePoint> trace = RunToEnd(*run).at(0);
  const MemberResult result = run->Finish()->best();

  ASSERT_EQ(run->labels().size(), 1);
  const DecodedLabel& label = run->labels().front();
  EXPECT_EQ(label.classes, 3);
  EXPECT_NEAR(label.chance, 1.0 / 3.0, 1e-15);
  EXPECT_GT(label.reference_accuracy, 0.8);
  EXPECT_LT(trace.front().decoding[0], 0.55);
  EXPECT_GT(trace.back().decoding[0], label.reference_accuracy - 0.1);
  ASSERT_EQ(result.label_thresholds.size(), 1);
  ASSERT_TRUE(result.label_thresholds[0].score.has_value());
  EXPECT_GT(*result.label_thresholds[0].score, trace.front().scores[0]);
}

TEST(MembersTest, CadenceOfDecodingCountsTracePoints) {
  const auto reference = MakeReference(MakeRecording(4));
  OptimizationPlan plan = PlanFor("cka", 9);
  plan.trace_every = 2;
  plan.decoding = TraceDecoding{.every = 2};

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);

  std::vector<int64_t> decoded;
  const Traces traces = RunToEnd(*run);
  for (const TracePoint& point : traces.at(0)) {
    if (!point.decoding.empty()) {
      decoded.push_back(point.step);
    }
  }
  EXPECT_THAT(decoded, ElementsAre(0, 4, 8, 9));
}

TEST(MembersTest, LbfgsNeedsFewerStepsThanAdam) {
  // Ridge in sample near its optimum is smooth: quasi-Newton territory.
  const auto reference = MakeReference(MakeDataset(Normals(40, 8, 33)));
  OptimizationPlan adam = PlanFor("procrustes.angular_score", 1000);
  adam.storage = ScalarType::kFloat64;
  adam.stopping.score = 0.999;
  OptimizationPlan lbfgs = adam;
  lbfgs.lbfgs = LbfgsOptions{};

  const std::unique_ptr<Optimization> slow = MustStart(reference, adam);
  const std::unique_ptr<Optimization> fast = MustStart(reference, lbfgs);
  RunToEnd(*slow);
  const std::vector<TracePoint> trace = RunToEnd(*fast).at(0);

  EXPECT_EQ(fast->stop_reason(), StopReason::kScoreReached);
  EXPECT_LT(fast->steps(), slow->steps());
  for (size_t i = 1; i < trace.size(); ++i) {
    EXPECT_GT(trace[i].objective, trace[i - 1].objective);
  }
}

TEST(MembersTest, LbfgsStopsAtTheOptimum) {
  const auto reference = MakeReference(MakeDataset(Normals(30, 5, 34)));
  OptimizationPlan plan = PlanFor("cka", 1000);
  plan.storage = ScalarType::kFloat64;
  plan.lbfgs = LbfgsOptions{};

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  const std::vector<TracePoint> trace = RunToEnd(*run).at(0);

  EXPECT_EQ(run->stop_reason(), StopReason::kAtOptimum);
  EXPECT_NEAR(trace.back().scores[0], 1.0, 1e-9);
}

TEST(MembersTest, TargetsWalkGivesTheAllowedRange) {
  const auto reference = MakeReference(MakeDataset(Normals(40, 6, 35)));
  OptimizationPlan plan = PlanFor("cka", 150);
  plan.storage = ScalarType::kFloat64;
  plan.terms = {
      {.measure = {.id = "cka"}, .goal = Target{}},
      {.measure = {.id = "procrustes.angular_score"}, .goal = Target{}}};
  plan.adam.learning_rate = 0.05;
  plan.targets = *MakeTargets({.points_per_side = 6, .boundary = true}, 2);

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  RunToEnd(*run);
  const OptimizationResult result = *run->Finish();

  ASSERT_EQ(result.members.size(), 20);
  ASSERT_TRUE(result.allowed_range.has_value());
  const AllowedRange& range = *result.allowed_range;
  EXPECT_EQ(range.coupling, Coupling::kSecondImpliesFirst);
  EXPECT_GT(range.area_share, 0.1);
  EXPECT_LT(range.area_share, 0.8);
  ASSERT_EQ(range.bounds.size(), 2);
  for (const TheoreticalBound& bound : range.bounds) {
    EXPECT_LT(bound.violation, 1e-9) << bound.formula;
  }
  ASSERT_TRUE(range.first_given_high_second.has_value());
  EXPECT_GT(*range.first_given_high_second, 0.9);
}

TEST(MembersTest, FloorsThatContradictAreInfeasibleWithTheNearestPoint) {
  // A high angular Procrustes score forces CKA up: asking CKA distance from
  // the reference to stay large at the same time cannot be had.
  const auto reference = MakeReference(MakeDataset(Normals(30, 8, 36)));
  OptimizationPlan plan = PlanFor("cka", 400);
  plan.storage = ScalarType::kFloat64;
  plan.adam.learning_rate = 0.02;
  plan.terms = {{.measure = {.id = "cka.angular"}, .goal = Floor{1.2}},
                {.measure = {.id = "nbs"}, .goal = Floor{0.95}}};

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  const std::vector<TracePoint> trace = RunToEnd(*run).at(0);
  const MemberResult result = run->Finish()->best();

  EXPECT_TRUE(result.infeasible);
  double least = std::numeric_limits<double>::infinity();
  for (const TracePoint& point : trace) {
    least = std::min(least,
                     std::max(0.0, 1.2 - point.scores[0]) +
                         std::max(0.0, 0.95 - point.scores[1]));
  }
  const double lack = result.verdicts[0].residual + result.verdicts[1].residual;
  EXPECT_GT(lack, 0.02);
  EXPECT_NEAR(lack, least, 1e-9);
}

TEST(MembersTest, SurrogateStartsHaveTheReferencesNormAndOwnSeeds) {
  const auto reference = MakeReference(MakeRecording(6));
  OptimizationPlan plan = PlanFor("cka", 1);
  plan.start = SurrogateStart{.seed = 4};
  plan.restarts = 2;

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  const Traces traces = RunToEnd(*run);

  const double norm =
      std::sqrt(TestBackend().Dot(reference->centred(), reference->centred()));
  EXPECT_EQ(run->members()[1].seed, 5);
  EXPECT_NEAR(traces.at(0).front().candidate_norm, norm, 1e-5 * norm);
  EXPECT_NE(traces.at(0).front().scores, traces.at(1).front().scores);
}

TEST(MembersTest, LbfgsMovesBothSides) {
  const auto reference = MakeReference(MakeDataset(Normals(40, 6, 37)));
  OptimizationPlan plan = PlanFor("nbs", 30);
  plan.storage = ScalarType::kFloat64;
  plan.moves = Moves::kBoth;
  plan.lbfgs = LbfgsOptions{};

  const std::unique_ptr<Optimization> run = MustStart(reference, plan);
  const std::vector<TracePoint> trace = RunToEnd(*run).at(0);

  EXPECT_GT(trace.back().scores[0], 0.99);
  EXPECT_NEAR(
      run->Finish()->best().scores[0].value, trace.back().scores[0], 1e-12);
}

TEST(MembersTest, ComponentsFromProductsAreThoseOfTheRows) {
  // float32 products against float64 rows, down to small components.
  Table rows = Normals(200, 12, 38);
  for (int64_t i = 0; i < rows.rows; ++i) {
    for (int64_t j = 0; j < rows.cols; ++j) {
      rows.at(i, j) *= std::pow(10.0, -0.25 * static_cast<double>(j));
    }
  }
  const auto reference = MakeReference(MakeDataset(rows));
  OptimizationPlan plan = PlanFor("cka", 5);
  plan.principal_components = 12;
  OptimizationPlan exact = plan;
  exact.storage = ScalarType::kFloat64;

  const std::vector<TracePoint> mixed =
      RunToEnd(*MustStart(reference, plan)).at(0);
  const std::vector<TracePoint> full =
      RunToEnd(*MustStart(reference, exact)).at(0);

  for (size_t i = 0; i < full.size(); ++i) {
    for (size_t k = 0; k < 12; ++k) {
      EXPECT_NEAR(mixed[i].component_r2[k], full[i].component_r2[k], 1e-4)
          << "step " << i << " component " << k;
    }
  }
}

TEST(MembersTest, BadMembersNameTheField) {
  const auto reference = MakeReference(MakeRecording(4));
  const auto failure = [&](const OptimizationPlan& plan) {
    return std::string(
        Optimization::Create(reference, plan).status().message());
  };
  OptimizationPlan given = PlanFor("cka", 5);
  given.start = ToHostArray(Normals(120, 4, 1));
  given.restarts = 2;
  OptimizationPlan axes = PlanFor("cka", 5);
  axes.targets = {{0.5}};
  OptimizationPlan range = PlanFor("cka", 5);
  range.terms[0].goal = Target{};
  range.targets = {{0.5}, {1.5}};
  OptimizationPlan label = PlanFor("cka", 5);
  label.decoding = TraceDecoding{.labels = {"object", "place"}};
  OptimizationPlan folds = PlanFor("cka", 5);
  folds.decoding = TraceDecoding{.options = {.folds = 20}};

  EXPECT_THAT(failure(given), HasSubstr("restarts: "));
  EXPECT_THAT(failure(axes), HasSubstr("targets.points[0].values: "));
  EXPECT_THAT(failure(range), HasSubstr("terms[0].target.value: 1.5"));
  EXPECT_THAT(failure(label), HasSubstr("trace.decoding.labels[1]: "));
  EXPECT_THAT(failure(folds), HasSubstr("fewer than the 20 folds"));
}

TEST(ScheduleTest, FactorsByHand) {
  const LearningRateSchedule constant = {.warmup_steps = 4};
  const LearningRateSchedule cosine = {
      .warmup_steps = 2, .decay = CosineDecay{.steps = 4, .final_factor = 0.2}};
  const LearningRateSchedule exponential = {
      .decay = ExponentialDecay{.factor = 0.5, .every = 3}};

  EXPECT_DOUBLE_EQ(ScheduleFactor({}, 1), 1.0);
  EXPECT_DOUBLE_EQ(ScheduleFactor(constant, 1), 0.25);
  EXPECT_DOUBLE_EQ(ScheduleFactor(constant, 4), 1.0);
  EXPECT_DOUBLE_EQ(ScheduleFactor(constant, 5), 1.0);
  EXPECT_DOUBLE_EQ(ScheduleFactor(cosine, 2), 1.0);
  EXPECT_DOUBLE_EQ(ScheduleFactor(cosine, 3), 1.0);
  // Two of four decay steps: half way down.
  EXPECT_DOUBLE_EQ(ScheduleFactor(cosine, 5), 0.6);
  EXPECT_DOUBLE_EQ(ScheduleFactor(cosine, 100), 0.2);
  EXPECT_DOUBLE_EQ(ScheduleFactor(exponential, 3), 1.0);
  EXPECT_DOUBLE_EQ(ScheduleFactor(exponential, 4), 0.5);
  EXPECT_DOUBLE_EQ(ScheduleFactor(exponential, 7), 0.25);
}

TEST(TargetsTest, BoundaryWalksRoundAndGridsFill) {
  const auto boundary =
      MakeTargets({.points_per_side = 3, .boundary = true}, 2);
  const auto grid = MakeTargets({.points_per_side = 2, .highest = 0.5}, 3);

  ASSERT_TRUE(boundary.ok());
  EXPECT_THAT(*boundary,
              ElementsAre(ElementsAre(0, 0),
                          ElementsAre(0.5, 0),
                          ElementsAre(1, 0),
                          ElementsAre(1, 0.5),
                          ElementsAre(1, 1),
                          ElementsAre(0.5, 1),
                          ElementsAre(0, 1),
                          ElementsAre(0, 0.5)));
  ASSERT_EQ(grid->size(), 8);
  EXPECT_THAT((*grid)[6], ElementsAre(0.5, 0.5, 0));
  EXPECT_THAT(
      std::string(MakeTargets({.boundary = true}, 3).status().message()),
      HasSubstr("grid.boundary: "));
  EXPECT_THAT(
      std::string(MakeTargets({.points_per_side = 30}, 2).status().message()),
      HasSubstr("grid.points_per_side: "));
}

}  // namespace
}  // namespace repscore::testing
