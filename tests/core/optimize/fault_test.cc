// Runs on devices that give NaN, and runs that leave the range of numbers by
// themselves: who is to blame must be told apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/optimize/finite.h"
#include "core/optimize/optimization.h"
#include "tests/support/fake_device.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kDevice[] = "cuda:0";
constexpr char kRidge[] = "ridge_r2(folds=rows_contiguous(3),lambda=1)";

class FaultTest : public ::testing::Test {
 protected:
  static OptimizationPlan PlanFor(const std::string& id) {
    OptimizationPlan plan;
    plan.terms.push_back({.measure = {.id = id, .explicit_folds = {}}});
    plan.stopping.max_steps = 1000;
    plan.storage = ScalarType::kFloat64;
    return plan;
  }

  std::unique_ptr<Optimization> MustStart(OptimizationPlan plan) {
    absl::StatusOr<std::unique_ptr<Optimization>> run =
        Optimization::Create(*reference_, std::move(plan));
    EXPECT_TRUE(run.ok()) << run.status();
    return *std::move(run);
  }

  static void MustStep(Optimization& run, int steps) {
    for (int i = 0; i < steps; ++i) {
      ASSERT_TRUE(run.Step().ok());
    }
  }

  static void ExpectBlamesDevice(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("the device gave NaN for finite rows: cuda:0"));
  }

  static void ExpectRefused(const absl::Status& status,
                            const std::string& field) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), ::testing::StartsWith(field));
  }

  static void ExpectFinite(const std::vector<TracePoint>& trace) {
    for (const TracePoint& point : trace) {
      EXPECT_TRUE(std::isfinite(point.objective));
      EXPECT_TRUE(std::isfinite(point.gradient_norm));
      for (const double value : point.tracked) {
        EXPECT_TRUE(std::isfinite(value));
      }
    }
  }

  FakeDevice device_{kDevice};
  std::unique_ptr<Backend> backend_ = device_.MakeBackend();
  absl::StatusOr<std::shared_ptr<const Reference>> reference_ =
      Reference::Create(*backend_, MakeDataset(Normals(24, 6, 3)));
};

/// Every product of one step in turn.
TEST_F(FaultTest, NanFromAnyProductOfAStepIsTheDevices) {
  // A factor that failed is made again, from eigenvectors.
  constexpr double kMadeAgain = 1e-10;
  for (const std::string id : {"cka", "nbs", kRidge, "rsa(compare=cosine)"}) {
    for (const ScalarType storage :
         {ScalarType::kFloat64, ScalarType::kFloat32}) {
      OptimizationPlan plan = PlanFor(id);
      plan.storage = storage;
      const std::unique_ptr<Optimization> sound = MustStart(plan);
      MustStep(*sound, 3);
      const double expected = sound->TakeTrace().back().objective;
      int blamed = 0;
      for (int after = 0;; ++after) {
        SCOPED_TRACE(id + " after " + std::to_string(after));
        const std::unique_ptr<Optimization> run = MustStart(plan);
        MustStep(*run, 2);
        device_.SpoilProducts(1, after);
        const absl::Status status = run->Step();
        if (device_.spoiled_products() > 0) {
          device_.SpoilProducts(0);
          break;
        }
        const std::vector<TracePoint> trace = run->TakeTrace();
        ExpectFinite(trace);
        if (status.ok()) {
          EXPECT_NEAR(trace.back().objective, expected, kMadeAgain);
        } else {
          ExpectBlamesDevice(status);
          ++blamed;
        }
      }
      EXPECT_GE(blamed, 1) << id;
    }
  }
}

TEST_F(FaultTest, NanOfTheGradientIsTheDevices) {
  for (const Moves moves : {Moves::kCandidate, Moves::kBoth}) {
    OptimizationPlan plan = PlanFor("cka");
    plan.moves = moves;
    const std::unique_ptr<Optimization> run = MustStart(std::move(plan));
    MustStep(*run, 3);
    device_.SpoilGradients(1);

    ExpectBlamesDevice(run->Step());
    ExpectFinite(run->TakeTrace());
  }
}

TEST_F(FaultTest, NanOfATrackedMeasureIsTheDevices) {
  OptimizationPlan plan = PlanFor("nbs");
  plan.tracked.push_back({.id = kRidge, .explicit_folds = {}});
  const std::unique_ptr<Optimization> run = MustStart(std::move(plan));
  MustStep(*run, 1);
  int products = 0;
  // The last product of a step belongs to the tracked measure.
  device_.SpoilProducts(0, 1000);
  MustStep(*run, 1);
  products = 1000 - device_.sound_products();
  device_.SpoilProducts(1, products - 1);

  ExpectBlamesDevice(run->Step());
  ExpectFinite(run->TakeTrace());
}

TEST_F(FaultTest, NanInALineSearchIsTheDevices) {
  int blamed = 0;
  for (int after = 0; after < 12; ++after) {
    OptimizationPlan plan = PlanFor("cka");
    plan.lbfgs.emplace();
    const std::unique_ptr<Optimization> run = MustStart(std::move(plan));
    MustStep(*run, 3);
    device_.SpoilProducts(1, after);

    const absl::Status status = run->Step();

    const bool spoiled = device_.spoiled_products() == 0;
    device_.SpoilProducts(0);
    if (spoiled) {
      ExpectBlamesDevice(status);
      ++blamed;
    }
    ExpectFinite(run->TakeTrace());
  }
  EXPECT_GE(blamed, 2);
}

TEST_F(FaultTest, NanOfALineSearchsGradientIsTheDevices) {
  OptimizationPlan plan = PlanFor("nbs");
  plan.lbfgs.emplace();
  const std::unique_ptr<Optimization> run = MustStart(std::move(plan));
  MustStep(*run, 3);
  device_.SpoilGradients(1);

  ExpectBlamesDevice(run->Step());
}

TEST_F(FaultTest, LaterRunsOfTheDeviceAreAsIfNothingHadHappened) {
  const std::unique_ptr<Optimization> undisturbed = MustStart(PlanFor("nbs"));
  MustStep(*undisturbed, 20);
  const std::unique_ptr<Optimization> spoiled = MustStart(PlanFor("nbs"));
  MustStep(*spoiled, 5);
  device_.SpoilProducts(1);
  ASSERT_FALSE(spoiled->Step().ok());

  const std::unique_ptr<Optimization> later = MustStart(PlanFor("nbs"));
  MustStep(*later, 20);

  const std::vector<TracePoint> expected = undisturbed->TakeTrace();
  const std::vector<TracePoint> actual = later->TakeTrace();
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(actual[i].objective, expected[i].objective);
  }
}

TEST_F(FaultTest, NanAtTheEndIsTheDevices) {
  OptimizationPlan plan = PlanFor("cka");
  plan.stopping.max_steps = 3;
  const std::unique_ptr<Optimization> run = MustStart(std::move(plan));
  while (run->stop_reason() == StopReason::kNone) {
    MustStep(*run, 1);
  }
  device_.SpoilProducts(1);

  ExpectBlamesDevice(run->Finish().status());
}

TEST_F(FaultTest, RowsThatHaveLeftTheRangeOfFloat32AreBlamedOnTheRate) {
  OptimizationPlan plan = PlanFor("cka");
  plan.storage = ScalarType::kFloat32;
  const Table start = Normals(24, 6, 4);
  plan.start = ToHostArray(Sum(1e10, start, 0.0, start));
  const std::unique_ptr<Optimization> run = MustStart(std::move(plan));
  MustStep(*run, 3);
  device_.SpoilProducts(1);

  ExpectRefused(run->Step(), "adam.learning_rate");
}

TEST_F(FaultTest, ALineSearchThatOverflowsIsToBlame) {
  OptimizationPlan plan = PlanFor("cka");
  plan.lbfgs.emplace();
  plan.lbfgs->initial_step = 1e200;
  const std::unique_ptr<Optimization> run = MustStart(std::move(plan));

  ExpectRefused(run->Step(), "lbfgs");
}

TEST_F(FaultTest, StartsOutsideTheRangeAreToBlame) {
  const Table start = Normals(24, 6, 4);
  for (const double scale : {1e160, 1e-160}) {
    OptimizationPlan plan = PlanFor("cka");
    plan.start = ToHostArray(Sum(scale, start, 0.0, start));

    const absl::Status status = MustStart(std::move(plan))->Step();

    ExpectRefused(status, "start.candidate");
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(scale > 1.0 ? "too large" : "too small"));
  }
}

TEST_F(FaultTest, WeightsThatOverflowAreToBlame) {
  OptimizationPlan plan = PlanFor("cka");
  plan.storage = ScalarType::kFloat32;
  plan.terms[0].weight = 1e300;

  ExpectRefused(MustStart(std::move(plan))->Step(), "terms[0].weight");
}

TEST(MagnitudeTest, DependsOnTheTypeOfTheProducts) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(MagnitudeOf(1e30, ScalarType::kFloat64), Magnitude::kNormal);
  EXPECT_EQ(MagnitudeOf(1e30, ScalarType::kFloat32), Magnitude::kLarge);
  EXPECT_EQ(MagnitudeOf(1e-30, ScalarType::kFloat64), Magnitude::kNormal);
  EXPECT_EQ(MagnitudeOf(1e-30, ScalarType::kFloat32), Magnitude::kSmall);
  EXPECT_EQ(MagnitudeOf(nan, ScalarType::kFloat64), Magnitude::kLarge);
}

}  // namespace
}  // namespace repscore::testing
