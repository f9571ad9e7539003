// What the benchmarks of a GPU measure with: rows, references, and a list of
// figures.
#ifndef REPSCORE_TESTS_BENCH_GPU_BENCH_KIT_H_
#define REPSCORE_TESTS_BENCH_GPU_BENCH_KIT_H_

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/backend/backend.h"
#include "core/base/random.h"
#include "core/measures/reference.h"

namespace repscore::gpu_bench {

using nlohmann::json;

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr ScalarType kFloat = ScalarType::kFloat32;
constexpr size_t kMostRepetitions = 50;
// Rows that are drawn; larger matrices repeat them.
constexpr int64_t kDrawnRows = 4096;

struct Shape {
  int64_t n;
  int64_t p;
  int64_t q;
};

inline std::string NameOf(const Shape& shape) {
  return std::to_string(shape.n) + "x" + std::to_string(shape.p) + "x" +
         std::to_string(shape.q);
}

inline std::string NameOf(ScalarType type) {
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

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (!value.ok()) {
    throw BackendError(value.status());
  }
  return *std::move(value);
}

inline std::shared_ptr<const Reference> ReferenceOf(Backend& backend,
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

}  // namespace repscore::gpu_bench

#endif  // REPSCORE_TESTS_BENCH_GPU_BENCH_KIT_H_
