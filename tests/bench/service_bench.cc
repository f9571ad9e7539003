// Scores through a real server over loopback: small ones in one message, large
// ones streamed while they are accumulated.
//
//   service_bench
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/client.h"
#include "core/backend/create.h"
#include "core/base/random.h"
#include "server/server.h"

namespace repscore {
namespace {

struct Service {
  std::filesystem::path directory;
  std::unique_ptr<server::Server> server;
  std::unique_ptr<client::Client> client;
};

Service& TheService() {
  static Service& service = *[] {
    auto* made = new Service;
    std::string name =
        (std::filesystem::temp_directory_path() / "service_bench.XXXXXX")
            .string();
    made->directory = mkdtemp(name.data());
    server::Config config;
    config.listen = {"127.0.0.1:0"};
    config.data_dir = made->directory.string();
    config.device = "cpu";
    made->server = *server::Server::Start(config);
    client::ConnectOptions options;
    options.address = absl::StrCat("127.0.0.1:", made->server->port());
    made->client = *client::Client::Connect(options);
    return made;
  }();
  return service;
}

std::vector<float> Rows(int64_t n, int64_t p, uint64_t seed) {
  std::vector<double> wide(static_cast<size_t>(n * p));
  Philox(seed).FillNormal(0, absl::MakeSpan(wide));
  return {wide.begin(), wide.end()};
}

client::ArrayView View(const std::vector<float>& rows, int64_t n, int64_t p) {
  return {.spec = {.type = DataType::kFloat32, .shape = {n, p}},
          .data = absl::MakeConstSpan(
              reinterpret_cast<const std::byte*>(rows.data()),
              rows.size() * sizeof(float))};
}

void BenchScore(benchmark::State& state) {
  const int64_t n = state.range(0);
  const int64_t p = state.range(1);
  constexpr int64_t kReferenceFeatures = 100;
  client::Client& client = *TheService().client;
  const std::string id = absl::StrCat("bench-", n);
  const std::vector<float> reference = Rows(n, kReferenceFeatures, 1);
  const auto registered = client.RegisterDataset(
      {.dataset_id = id}, View(reference, n, kReferenceFeatures));
  const std::vector<float> candidate = Rows(n, p, 2);
  std::vector<v1::MeasureSpec> measures(1);
  measures[0].set_id("cka");
  if (!registered.ok()) {
    state.SkipWithError("cannot register");
  }
  for (auto _ : state) {
    const auto response = client.Score(
        absl::StrCat("datasets/", id), View(candidate, n, p), measures);
    if (!response.ok()) {
      state.SkipWithError("cannot score");
      break;
    }
    benchmark::DoNotOptimize(response->scores(0).value());
  }
  state.SetBytesProcessed(state.iterations() * n * p *
                          static_cast<int64_t>(sizeof(float)));
}

BENCHMARK(BenchScore)
    ->Name("ScoreUnary")
    ->Args({300, 100})
    ->Args({2000, 200})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(BenchScore)
    ->Name("StreamScore")
    ->Args({20000, 200})
    ->Args({100000, 500})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace repscore

int main(int argc, char** argv) {
  repscore::SelectBlasKernels(argv);
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("blas_core", repscore::BlasCoreName());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  repscore::Service& service = repscore::TheService();
  service.client.reset();
  service.server.reset();
  std::filesystem::remove_all(service.directory);
}
