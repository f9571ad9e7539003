// Every registered measure on a GPU, with the CPU as the oracle: values and
// gradients in both spaces, float64 and mixed precision, and what optimisation
// does with them. Skipped where there is no device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "core/backend/create.h"
#include "core/backend/cuda/cuda_device.h"
#include "core/optimize/optimization.h"
#include "tests/conformance/cases.h"

namespace repscore::testing {
namespace {

constexpr char kDevice[] = "cuda:0";

/// Of values, against the larger of 1 and the value.
struct Tolerances {
  double value;
  double gradient;
};
// Sums in another order.
constexpr Tolerances kExact = {1e-11, 1e-9};
// Polar factors and inverses: rounding times a condition number.
constexpr Tolerances kFactored = {1e-9, 1e-7};
// float32 rows in both, summed in another order.
constexpr Tolerances kMixed = {1e-5, 1e-2};
// Angles near zero have half of the digits.
constexpr Tolerances kMixedAngle = {1e-3, 2e-2};

bool Names(const std::string& id, std::string_view text) {
  return id.find(text) != std::string::npos;
}

Tolerances TolerancesOf(const std::string& id, ScalarType storage) {
  if (storage == ScalarType::kFloat32) {
    return Names(id, "angle") || Names(id, "angular") ? kMixedAngle : kMixed;
  }
  return id.rfind("cka", 0) == 0 || id.rfind("rsa", 0) == 0 ||
                 id.rfind("gulp", 0) == 0
             ? kExact
             : kFactored;
}

/// n > p > q, p > n with q > p, and one side of one column.
std::vector<Shape> DeviceShapes() {
  return {{40, 12, 9}, {15, 20, 25}, {30, 1, 5}};
}

/// The devices of this program; none for a skip.
struct Devices {
  std::unique_ptr<Backend> cpu;
  std::unique_ptr<Backend> gpu;
  absl::Status status;
};

const Devices& TheDevices() {
  static const Devices& devices = *[] {
    auto made = std::make_unique<Devices>();
    made->cpu = CreateBackend("cpu", 1).value();
    absl::StatusOr<std::unique_ptr<Backend>> gpu = CreateBackend(kDevice, 1);
    made->status = gpu.status();
    if (gpu.ok()) {
      made->gpu = *std::move(gpu);
    }
    return made.release();
  }();
  return devices;
}

#define REPSCORE_NEED_DEVICE()                                       \
  if (TheDevices().gpu == nullptr) {                                 \
    GTEST_SKIP() << "no " << kDevice << ": " << TheDevices().status; \
  }

class DeviceTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { REPSCORE_NEED_DEVICE(); }

  static Outcome On(Backend& backend,
                    const std::string& id,
                    const Pair& pair,
                    const EvaluateOptions& options) {
    const ScopedTestBackend scope(backend);
    return MustEvaluate(id, pair, options);
  }

  void ExpectSame(const Pair& pair, EvaluateOptions options) {
    const std::string& id = GetParam().id;
    const bool differentiable = measure_->info().differentiable;
    options.candidate_gradient = differentiable;
    options.reference_gradient = differentiable;
    options.space = GetParam().space;
    const Outcome expected = On(*TheDevices().cpu, id, pair, options);
    const Outcome actual = On(*TheDevices().gpu, id, pair, options);

    const Tolerances tolerances = TolerancesOf(id, options.storage);
    EXPECT_NEAR(actual.value,
                expected.value,
                tolerances.value * std::max(1.0, std::abs(expected.value)));
    EXPECT_EQ(actual.at_optimum, expected.at_optimum);
    EXPECT_EQ(actual.warnings.size(), expected.warnings.size());
    if (differentiable && IsDetermined(pair, options, expected)) {
      ExpectNear(actual.candidate_gradient,
                 expected.candidate_gradient,
                 tolerances.gradient);
      ExpectNear(actual.reference_gradient,
                 expected.reference_gradient,
                 tolerances.gradient);
    }
  }

  /// False where float32 rows do not determine the gradient: unregularised
  /// inverses of singular kernels.
  static bool IsDetermined(const Pair& pair,
                           EvaluateOptions options,
                           const Outcome& mixed) {
    constexpr double kNoise = 0.1;
    if (options.storage == ScalarType::kFloat64) {
      return true;
    }
    options.storage = ScalarType::kFloat64;
    const Table exact =
        On(*TheDevices().cpu, GetParam().id, pair, options).candidate_gradient;
    return Norm(Sum(1.0, mixed.candidate_gradient, -1.0, exact)) <=
           kNoise * Norm(exact);
  }

  static void ExpectNear(const Table& actual,
                         const Table& expected,
                         double tolerance) {
    // A gradient that is zero but for rounding has no direction.
    constexpr double kFlat = 1e-9;
    EXPECT_LE(Norm(Sum(1.0, actual, -1.0, expected)),
              tolerance * std::max(Norm(expected), kFlat / tolerance));
  }

  std::shared_ptr<const Measure> measure_ = MustCreate(GetParam().id);
};

TEST_P(DeviceTest, AgreesWithTheCpuInFloat64) {
  uint64_t seed = 3000;
  for (const Shape& shape : DefinedShapes(
           GetParam().id, ShapesFor(measure_->info(), DeviceShapes()))) {
    SCOPED_TRACE(shape.n);
    ExpectSame(MixedPair(shape.n, shape.p, shape.q, seed++), {});
  }
}

/// What steps of optimisations use.
using DeviceMixedTest = DeviceTest;

TEST_P(DeviceMixedTest, AgreesWithTheCpu) {
  const Shape shape = ShapesFor(measure_->info(), {{40, 12, 9}}).front();
  ExpectSame(MixedPair(shape.n, shape.p, shape.q, 3100),
             {.storage = ScalarType::kFloat32, .accuracy = Accuracy::kFast});
}

INSTANTIATE_TEST_SUITE_P(Registered,
                         DeviceTest,
                         ::testing::ValuesIn(AllCases()),
                         CaseName);

INSTANTIATE_TEST_SUITE_P(Registered,
                         DeviceMixedTest,
                         ::testing::ValuesIn(DifferentiableCases()),
                         CaseName);

/// One run on the CPU and one on the device, of the same plan.
struct Traces {
  std::vector<TracePoint> cpu;
  std::vector<TracePoint> gpu;
};

std::vector<TracePoint> TraceOn(Backend& backend,
                                const Table& reference,
                                const OptimizationPlan& plan) {
  const absl::StatusOr<std::shared_ptr<const Reference>> side =
      Reference::Create(backend, MakeDataset(reference));
  EXPECT_TRUE(side.ok()) << side.status();
  absl::StatusOr<std::unique_ptr<Optimization>> run =
      Optimization::Create(*side, plan);
  EXPECT_TRUE(run.ok()) << run.status();
  while ((*run)->stop_reason() == StopReason::kNone) {
    const absl::Status stepped = (*run)->Step();
    EXPECT_TRUE(stepped.ok()) << stepped;
    if (!stepped.ok()) {
      break;
    }
  }
  return (*run)->TakeTrace();
}

OptimizationPlan PlanOf(const std::vector<std::string>& ids,
                        ScalarType storage,
                        int64_t steps) {
  OptimizationPlan plan;
  for (const std::string& id : ids) {
    plan.terms.push_back({.measure = {.id = id, .explicit_folds = {}}});
  }
  plan.start.emplace<GaussianStart>(GaussianStart{.seed = 5, .features = 18});
  plan.adam.learning_rate = 0.05;
  plan.stopping.max_steps = steps;
  plan.storage = storage;
  return plan;
}

struct TraceCase {
  std::string name;
  std::vector<std::string> ids;
};

class DeviceTraceTest : public ::testing::TestWithParam<TraceCase> {
 protected:
  void SetUp() override { REPSCORE_NEED_DEVICE(); }

  static Traces Run(ScalarType storage) {
    const Table reference = Normals(50, 20, 3200);
    const OptimizationPlan plan = PlanOf(GetParam().ids, storage, 30);
    return {TraceOn(*TheDevices().cpu, reference, plan),
            TraceOn(*TheDevices().gpu, reference, plan)};
  }
};

TEST_P(DeviceTraceTest, FollowsTheCpuInFloat64) {
  const Traces traces = Run(ScalarType::kFloat64);

  ASSERT_EQ(traces.gpu.size(), traces.cpu.size());
  for (size_t i = 0; i < traces.cpu.size(); ++i) {
    const double tolerance = traces.cpu[i].step <= 5 ? 1e-9 : 1e-6;
    EXPECT_NEAR(traces.gpu[i].objective, traces.cpu[i].objective, tolerance)
        << traces.cpu[i].step;
    EXPECT_NEAR(traces.gpu[i].candidate_norm / traces.cpu[i].candidate_norm,
                1.0,
                tolerance);
  }
  EXPECT_GT(traces.gpu.back().objective, traces.gpu.front().objective);
}

TEST_P(DeviceTraceTest, FollowsTheCpuInMixedPrecision) {
  const Traces traces = Run(ScalarType::kFloat32);

  ASSERT_EQ(traces.gpu.size(), traces.cpu.size());
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(traces.gpu[i].objective, traces.cpu[i].objective, 1e-3);
  }
  EXPECT_NEAR(traces.gpu.back().objective, traces.cpu.back().objective, 1e-3);
}

TEST_P(DeviceTraceTest, RepeatsItselfToTheLastBit) {
  const Table reference = Normals(50, 20, 3201);
  const OptimizationPlan plan =
      PlanOf(GetParam().ids, ScalarType::kFloat32, 12);
  Backend& gpu = *TheDevices().gpu;
  const std::vector<TracePoint> first = TraceOn(gpu, reference, plan);
  const std::vector<TracePoint> second = TraceOn(gpu, reference, plan);

  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].scores, second[i].scores);
    EXPECT_EQ(first[i].gradient_norm, second[i].gradient_norm);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Objectives,
    DeviceTraceTest,
    ::testing::Values(
        TraceCase{"Cka", {"cka"}},
        TraceCase{"DebiasedCka", {"cka.debiased"}},
        TraceCase{"Nbs", {"nbs"}},
        TraceCase{"AngularProcrustes", {"procrustes.angular_score"}},
        TraceCase{"RidgeInFolds", {"ridge_r2(folds=rows_contiguous(5))"}},
        TraceCase{"Rsa", {"rsa"}},
        TraceCase{"ThreeTerms", {"cka", "nbs", "linear_r2"}}),
    [](const auto& parameter) { return parameter.param.name; });

/// Host waits of one step, once a run is under way.
int64_t WaitsPerStep(const std::string& id) {
  constexpr int64_t kSteps = 8;
  Backend& gpu = *TheDevices().gpu;
  OptimizationPlan plan = PlanOf({id}, ScalarType::kFloat32, 1000);
  plan.trace_every = 1000;
  const std::unique_ptr<Optimization> run = *Optimization::Create(
      *Reference::Create(gpu, MakeDataset(Normals(50, 20, 3202))), plan);
  for (int64_t step = 0; step < kSteps; ++step) {
    EXPECT_TRUE(run->Step().ok());
  }
  const int64_t before = cuda::HostWaits(gpu);
  for (int64_t step = 0; step < kSteps; ++step) {
    EXPECT_TRUE(run->Step().ok());
  }
  const int64_t waits = cuda::HostWaits(gpu) - before;
  EXPECT_EQ(waits % kSteps, 0) << "steps differ";
  return waits / kSteps;
}

TEST(DeviceWaitsTest, AStepWaitsForItsScalarsOnly) {
  REPSCORE_NEED_DEVICE();
  // Of the measure, of the step.
  EXPECT_EQ(WaitsPerStep("cka"), 2);
  EXPECT_EQ(WaitsPerStep("nbs"), 2);
}

/// Largest error of an element of a' b, in the size of its terms' sum.
double ErrorOfProduct(Backend& backend, Rounding rounding) {
  constexpr int64_t kRows = 400;
  constexpr int64_t kCols = 60;
  const auto uploaded = [&](const Table& table, ScalarType type) {
    Matrix matrix = backend.Allocate(kRows, kCols, type);
    backend.Upload(table.values, matrix);
    return matrix;
  };
  const auto product = [&](ScalarType type) {
    const Matrix a = uploaded(Normals(kRows, kCols, 3204), type);
    const Matrix b = uploaded(Normals(kRows, kCols, 3205), type);
    const Matrix c = backend.Allocate(kCols, kCols, type);
    backend.Gemm(Op::kTranspose, Op::kNone, 1.0, a, b, 0.0, c);
    std::vector<double> elements(static_cast<size_t>(c.size()));
    backend.Download(c, absl::MakeSpan(elements));
    return elements;
  };
  const ScopedRounding scope(backend, rounding);
  const std::vector<double> single = product(ScalarType::kFloat32);
  const std::vector<double> exact = product(ScalarType::kFloat64);
  double largest = 0.0;
  for (size_t i = 0; i < exact.size(); ++i) {
    largest = std::max(largest, std::abs(single[i] - exact[i]));
  }
  return largest / std::sqrt(static_cast<double>(kRows));
}

TEST(DeviceRoundingTest, FactorsAreRoundedOnRequestOnly) {
  REPSCORE_NEED_DEVICE();
  Backend& gpu = *TheDevices().gpu;
  const double exact = ErrorOfProduct(gpu, Rounding::kNone);
  const double tf32 = ErrorOfProduct(gpu, Rounding::kTf32);
  const double bfloat16 = ErrorOfProduct(gpu, Rounding::kBfloat16);

  // What cuBLAS may do: it may also find true float32 as fast.
  EXPECT_LT(exact, 5e-6);
  EXPECT_LT(tf32, 5e-3);
  EXPECT_LT(bfloat16, 5e-2);
#ifdef REPSCORE_EMULATED_DEVICE
  EXPECT_GT(tf32, 5e-5);
  EXPECT_GT(bfloat16, 2.0 * tf32);
#endif
  EXPECT_EQ(ErrorOfProduct(gpu, Rounding::kNone), exact);
  // The host knows nothing else.
  EXPECT_EQ(ErrorOfProduct(*TheDevices().cpu, Rounding::kTf32),
            ErrorOfProduct(*TheDevices().cpu, Rounding::kNone));
}

TEST(DeviceRoundingTest, TracesStayClose) {
  REPSCORE_NEED_DEVICE();
  Backend& gpu = *TheDevices().gpu;
  const Table reference = Normals(50, 20, 3206);
  for (const std::string id :
       {"cka", "nbs", "ridge_r2(lambda=1,folds=rows_contiguous(5))"}) {
    for (const int64_t restarts : {1, 3}) {
      OptimizationPlan plan = PlanOf({id}, ScalarType::kFloat32, 12);
      plan.restarts = restarts;
      const std::vector<TracePoint> exact = TraceOn(gpu, reference, plan);
      plan.rounding = Rounding::kTf32;
      const std::vector<TracePoint> rounded = TraceOn(gpu, reference, plan);

      ASSERT_EQ(rounded.size(), exact.size());
      for (size_t i = 0; i < exact.size(); ++i) {
        EXPECT_NEAR(rounded[i].objective, exact[i].objective, 5e-3) << id;
      }
#ifdef REPSCORE_EMULATED_DEVICE
      EXPECT_NE(rounded.back().objective, exact.back().objective)
          << id << ", " << restarts << " restarts";
#endif
    }
  }
}

TEST(DeviceRoundingTest, ScoresOfTheResultAreThoseOfItsCandidate) {
  REPSCORE_NEED_DEVICE();
  Backend& gpu = *TheDevices().gpu;
  OptimizationPlan plan = PlanOf({"cka"}, ScalarType::kFloat32, 5);
  plan.rounding = Rounding::kBfloat16;
  const std::shared_ptr<const Reference> reference =
      *Reference::Create(gpu, MakeDataset(Normals(50, 20, 3207)));
  const std::unique_ptr<Optimization> run =
      *Optimization::Create(reference, plan);
  while (run->stop_reason() == StopReason::kNone) {
    ASSERT_TRUE(run->Step().ok());
  }
  const OptimizationResult result = run->Finish().value();
  OptimizationPlan again = PlanOf({"cka"}, ScalarType::kFloat64, 1);
  again.start = result.best().candidate;
  const std::unique_ptr<Optimization> exact =
      *Optimization::Create(reference, again);
  ASSERT_TRUE(exact->Step().ok());

  EXPECT_NEAR(
      result.best().objective, exact->TakeTrace().front().objective, 1e-12);
}

TEST(DeviceGraphTest, StepsOfARunAreReplayed) {
  REPSCORE_NEED_DEVICE();
  Backend& gpu = *TheDevices().gpu;
  const int64_t before = cuda::GraphReplays(gpu);
  TraceOn(
      gpu, Normals(50, 20, 3203), PlanOf({"cka"}, ScalarType::kFloat32, 20));

  EXPECT_GE(cuda::GraphReplays(gpu) - before, 10);
}

}  // namespace
}  // namespace repscore::testing
