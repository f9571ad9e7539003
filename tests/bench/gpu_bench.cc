// What a device does of what it could: sums over rows, the way back to the
// rows and steps of Adam, against a large matrix product of the same precision
// in the same run; and copies.
//
//   gpu_bench [--device cuda:0] [--seconds 1] [--threads 8] [--quick]
//             [--part PART]... [--json FILE]
//
// Parts are products, copies, rows, score (of 1 GiB that arrives in parts),
// steps and restarts: a step of every one of 64 restarts.
//
// Every figure is the median of repetitions after a first one that is thrown
// away. Exit status 3 without the device.
#include "tests/bench/gpu_bench.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/analysis/score_stream.h"
#include "core/backend/create.h"
#include "core/backend/cuda/cuda_device.h"
#include "core/base/random.h"
#include "core/measures/registry.h"
#include "core/optimize/optimization.h"
#include "core/statistics/row_pair.h"
#include "tests/bench/gpu_bench_kit.h"

namespace repscore {
namespace {

using namespace gpu_bench;  // NOLINT(google-build-using-namespace)

constexpr int kNoDevice = 3;
constexpr int64_t kRestarts = 64;
// The most that a plan may ask for: nothing stops or traces meanwhile.
constexpr int64_t kMostSteps = 1000000;

void BenchProducts(Bench& bench, const std::string& name) {
  for (const ScalarType type : {kFloat, kDouble}) {
    bench.Add({{"name", name},
               {"shape", "6144"},
               {"precision", NameOf(type)},
               {"gflops", bench.GemmRate(type) / 1e9}});
  }
}

/// What rounding of the factors gains.
void BenchRounded(Bench& bench) {
  for (const auto& [rounding, precision] :
       {std::pair{Rounding::kTf32, "mixed_tf32"},
        std::pair{Rounding::kBfloat16, "mixed_bfloat16"}}) {
    bench.ForgetRates();
    const ScopedRounding scope(bench.backend(), rounding);
    bench.Add({{"name", "gemm"},
               {"shape", "6144"},
               {"precision", precision},
               {"gflops", bench.GemmRate(kFloat) / 1e9}});
  }
  bench.ForgetRates();
}

void BenchCopies(Bench& bench) {
  constexpr int64_t kElements = int64_t{1} << 27;
  constexpr double kBytes = 8.0 * static_cast<double>(kElements);
  Backend& backend = bench.backend();
  const Matrix a = backend.Allocate(kElements, 1, kDouble);
  const Matrix b = backend.Allocate(kElements, 1, kDouble);
  std::vector<double> host(static_cast<size_t>(kElements), 1.0);
  const auto report =
      [&](const std::string& name, double seconds, double moved) {
        bench.Add({{"name", name},
                   {"shape", "1 GiB"},
                   {"ms", 1e3 * seconds},
                   {"gbytes_per_second", moved / seconds / 1e9}});
      };
  report("upload", bench.Seconds([&] { backend.Upload(host, a); }), kBytes);
  report("download",
         bench.Seconds([&] { backend.Download(a, absl::MakeSpan(host)); }),
         kBytes);
  // Read and written.
  report("copy on the device",
         bench.Seconds([&] { backend.Copy(a, b); }),
         2.0 * kBytes);
}

/// Sums over rows, and back to them.
void BenchRows(Bench& bench, const Shape& shape, ScalarType type) {
  Backend& backend = bench.backend();
  const double n = static_cast<double>(shape.n);
  const double p = static_cast<double>(shape.p);
  const double q = static_cast<double>(shape.q);
  RowPair pair;
  pair.candidate = bench.Rows(shape.n, shape.p, type);
  pair.reference = bench.Rows(shape.n, shape.q, type);
  pair.exact_reference = pair.reference;
  const RowOrder order(shape.n, {});
  StatisticsNeeds needs;
  needs.gram = true;
  needs.cross = true;
  ReferenceConstants constants;
  constants.norm_squared = 1.0;
  const double accumulate = bench.Seconds(
      [&] { ComputeStatistics(backend, pair, order, needs, constants); });
  bench.Report("accumulate",
               NameOf(shape),
               type,
               accumulate,
               n * p * p + 2.0 * n * p * q);

  PullBackTerms terms;
  terms.own = pair.candidate;
  terms.other = pair.reference;
  terms.own_scale = 0.5;
  terms.rows.push_back({.first = 0,
                        .count = shape.n,
                        .other_weights = bench.Rows(shape.q, shape.p, kDouble),
                        .own_weights = bench.Rows(shape.p, shape.p, kDouble),
                        .offset = {}});
  const Matrix next = backend.Allocate(shape.n, shape.p, type);
  const double flops = 2.0 * n * p * (p + q);
  const double back = bench.Seconds([&] { backend.PullBack(terms, next); });
  bench.Report("pull back", NameOf(shape), type, back, flops);
  const Matrix first = backend.Allocate(shape.n, shape.p, type);
  const Matrix second = backend.Allocate(shape.n, shape.p, type);
  const Matrix means = backend.Allocate(shape.p, 1, kDouble);
  for (const Matrix& matrix : {first, second, means}) {
    backend.Fill(0.0, matrix);
  }
  AdamCoefficients adam;
  adam.step_size = 1e-3;
  const double step = bench.Seconds(
      [&] { backend.PullBackAdam(terms, adam, first, second, next, means); });
  bench.Report("pull back and Adam", NameOf(shape), type, step, flops);
}

/// Scores of rows while they arrive, in the parts of an upload.
void BenchScore(Bench& bench, const Shape& shape, const std::string& id) {
  constexpr size_t kPart = size_t{1} << 20;
  std::vector<double> drawn(kPart / sizeof(float));
  Philox(13).FillNormal(0, absl::MakeSpan(drawn));
  const std::vector<float> part(drawn.begin(), drawn.end());
  const auto bytes = static_cast<size_t>(shape.n * shape.p) * sizeof(float);
  const std::shared_ptr<const Reference> reference =
      ReferenceOf(bench.backend(), shape);
  const double seconds = bench.Seconds([&] {
    const std::unique_ptr<ScoreStream> stream = Must(ScoreStream::Create(
        reference,
        {Must(CreateMeasure({.id = id, .explicit_folds = {}}, "measure"))},
        {.type = DataType::kFloat32, .shape = {shape.n, shape.p}}));
    for (size_t sent = 0; sent < bytes; sent += kPart) {
      const absl::Status appended = stream->Append(
          std::as_bytes(std::span(part)).first(std::min(kPart, bytes - sent)));
      if (!appended.ok()) {
        throw BackendError(appended);
      }
    }
    Must(stream->Finish());
  });
  bench.Add(
      {{"name", "score, " + id},
       {"shape", NameOf(shape)},
       {"precision", "float32 sent"},
       {"ms", 1e3 * seconds},
       {"gbytes_per_second", static_cast<double>(bytes) / seconds / 1e9}});
}

/// Steps of Adam for one objective, as milliseconds of one step of every
/// restart.
void BenchSteps(Bench& bench,
                const std::string& name,
                const std::vector<std::string>& ids,
                const Shape& shape,
                ScalarType storage,
                int64_t restarts) {
  OptimizationPlan plan;
  plan.restarts = restarts;
  for (const std::string& id : ids) {
    plan.terms.push_back({.measure = {.id = id, .explicit_folds = {}}});
  }
  plan.start = GaussianStart{.seed = 1, .features = shape.p};
  plan.stopping.max_steps = kMostSteps;
  plan.trace_every = kMostSteps;
  plan.storage = storage;
  Backend& backend = bench.backend();
  const std::unique_ptr<Optimization> run =
      Must(Optimization::Create(ReferenceOf(backend, shape), plan));
  // Members take turns of several steps: a round is over when all have moved.
  int64_t rounds = 0;
  const auto step_all = [&] {
    ++rounds;
    const int64_t before = run->steps();
    for (int64_t turns = 0; turns < restarts || run->steps() == before;
         turns += restarts == 1 ? 1 : backend.threads()) {
      const absl::Status stepped = run->Step();
      if (!stepped.ok()) {
        throw BackendError(stepped);
      }
    }
  };
  // The first steps allocate and record; a turn of a restart has several.
  for (int i = 0; i < (restarts == 1 ? 5 : 2); ++i) {
    step_all();
  }
  const std::string what =
      restarts == 1 ? "Adam step" : std::to_string(restarts) + " restarts";
  json row = {{"name", what + ", " + name},
              {"shape", NameOf(shape)},
              {"precision", NameOf(storage)}};
  const int64_t waits = cuda::HostWaits(backend);
  const int64_t replays = cuda::GraphReplays(backend);
  const int64_t launches = cuda::ReplayedLaunches(backend);
  const int64_t first = run->steps();
  rounds = 0;
  const double seconds = bench.Seconds(step_all);
  const auto steps = static_cast<double>(run->steps() - first);
  const double steps_of_round = steps / static_cast<double>(rounds);
  row["ms"] = 1e3 * seconds / steps_of_round;
  if (restarts == 1) {
    const auto per_step = [&](int64_t after, int64_t before) {
      return static_cast<double>(after - before) / steps;
    };
    // Without those of the clock.
    row["waits_per_step"] =
        per_step(cuda::HostWaits(backend), waits) - 1.0 / steps_of_round;
    row["replays_per_step"] = per_step(cuda::GraphReplays(backend), replays);
    row["launches_per_step"] =
        per_step(cuda::ReplayedLaunches(backend), launches);
    // What the recorded work of a step takes when nobody waits for it.
    const auto floor = cuda::SecondsOfReplays(
        backend, (cuda::GraphReplays(backend) - replays) / rounds);
    if (floor.has_value()) {
      row["floor_ms"] = 1e3 * *floor / steps_of_round;
    }
  }
  bench.Add(std::move(row));
}

/// Runs a part; one that the device has no memory for says so in its row.
void Attempt(Bench& bench,
             const std::string& shape,
             const std::function<void()>& part) {
  try {
    part();
  } catch (const BackendError& error) {
    if (error.status().code() != absl::StatusCode::kResourceExhausted) {
      throw;
    }
    bench.Add({{"name", "left out"}, {"shape", shape}, {"why", error.what()}});
  }
}

struct Options {
  std::string device = "cuda:0";
  double seconds = 1.0;
  int threads = 8;
  bool quick = false;
  std::string file;
  /// All when empty.
  std::vector<std::string> parts;

  bool Wants(const std::string& part) const {
    return parts.empty() ||
           std::find(parts.begin(), parts.end(), part) != parts.end();
  }
};

void BenchAllRows(Bench& bench, bool quick) {
  const std::vector<Shape> shapes =
      quick ? std::vector<Shape>{{100000, 1000, 168}}
            : std::vector<Shape>{{100000, 1000, 168},
                                 {100000, 4096, 168},
                                 {1000000, 1000, 168},
                                 {1000000, 2048, 168}};
  for (const Shape& shape : shapes) {
    for (const ScalarType type : {kFloat, kDouble}) {
      Attempt(bench, NameOf(shape), [&] { BenchRows(bench, shape, type); });
    }
  }
}

/// Of one candidate, or of many that take turns.
void BenchAllSteps(Bench& bench,
                   const std::vector<Shape>& shapes,
                   int64_t restarts) {
  const std::string ridge = "ridge_r2(folds=rows_contiguous(5),lambda=100)";
  const std::vector<std::pair<std::string, std::vector<std::string>>>
      objectives = {{"cka", {"cka"}},
                    {"nbs", {"nbs"}},
                    {"ridge 5-fold", {ridge}},
                    {"joint", {"cka", "nbs", ridge}}};
  for (const Shape& shape : shapes) {
    for (const ScalarType storage : {kFloat, kDouble}) {
      for (const auto& [name, ids] : objectives) {
        if (restarts > 1 && ids.size() > 1) {
          continue;
        }
        Attempt(bench, NameOf(shape), [&, &name = name, &ids = ids] {
          BenchSteps(bench, name, ids, shape, storage, restarts);
        });
      }
    }
  }
}

void BenchAll(Bench& bench, const Options& options) {
  const std::vector<Shape> small = {{300, 100, 100}, {2000, 200, 200}};
  std::vector<Shape> all = small;
  if (!options.quick) {
    all.insert(all.end(), {{5000, 500, 500}, {3200, 4096, 168}});
  }
  if (options.Wants("products")) {
    BenchProducts(bench, "gemm");
    BenchRounded(bench);
  }
  if (options.Wants("copies")) {
    BenchCopies(bench);
  }
  if (options.Wants("rows")) {
    BenchAllRows(bench, options.quick);
  }
  if (options.Wants("score")) {
    const Shape shape = {100000, options.quick ? 268 : 2684, 168};
    Attempt(bench, NameOf(shape), [&] { BenchScore(bench, shape, "cka"); });
  }
  if (options.Wants("steps")) {
    BenchAllSteps(bench, all, 1);
  }
  if (options.Wants("restarts")) {
    BenchAllSteps(bench, small, kRestarts);
  }
  if (options.Wants("products")) {
    // Somebody who has come in between shows here.
    bench.ForgetRates();
    BenchProducts(bench, "gemm at the end");
  }
}

int BenchDevice(const Options& options) {
  absl::StatusOr<std::unique_ptr<Backend>> backend =
      CreateBackend(options.device, options.threads);
  if (!backend.ok()) {
    std::cerr << backend.status().message() << '\n';
    return kNoDevice;
  }
  Bench bench(**backend, options.seconds);
  const absl::Status done = Guarded([&]() -> absl::Status {
    BenchAll(bench, options);
    return absl::OkStatus();
  });
  json result = {{"device", options.device}, {"rows", bench.rows()}};
  for (const DeviceInfo& info : ListDevices()) {
    if (info.name == options.device) {
      result["description"] = info.description;
      result["fast_float64"] = info.fast_float64;
    }
  }
  if (!done.ok()) {
    std::cerr << done.message() << '\n';
    result["error"] = std::string{done.message()};
  }
  if (!options.file.empty()) {
    std::ofstream(options.file) << result.dump(1) << '\n';
  }
  return done.ok() ? 0 : 1;
}

}  // namespace

int RunGpuBench(int argc, char** argv) {
  CLI::App app("Benchmarks of a GPU");
  Options options;
  app.add_option("--device", options.device, "cuda:0, cuda:1, ...");
  app.add_option("--seconds", options.seconds, "of every figure");
  app.add_option("--json", options.file, "where the figures go");
  app.add_option("--threads", options.threads, "that restarts step on")
      ->check(CLI::Range(1, 64));
  app.add_flag("--quick", options.quick, "the small shapes only");
  app.add_option("--part", options.parts, "these parts only")
      ->check(CLI::IsMember(
          {"products", "copies", "rows", "score", "steps", "restarts"}));
  CLI11_PARSE(app, argc, argv);
  return BenchDevice(options);
}

}  // namespace repscore
