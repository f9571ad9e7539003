// A GPU that runs out of memory, and one that fails: what the host makes of it.
// Skipped where there is no device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/create.h"
#include "core/optimize/optimization.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

constexpr ScalarType kDouble = ScalarType::kFloat64;

absl::Status StatusOf(const std::function<void()>& body) {
  return Guarded([&]() -> absl::Status {
    body();
    return absl::OkStatus();
  });
}

class DeviceFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Backend>> made = CreateBackend("cuda:0", 1);
    if (!made.ok()) {
      GTEST_SKIP() << made.status().message();
    }
    gpu_ = *std::move(made);
  }

  /// One product of ones.
  double Product() {
    const Matrix ones = gpu_->Allocate(8, 8, kDouble);
    gpu_->Fill(1.0, ones);
    const Matrix product = gpu_->Allocate(8, 8, kDouble);
    gpu_->Gemm(Op::kNone, Op::kNone, 1.0, ones, ones, 0.0, product);
    return gpu_->Trace(product);
  }

  std::unique_ptr<Backend> gpu_;
};

TEST_F(DeviceFaultTest, MoreThanThereIsIsRefusedWithTheNumbers) {
  const absl::Status refused =
      StatusOf([&] { gpu_->Allocate(int64_t{1} << 20, 1 << 20, kDouble); });

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("8796093022208 bytes asked for"));
  EXPECT_TRUE(gpu_->Health().ok());
  EXPECT_EQ(Product(), 64.0);
}

TEST_F(DeviceFaultTest, ARunThatFindsNoMemoryEndsAndTheNextOneGoesOn) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "cka", .explicit_folds = {}}});
  plan.stopping.max_steps = 2;
  const auto dataset = MakeDataset(Normals(2000, 2000, 3300));
  const auto run = [&]() -> absl::Status {
    return Guarded([&]() -> absl::Status {
      const auto reference = Reference::Create(*gpu_, dataset);
      if (!reference.ok()) {
        return reference.status();
      }
      const auto made = Optimization::Create(*reference, plan);
      return made.ok() ? (*made)->Step() : made.status();
    });
  };
  {
    // All but what is too little for the run.
    constexpr int64_t kLeft = int64_t{48} << 20;
    constexpr int64_t kPart = int64_t{16} << 20;
    std::vector<Matrix> ballast;
    const auto take = [&](int64_t bytes) {
      return StatusOf(
          [&] { ballast.push_back(gpu_->Allocate(bytes / 8, 1, kDouble)); });
    };
    for (int64_t wanted = gpu_->memory().free_bytes - kLeft; wanted >= kPart;
         wanted = take(wanted).ok() ? gpu_->memory().free_bytes - kLeft
                                    : wanted / 2) {
    }
    EXPECT_EQ(run().code(), absl::StatusCode::kResourceExhausted);
  }

  EXPECT_TRUE(gpu_->Health().ok());
  EXPECT_EQ(run(), absl::OkStatus());
}

#ifndef REPSCORE_EMULATED_DEVICE

/// In a process of its own: none can use the device after that.
[[noreturn]] void ReadWhereNothingIs() {
  const std::unique_ptr<Backend> gpu = CreateBackend("cuda:0", 1).value();
  const std::unique_ptr<Backend> sibling = gpu->Sibling(1);
  const std::unique_ptr<Backend> cpu = CreateBackend("cpu", 1).value();
  const Matrix good = gpu->Allocate(8, 8, kDouble);
  gpu->Fill(1.0, good);
  // Mapped nowhere.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  void* const nowhere = reinterpret_cast<void*>(uintptr_t{1} << 12U);
  const Matrix bad(good.buffer(), nowhere, 8, 8, 8, kDouble);
  const absl::Status failed = StatusOf([&] { gpu->Dot(good, bad); });
  const absl::Status later =
      StatusOf([&] { sibling->Allocate(2, 2, kDouble); });
  const absl::Status host = StatusOf([&] {
    const Matrix matrix = cpu->Allocate(2, 2, kDouble);
    cpu->Fill(1.0, matrix);
  });
  std::cerr << "first: " << failed << "\nlater: " << later << "\nhost: " << host
            << '\n';
  const bool as_said = failed.code() == absl::StatusCode::kInternal &&
                       gpu->Health() == failed && later == failed && host.ok();
  std::_Exit(as_said ? 0 : 1);
}

using DeviceFaultDeathTest = DeviceFaultTest;

TEST_F(DeviceFaultDeathTest, AnErrorForGoodTakesTheDeviceOutAndNothingElse) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");

  EXPECT_EXIT(ReadWhereNothingIs(), ::testing::ExitedWithCode(0), "illegal");

  EXPECT_EQ(Product(), 64.0);
}

#endif

}  // namespace
}  // namespace repscore::testing
