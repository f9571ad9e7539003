// Accumulation, value and gradient of every measure, and steps of Adam, on the
// shapes of the field. `of_gemm` is the rate of the floating-point operations
// an entry must do against a 1024^3 GEMM of the same precision in this run.
//
//   core_bench --benchmark_filter=Adam
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/backend/create.h"
#include "core/base/random.h"
#include "core/measures/registry.h"
#include "core/optimize/optimization.h"
#include "core/statistics/moments.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

struct Shape {
  int64_t n;
  int64_t p;
  int64_t q;
};

/// Steps of Adam of one start.
constexpr int64_t kStepsOfRun = 16;

constexpr Shape kShapes[] = {
    {300, 100, 100}, {2000, 200, 200}, {5000, 500, 500}, {3200, 4096, 168}};

Backend& Device() {
  static Backend& backend =
      *CreateBackend("cpu",
                     static_cast<int>(std::thread::hardware_concurrency()))
           ->release();
  return backend;
}

Matrix RandomRows(int64_t n, int64_t p, uint64_t seed, ScalarType type) {
  std::vector<double> values(static_cast<size_t>(n * p));
  Philox(seed).FillNormal(0, absl::MakeSpan(values));
  // A spectrum that falls like 1/i, as recordings have it.
  for (int64_t j = 0; j < p; ++j) {
    for (int64_t i = 0; i < n; ++i) {
      values[static_cast<size_t>(j * n + i)] /= static_cast<double>(j + 1);
    }
  }
  Matrix wide = Device().Allocate(n, p, ScalarType::kFloat64);
  Device().Upload(values, wide);
  Device().CentreColumns(wide, Device().Allocate(p, 1, ScalarType::kFloat64));
  if (type == ScalarType::kFloat64) {
    return wide;
  }
  Matrix narrow = Device().Allocate(n, p, type);
  Device().Copy(wide, narrow);
  return narrow;
}

/// Operations per second of GEMM, the best of a few.
double GemmRate(ScalarType type) {
  static double rates[2] = {0.0, 0.0};
  double& rate = rates[type == ScalarType::kFloat64 ? 1 : 0];
  if (rate == 0.0) {
    constexpr int64_t kSize = 1024;
    const Matrix a = RandomRows(kSize, kSize, 1, type);
    const Matrix c = Device().Allocate(kSize, kSize, type);
    for (int repeat = 0; repeat < 7; ++repeat) {
      const auto start = std::chrono::steady_clock::now();
      Device().Gemm(Op::kNone, Op::kNone, 1.0, a, a, 0.0, c);
      const double seconds = std::chrono::duration<double>(
                                 std::chrono::steady_clock::now() - start)
                                 .count();
      rate = std::max(rate, 2.0 * kSize * kSize * kSize / seconds);
    }
  }
  return rate;
}

void ReportFlops(benchmark::State& state, double flops, ScalarType type) {
  state.counters["of_gemm"] = benchmark::Counter(
      flops / GemmRate(type), benchmark::Counter::kIsIterationInvariantRate);
}

std::string ShapeName(const Shape& shape) {
  return std::to_string(shape.n) + "x" + std::to_string(shape.p) + "x" +
         std::to_string(shape.q);
}

std::shared_ptr<const Reference> ReferenceOf(const Shape& shape) {
  const Matrix rows = RandomRows(shape.n, shape.q, 11, ScalarType::kFloat64);
  std::vector<double> columns(static_cast<size_t>(rows.size()));
  Device().Download(rows, absl::MakeSpan(columns));
  auto dataset = std::make_shared<Dataset>();
  dataset->name = "datasets/bench/versions/1";
  dataset->description.spec = {.type = DataType::kFloat64,
                               .shape = {shape.n, shape.q}};
  dataset->data.resize(columns.size() * sizeof(double));
  std::vector<double> row_major(columns.size());
  for (int64_t i = 0; i < shape.n; ++i) {
    for (int64_t j = 0; j < shape.q; ++j) {
      row_major[static_cast<size_t>(i * shape.q + j)] =
          columns[static_cast<size_t>(j * shape.n + i)];
    }
  }
  std::memcpy(dataset->data.data(), row_major.data(), dataset->data.size());
  if (!Normalize(dataset->description).ok()) {
    std::abort();
  }
  return *Reference::Create(Device(), std::move(dataset));
}

/// Multiplications and additions of one step that no algorithm avoids: the two
/// passes over the rows.
double StepFlops(const std::string& id, const Shape& shape) {
  const double n = static_cast<double>(shape.n);
  const double p = static_cast<double>(shape.p);
  const double q = static_cast<double>(std::min(shape.q, shape.n));
  const double cross = 4 * n * p * q;
  if (id == "nbs" || id.rfind("procrustes", 0) == 0) {
    return cross;
  }
  if (shape.p > shape.n) {
    return 3 * n * n * p;
  }
  return cross + 3 * n * p * p;
}

void BenchAccumulate(benchmark::State& state, Shape shape) {
  const Matrix reference =
      RandomRows(shape.n, shape.q, 2, ScalarType::kFloat64);
  std::vector<double> rows(static_cast<size_t>(shape.n * shape.p));
  Philox(3).FillNormal(0, absl::MakeSpan(rows));
  const int64_t block = std::min<int64_t>(shape.n, 1024);
  for (auto _ : state) {
    MomentsAccumulator moments(Device(), reference, {}, {});
    for (int64_t first = 0; first < shape.n; first += block) {
      const int64_t count = std::min(block, shape.n - first);
      moments.Append(absl::MakeConstSpan(rows).subspan(
                         static_cast<size_t>(first * shape.p),
                         static_cast<size_t>(count * shape.p)),
                     count);
    }
    benchmark::DoNotOptimize(moments.Means());
  }
  const double n = static_cast<double>(shape.n);
  const double p = static_cast<double>(shape.p);
  ReportFlops(state,
              n * p * p + 2 * n * p * static_cast<double>(shape.q),
              ScalarType::kFloat64);
}

void BenchEvaluate(benchmark::State& state,
                   const std::string& id,
                   Shape shape,
                   bool gradient) {
  const std::shared_ptr<const Reference> reference = ReferenceOf(shape);
  const std::shared_ptr<const Measure> measure =
      *CreateMeasure({.id = id, .explicit_folds = {}}, "measure");
  RowPair pair;
  pair.candidate = RandomRows(shape.n, shape.p, 4, ScalarType::kFloat64);
  pair.reference = reference->compressed();
  pair.exact_reference = pair.reference;
  std::map<std::string, Folds> folds;
  if (const FoldRule* rule = measure->fold_rule(); rule != nullptr) {
    folds[rule->ToString()] =
        *rule->Assign({.rows = shape.n, .conditions = shape.n});
  }
  const RowOrder order(shape.n, folds);
  ProblemSize size;
  size.rows = shape.n;
  size.candidate_features = shape.p;
  size.reference_features = pair.reference.cols();
  size.space = ChooseSpace(shape.n, shape.p);
  const StatisticsNeeds needs = measure->Needs(size);
  const ReferenceConstants constants = reference->Constants(needs);
  const Matrix out = Device().Allocate(shape.n, shape.p, ScalarType::kFloat64);
  for (auto _ : state) {
    const Statistics statistics =
        ComputeStatistics(Device(), pair, order, needs, constants);
    const absl::StatusOr<Evaluation> evaluation =
        measure->Evaluate(statistics,
                          {.candidate = gradient, .reference = false},
                          Accuracy::kExact);
    benchmark::DoNotOptimize(evaluation->value);
    if (gradient) {
      Device().PullBack(
          CandidatePullBack(Device(), pair, order, evaluation->adjoint), out);
    }
  }
  ReportFlops(
      state, StepFlops(id, shape) / (gradient ? 1 : 2), ScalarType::kFloat64);
}

void BenchAdam(benchmark::State& state,
               const std::string& id,
               Shape shape,
               ScalarType storage) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = id, .explicit_folds = {}}});
  plan.start.emplace<GaussianStart>(
      GaussianStart{.seed = 1, .features = shape.p});
  plan.stopping.max_steps = 1000000;
  plan.trace_every = 1000000;
  plan.storage = storage;
  const std::shared_ptr<const Reference> reference = ReferenceOf(shape);
  std::unique_ptr<Optimization> run;
  int64_t steps = 0;
  for (auto _ : state) {
    // Always the same steps, however long the benchmark lasts: near an optimum
    // some cost more.
    if (steps++ % kStepsOfRun == 0) {
      state.PauseTiming();
      run = *Optimization::Create(reference, plan);
      state.ResumeTiming();
    }
    if (!run->Step().ok()) {
      state.SkipWithError("step failed");
    }
  }
  ReportFlops(state, StepFlops(id, shape), storage);
}

/// Of X'Y of random rows with falling spectra.
void BenchPolar(benchmark::State& state, int64_t side, PolarMethod method) {
  const Matrix x = RandomRows(4 * side, side, 1, ScalarType::kFloat64);
  const Matrix y = RandomRows(4 * side, side, 2, ScalarType::kFloat64);
  const Matrix cross = Device().Allocate(side, side, ScalarType::kFloat64);
  Device().Gemm(Op::kTranspose, Op::kNone, 1.0, x, y, 0.0, cross);
  const Matrix q = Device().Allocate(side, side, ScalarType::kFloat64);
  for (auto _ : state) {
    benchmark::DoNotOptimize(Device().Polar(cross, method, q));
  }
}

void RegisterPolar() {
  const std::pair<const char*, PolarMethod> methods[] = {
      {"svd", PolarMethod::kSvd}, {"gram", PolarMethod::kGram}};
  for (const int64_t side : {50, 100, 168, 200, 300, 500, 1000}) {
    for (const auto& [name, method] : methods) {
      benchmark::RegisterBenchmark(
          ("Polar/" + std::to_string(side) + "/" + name).c_str(),
          [side, method = method](benchmark::State& state) {
            BenchPolar(state, side, method);
          })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    }
  }
}

void RegisterAll() {
  RegisterPolar();
  for (const Shape& shape : kShapes) {
    const std::string name = ShapeName(shape);
    if (shape.p <= shape.n) {
      benchmark::RegisterBenchmark(
          ("Accumulate/" + name).c_str(), BenchAccumulate, shape)
          ->Unit(benchmark::kMillisecond)
          ->MinWarmUpTime(0.2)
          ->UseRealTime();
    }
    for (const MeasureInfo& info : RegisteredMeasures()) {
      const std::string id(info.id);
      for (const bool gradient : {false, true}) {
        if (gradient && !info.differentiable) {
          continue;
        }
        benchmark::RegisterBenchmark(
            ((gradient ? "Gradient/" : "Value/") + id + "/" + name).c_str(),
            [=](benchmark::State& state) {
              BenchEvaluate(state, id, shape, gradient);
            })
            ->Unit(benchmark::kMillisecond)
            ->MinWarmUpTime(0.2)
            ->UseRealTime();
      }
      for (const ScalarType storage :
           {ScalarType::kFloat32, ScalarType::kFloat64}) {
        benchmark::RegisterBenchmark(
            ("AdamStep/" + id + "/" + name +
             (storage == ScalarType::kFloat32 ? "/mixed" : "/float64"))
                .c_str(),
            [=](benchmark::State& state) {
              BenchAdam(state, id, shape, storage);
            })
            ->Unit(benchmark::kMillisecond)
            ->MinWarmUpTime(0.2)
            ->UseRealTime();
      }
    }
  }
}

}  // namespace
}  // namespace repscore

int main(int argc, char** argv) {
  repscore::SelectBlasKernels(argv);
  repscore::RegisterAll();
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("blas_core", repscore::BlasCoreName());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
