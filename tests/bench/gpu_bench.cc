// What a device does of what it could: sums over rows, the way back to the
// rows and steps of Adam, against a large matrix product of the same precision
// in the same run; and copies.
//
//   gpu_bench [--device cuda:0] [--seconds 1] [--threads 8] [--quick]
//             [--part PART]... [--json FILE]
//
// Parts are products, copies, rows, steps and restarts: a step of every one of
// 64 restarts.
//
// Every figure is the median of repetitions after a first one that is thrown
// away. Exit status 3 without the device.
#include "tests/bench/gpu_bench.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/backend/create.h"
#include "core/backend/cuda/cuda_device.h"
#include "core/base/random.h"
#include "core/measures/reference.h"
#include "core/optimize/optimization.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

using nlohmann::json;

constexpr int kNoDevice = 3;
constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr ScalarType kFloat = ScalarType::kFloat32;
constexpr size_t kMostRepetitions = 50;
constexpr int64_t kRestarts = 64;
// The most that a plan may ask for: nothing stops or traces meanwhile.
constexpr int64_t kMostSteps = 1000000;
// Rows that are drawn; larger matrices repeat them.
constexpr int64_t kDrawnRows = 4096;

struct Shape {
  int64_t n;
  int64_t p;
  int64_t q;
};

std::string NameOf(const Shape& shape) {
  return std::to_string(shape.n) + "x" + std::to_string(shape.p) + "x" +
         std::to_string(shape.q);
}

std::string NameOf(ScalarType type) {
  return type == kFloat ? "float32" : "float64";
}

class Bench {
 public:
  Bench(Backend& backend, double seconds)
      : backend_(backend), seconds_(seconds) {}

  /// Median seconds of `call` with what it has enqueued.
  double Seconds(const std::function<void()>& call) {
    const auto once = [&] {
      const auto start = std::chrono::steady_clock::now();
      call();
      Wait();
      return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                           start)
          .count();
    };
    once();
    std::vector<double> times;
    double total = 0.0;
    while (times.size() < 3 ||
           (total < seconds_ && times.size() < kMostRepetitions)) {
      times.push_back(once());
      total += times.back();
    }
    std::nth_element(
        times.begin(),
        times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
        times.end());
    return times[times.size() / 2];
  }

  /// Operations per second of a large product.
  double GemmRate(ScalarType type) {
    double& rate = rates_[type == kDouble ? 1 : 0];
    if (rate == 0.0) {
      const int64_t size = 6144;
      const double edge = static_cast<double>(size);
      const Matrix a = Rows(size, size, type);
      const Matrix c = backend_.Allocate(size, size, type);
      rate = 2.0 * edge * edge * edge / Seconds([&] {
               backend_.Gemm(Op::kNone, Op::kTranspose, 1.0, a, a, 0.0, c);
             });
    }
    return rate;
  }

  void Report(const std::string& name,
              const std::string& shape,
              ScalarType type,
              double seconds,
              double flops) {
    json row = {{"name", name},
                {"shape", shape},
                {"precision", NameOf(type)},
                {"ms", 1e3 * seconds}};
    if (flops > 0.0) {
      row["gflops"] = flops / seconds / 1e9;
      row["of_gemm"] = flops / seconds / GemmRate(type);
    }
    Add(std::move(row));
  }

  void Add(json row) {
    std::cout << row.dump() << '\n' << std::flush;
    rows_.push_back(std::move(row));
  }

  /// Rates are measured again when they are asked for next.
  void ForgetRates() { rates_[0] = rates_[1] = 0.0; }

  /// Normals, repeated after kDrawnRows rows, their columns falling like 1/j.
  Matrix Rows(int64_t n, int64_t p, ScalarType type) {
    const int64_t drawn = std::min(n, kDrawnRows);
    std::vector<double> values(static_cast<size_t>(drawn * p));
    Philox(7).FillNormal(0, absl::MakeSpan(values));
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t column = i / static_cast<size_t>(drawn);
      values[i] /= static_cast<double>(column + 1);
    }
    Matrix block = backend_.Allocate(drawn, p, type);
    backend_.Upload(values, block);
    if (drawn == n) {
      return block;
    }
    Matrix rows = backend_.Allocate(n, p, type);
    for (int64_t first = 0; first < n; first += drawn) {
      const int64_t count = std::min(drawn, n - first);
      backend_.Copy(block.Rows(0, count), rows.Rows(first, count));
    }
    return rows;
  }

  Backend& backend() { return backend_; }
  const json& rows() const { return rows_; }

 private:
  void Wait() {
    if (probe_.empty()) {
      probe_ = backend_.Allocate(1, 1, kDouble);
      backend_.Fill(1.0, probe_);
    }
    backend_.Dot(probe_, probe_);
  }

  Backend& backend_;
  const double seconds_;
  Matrix probe_;
  double rates_[2] = {0.0, 0.0};
  json rows_ = json::array();
};

void BenchProducts(Bench& bench, const std::string& name) {
  for (const ScalarType type : {kFloat, kDouble}) {
    bench.Add({{"name", name},
               {"shape", "6144"},
               {"precision", NameOf(type)},
               {"gflops", bench.GemmRate(type) / 1e9}});
  }
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

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (!value.ok()) {
    throw BackendError(value.status());
  }
  return *std::move(value);
}

std::shared_ptr<const Reference> ReferenceOf(Backend& backend,
                                             const Shape& shape) {
  std::vector<double> values(static_cast<size_t>(shape.n * shape.q));
  Philox(11).FillNormal(0, absl::MakeSpan(values));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] /= static_cast<double>(i % static_cast<size_t>(shape.q) + 1);
  }
  auto dataset = std::make_shared<Dataset>();
  dataset->name = "datasets/bench/versions/1";
  dataset->description.spec = {.type = DataType::kFloat64,
                               .shape = {shape.n, shape.q}};
  dataset->data.resize(values.size() * sizeof(double));
  std::memcpy(dataset->data.data(), values.data(), dataset->data.size());
  const absl::Status normalized = Normalize(dataset->description);
  if (!normalized.ok()) {
    throw BackendError(normalized);
  }
  return Must(Reference::Create(backend, std::move(dataset)));
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
  }
  if (options.Wants("copies")) {
    BenchCopies(bench);
  }
  if (options.Wants("rows")) {
    BenchAllRows(bench, options.quick);
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
      ->check(
          CLI::IsMember({"products", "copies", "rows", "steps", "restarts"}));
  CLI11_PARSE(app, argc, argv);
  return BenchDevice(options);
}

}  // namespace repscore
