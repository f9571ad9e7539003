// What only an emulated device can show: orders that a device keeps by luck,
// failures, and memory that leaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/backend/create.h"
#include "core/backend/cuda/cuda_device.h"
#include "core/optimize/optimization.h"
#include "tests/support/cuda_emulation/emulation.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

namespace emulation = cuda_emulation;
using ::testing::HasSubstr;

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr ScalarType kFloat = ScalarType::kFloat32;

std::unique_ptr<Backend> MustCreateDevice() {
  absl::StatusOr<std::unique_ptr<Backend>> backend = CreateBackend("cuda:0", 1);
  EXPECT_TRUE(backend.ok()) << backend.status();
  return *std::move(backend);
}

/// The status that an operation of a backend ends with.
template <typename Operation>
absl::Status StatusOf(const Operation& operation) {
  return Guarded([&]() -> absl::Status {
    operation();
    return absl::OkStatus();
  });
}

std::vector<double> Downloaded(Backend& backend, const Matrix& matrix) {
  std::vector<double> values(static_cast<size_t>(matrix.size()));
  backend.Download(matrix, absl::MakeSpan(values));
  return values;
}

class EmulatedDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override { live_before_ = emulation::TheCounts().live_bytes; }
  void TearDown() override {
    backend_.reset();
    emulation::FailAllocations(0);
    emulation::FailNextWork(cudaSuccess);
    emulation::SpoilProducts(0);
    emulation::TheSettings() = emulation::Settings();
  }

  std::unique_ptr<Backend> backend_ = MustCreateDevice();
  int64_t live_before_ = 0;
};

TEST_F(EmulatedDeviceTest, DescribesItself) {
  const std::vector<DeviceInfo> devices = ListDevices();

  ASSERT_EQ(devices.size(), 2);
  EXPECT_EQ(devices[1].name, "cuda:0");
  EXPECT_EQ(devices[1].description,
            "emulated device, compute capability 9.0, driver 13.0");
  EXPECT_TRUE(devices[1].fast_float64);
  EXPECT_EQ((*CreateBackend("auto", 1))->name(), "cuda:0");
}

TEST_F(EmulatedDeviceTest, SlowFloat64IsRecognised) {
  emulation::TheSettings().float64_ratio = 64;

  EXPECT_FALSE(ListDevices()[1].fast_float64);
}

TEST_F(EmulatedDeviceTest, OldDevicesAreRefused) {
  emulation::TheSettings().compute_major = 7;

  const absl::Status status = CreateBackend("cuda:1", 1).status();

  EXPECT_EQ(ListDevices().size(), 1);
  EXPECT_EQ((*CreateBackend("auto", 1))->name(), "cpu");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(EmulatedDeviceTest, DevicesThatAreNotThereAreNamed) {
  const absl::Status last = CreateBackend("cuda:3", 1).status();
  emulation::TheSettings().devices = 0;
  const absl::Status none = CreateBackend("cuda:1", 1).status();

  EXPECT_EQ(last.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(last.message()), HasSubstr("the last is cuda:0"));
  EXPECT_EQ(none.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(none.message()),
              HasSubstr("no CUDA-capable device is detected"));
}

TEST_F(EmulatedDeviceTest, LargeMatricesPassThroughTheStagingRing) {
  // More than all slots of the ring, in both types, and through a view.
  const Table table = Normals(2000, 2600, 1);
  for (const ScalarType type : {kDouble, kFloat}) {
    const Matrix matrix = backend_->Allocate(2600, 2000, type);
    backend_->Upload(table.values, matrix);
    std::vector<double> expected = table.values;
    if (type == kFloat) {
      for (double& value : expected) {
        value = static_cast<double>(static_cast<float>(value));
      }
    }

    EXPECT_TRUE(Downloaded(*backend_, matrix) == expected);
    const std::vector<double> view =
        Downloaded(*backend_, matrix.Rows(7, 1300).Columns(1, 1900));
    EXPECT_EQ(view[0], expected[2600 + 7]);
    EXPECT_EQ(view.back(), expected[1900 * 2600 + 1306]);
  }
}

TEST_F(EmulatedDeviceTest, UploadsDoNotWait) {
  const Table table = Normals(40, 40, 2);
  const Matrix matrix = backend_->Allocate(40, 40, kDouble);
  const int64_t before = cuda::HostWaits(*backend_);
  for (int i = 0; i < 8; ++i) {
    backend_->Upload(table.values, matrix);
    backend_->Axpby(1.0, matrix, 1.0, matrix);
  }

  EXPECT_EQ(cuda::HostWaits(*backend_), before);
  EXPECT_NEAR(backend_->Dot(matrix, matrix), 4.0 * Dot(table, table), 1e-9);
  EXPECT_EQ(cuda::HostWaits(*backend_), before + 1);
}

TEST_F(EmulatedDeviceTest, ManyDotsWaitOnce) {
  const Table table = Normals(30, 20, 3);
  const Matrix matrix = backend_->Allocate(20, 30, kDouble);
  backend_->Upload(table.values, matrix);
  const std::vector<std::pair<Matrix, Matrix>> pairs(60, {matrix, matrix});
  const int64_t before = cuda::HostWaits(*backend_);
  const std::vector<double> dots = backend_->Dots(pairs);

  EXPECT_EQ(cuda::HostWaits(*backend_), before + 1);
  for (const double dot : dots) {
    EXPECT_NEAR(dot, Dot(table, table), 1e-10);
  }
}

TEST_F(EmulatedDeviceTest, SiblingsWaitForWritesAndForEachOthersReads) {
  const std::unique_ptr<Backend> sibling = backend_->Sibling(1);
  const Table table = Normals(40, 40, 4);
  Matrix shared = backend_->Allocate(40, 40, kDouble);
  backend_->Upload(table.values, shared);
  const Matrix seen = sibling->Allocate(40, 40, kDouble);
  sibling->Copy(shared, seen);
  // Written again, then given back and its memory reused, before anything ran.
  backend_->Fill(2.0, shared);
  const Matrix seen_again = sibling->Allocate(40, 40, kDouble);
  sibling->Copy(shared, seen_again);
  shared = Matrix();
  const Matrix reused = backend_->Allocate(40, 40, kDouble);
  backend_->Fill(3.0, reused);

  EXPECT_EQ(Downloaded(*backend_, reused).front(), 3.0);
  EXPECT_EQ(Downloaded(*sibling, seen_again), std::vector<double>(1600, 2.0));
  EXPECT_EQ(Downloaded(*sibling, seen), table.values);
}

TEST_F(EmulatedDeviceTest, SiblingsDoNotWriteEachOthersMatrices) {
  const std::unique_ptr<Backend> sibling = backend_->Sibling(1);
  const Matrix matrix = backend_->Allocate(4, 4, kDouble);

  EXPECT_EQ(StatusOf([&] { sibling->Fill(1.0, matrix); }).code(),
            absl::StatusCode::kInternal);
}

TEST_F(EmulatedDeviceTest, MatricesOfAnotherBackendAreRefused) {
  const std::unique_ptr<Backend> cpu = *CreateBackend("cpu", 1);
  const Matrix matrix = cpu->Allocate(4, 4, kDouble);

  EXPECT_EQ(StatusOf([&] { backend_->Fill(1.0, matrix); }).code(),
            absl::StatusCode::kInternal);
}

TEST_F(EmulatedDeviceTest, MatricesOutliveTheirBackendAndGoInAnyThread) {
  const std::unique_ptr<Backend> sibling = backend_->Sibling(1);
  Matrix kept = backend_->Allocate(8, 8, kDouble);
  backend_->Fill(4.0, kept);
  backend_.reset();

  EXPECT_EQ(Downloaded(*sibling, kept), std::vector<double>(64, 4.0));
  std::thread([&kept] { kept = Matrix(); }).join();
  EXPECT_EQ(emulation::TheCounts().live_bytes, live_before_);
}

TEST_F(EmulatedDeviceTest, OutOfMemorySaysWhatWasAskedForAndWhatThereIs) {
  const absl::Status status =
      StatusOf([&] { backend_->Allocate(100000, 100000, kDouble); });

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("80000000000 bytes asked for"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("of 2147483648 free"));
  EXPECT_TRUE(backend_->Health().ok());
  EXPECT_TRUE(StatusOf([&] { backend_->Allocate(4, 4, kDouble); }).ok());
}

TEST_F(EmulatedDeviceTest, IdleMemoryIsGivenBackBeforeAnAllocationFails) {
  // 1.2 GB and 1.3 GB of 2 GB, one after the other.
  backend_->Allocate(15000, 10000, kDouble);

  EXPECT_GT(backend_->memory().free_bytes, int64_t{1800} << 20);
  EXPECT_TRUE(
      StatusOf([&] { backend_->Allocate(16000, 10000, kDouble); }).ok());
}

TEST_F(EmulatedDeviceTest, AFailedAllocationInsideAnOperationLeavesNothing) {
  const Table x = Normals(30, 10, 6);
  const Matrix matrix = backend_->Allocate(10, 30, kDouble);
  backend_->Upload(x.values, matrix);
  const Matrix q = backend_->Allocate(10, 30, kDouble);
  const int64_t free = backend_->memory().free_bytes;
  // Both tries of one allocation.
  emulation::FailAllocations(2);
  const absl::Status failed =
      StatusOf([&] { backend_->Polar(matrix, PolarMethod::kSvd, q); });

  EXPECT_EQ(failed.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(backend_->memory().free_bytes, free);
  EXPECT_TRUE(backend_->Health().ok());
  EXPECT_GT(backend_->Polar(matrix, PolarMethod::kSvd, q).nuclear, 0.0);
}

TEST_F(EmulatedDeviceTest, OptimizationSurvivesAFailedAllocation) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "cka", .explicit_folds = {}}});
  plan.stopping.max_steps = 5;
  const auto create = [&] {
    return Optimization::Create(
        *Reference::Create(*backend_, MakeDataset(Normals(30, 8, 7))), plan);
  };
  const std::unique_ptr<Optimization> run = *create();
  // Later steps find their memory where the first has left it.
  emulation::FailAllocations(2);

  EXPECT_EQ(run->Step().code(), absl::StatusCode::kResourceExhausted);
  emulation::FailAllocations(0);
  EXPECT_TRUE((*create())->Step().ok());
}

TEST_F(EmulatedDeviceTest, NanEndsARunWithTheNameOfTheDevice) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "nbs", .explicit_folds = {}}});
  const auto create = [&] {
    return Optimization::Create(
        *Reference::Create(*backend_, MakeDataset(Normals(30, 8, 13))), plan);
  };
  const std::unique_ptr<Optimization> run = *create();
  // Long enough for recorded steps.
  for (int step = 0; step < 4; ++step) {
    ASSERT_TRUE(run->Step().ok());
  }
  emulation::SpoilProducts(1);

  const absl::Status status = run->Step();

  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the device gave NaN for finite rows: cuda:0"));
  EXPECT_TRUE(backend_->Health().ok());
  EXPECT_TRUE((*create())->Step().ok());
}

TEST_F(EmulatedDeviceTest, ManyFactorsWaitOnce) {
  const Table x = Normals(40, 12, 14);
  const Table a = Product(Transposed(x), x);
  std::vector<Matrix> batch;
  for (int i = 0; i < 20; ++i) {
    batch.push_back(backend_->Allocate(12, 12, kDouble));
    backend_->Upload(a.values, batch.back());
  }
  const int64_t before = cuda::HostWaits(*backend_);
  const std::vector<bool> definite = backend_->CholeskyBatch(batch, 1e-8);

  EXPECT_EQ(cuda::HostWaits(*backend_), before + 1);
  EXPECT_EQ(definite, std::vector<bool>(20, true));
  std::vector<Matrix> solutions;
  for (const Matrix& factor : batch) {
    solutions.push_back(backend_->Allocate(12, 12, kDouble));
    backend_->Copy(factor, solutions.back());
  }
  backend_->CholeskySolveBatch(batch, solutions);
  EXPECT_EQ(cuda::HostWaits(*backend_), before + 1);
}

TEST_F(EmulatedDeviceTest, FoldsDoNotAddWaitsToAStep) {
  const auto waits = [&](const std::string& id) {
    OptimizationPlan plan;
    plan.terms.push_back({.measure = {.id = id, .explicit_folds = {}}});
    plan.trace_every = 1000;
    const std::unique_ptr<Optimization> run = *Optimization::Create(
        *Reference::Create(*backend_, MakeDataset(Normals(60, 8, 15))), plan);
    for (int step = 0; step < 4; ++step) {
      EXPECT_TRUE(run->Step().ok());
    }
    const int64_t before = cuda::HostWaits(*backend_);
    EXPECT_TRUE(run->Step().ok());
    return cuda::HostWaits(*backend_) - before;
  };

  EXPECT_EQ(waits("ridge_r2(folds=rows_contiguous(10),lambda=1)"),
            waits("ridge_r2(folds=rows_contiguous(2),lambda=1)"));
}

TEST_F(EmulatedDeviceTest, RecordedStepsFallBackWhereRecordingFails) {
  emulation::TheSettings().captures_fail = true;
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "cka", .explicit_folds = {}}});
  plan.stopping.max_steps = 10;
  const std::unique_ptr<Optimization> run = *Optimization::Create(
      *Reference::Create(*backend_, MakeDataset(Normals(30, 8, 8))), plan);
  while (run->stop_reason() == StopReason::kNone) {
    ASSERT_TRUE(run->Step().ok());
  }

  EXPECT_EQ(cuda::GraphReplays(*backend_), 0);
  EXPECT_EQ(run->steps(), 10);
}

TEST_F(EmulatedDeviceTest, PolarFactorsAgreeWithTheCpuWhateverTheSpectrum) {
  const std::unique_ptr<Backend> cpu = *CreateBackend("cpu", 1);
  const Table u = RandomOrthogonal(24, 10);
  const Table v = RandomOrthogonal(9, 11);
  // Condition numbers, and 0 for a spectrum with zeros.
  for (const double condition : {1.0, 1e3, 1e6, 1e9, 0.0}) {
    Table a = {24, 9, std::vector<double>(216, 0.0)};
    for (int64_t k = 0; k < 9; ++k) {
      const double value =
          condition == 0.0 ? (k < 4 ? 1.0 : 0.0)
                           : std::pow(condition, -static_cast<double>(k) / 8.0);
      for (int64_t i = 0; i < 24; ++i) {
        for (int64_t j = 0; j < 9; ++j) {
          a.at(i, j) += value * u.at(i, k) * v.at(j, k);
        }
      }
    }
    const auto polar = [&](Backend& backend, double* norm) {
      const Matrix matrix = backend.Allocate(24, 9, kDouble);
      backend.Upload(Transposed(a).values, matrix);
      const Matrix q = backend.Allocate(24, 9, kDouble);
      *norm = backend.Polar(matrix, PolarMethod::kSvd, q).nuclear;
      Table table = {9, 24, Downloaded(backend, q)};
      return Transposed(table);
    };
    double expected = 0.0;
    double actual = 0.0;
    const Table q = polar(*cpu, &expected);
    const Table ours = polar(*backend_, &actual);

    EXPECT_NEAR(actual, expected, 1e-13 * expected) << condition;
    // Rounding over the smallest singular value.
    EXPECT_LT(Norm(Sum(1.0, q, -1.0, ours)), 1e-14 * std::max(condition, 1e3))
        << condition;
  }
}

/// Failures for good: each leaves the device of this process unusable until
/// everything of it is gone.
class EmulatedFailureTest : public EmulatedDeviceTest {
 protected:
  void TearDown() override {
    backend_.reset();
    emulation::Reset();
  }
};

TEST_F(EmulatedFailureTest, AnErrorForGoodTakesTheDeviceOutAndNothingElse) {
  const std::unique_ptr<Backend> sibling = backend_->Sibling(1);
  const Matrix matrix = backend_->Allocate(4, 4, kDouble);
  backend_->Fill(1.0, matrix);
  emulation::FailNextWork(cudaErrorIllegalAddress);
  const absl::Status failed = StatusOf([&] { Downloaded(*backend_, matrix); });

  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(failed.message()),
              HasSubstr("an illegal memory access was encountered"));
  EXPECT_EQ(backend_->Health(), failed);
  EXPECT_EQ(sibling->Health(), failed);
  EXPECT_EQ(StatusOf([&] { backend_->Fill(1.0, matrix); }), failed);
  EXPECT_EQ(StatusOf([&] { sibling->Allocate(2, 2, kDouble); }), failed);
  const std::unique_ptr<Backend> cpu = *CreateBackend("cpu", 1);
  EXPECT_TRUE(StatusOf([&] { cpu->Allocate(2, 2, kDouble); }).ok());
}

TEST_F(EmulatedFailureTest, AFailedDeviceEndsARunWithAStatus) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "nbs", .explicit_folds = {}}});
  const std::unique_ptr<Optimization> run = *Optimization::Create(
      *Reference::Create(*backend_, MakeDataset(Normals(30, 8, 12))), plan);
  for (int step = 0; step < 4; ++step) {
    ASSERT_TRUE(run->Step().ok());
  }
  emulation::FailNextWork(cudaErrorECCUncorrectable);

  EXPECT_EQ(run->Step().code(), absl::StatusCode::kInternal);
  EXPECT_FALSE(backend_->Health().ok());
}

}  // namespace
}  // namespace repscore::testing
